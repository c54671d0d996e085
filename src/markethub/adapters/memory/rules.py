"""What the real schema's CHECKs say of amounts, under the same names.

Without them, a mistake that every SQL database refuses would pass here unseen.
"""

from typing import Final

from markethub.adapters.memory.tables import Rule
from markethub.domain.approval import Approval, ApprovalStatus
from markethub.domain.dispute import Dispute
from markethub.domain.operation import Operation
from markethub.domain.order import Order
from markethub.domain.payment import Payment
from markethub.domain.refund import Refund

OF_ORDERS: Final = (
    Rule[Order](name="shipping_not_negative", holds=lambda order: order.cart.shipping >= 0),
    Rule[Order](name="total_chargeable", holds=lambda order: 1 <= order.total.minor <= 99_999_999),
)
OF_PAYMENTS: Final = (
    Rule[Payment](name="amount_positive", holds=lambda payment: payment.amount.minor > 0),
    Rule[Payment](
        name="authorized_bounded",
        holds=lambda payment: 0 <= payment.authorized.minor <= payment.amount.minor,
    ),
    Rule[Payment](
        name="captured_bounded",
        holds=lambda payment: 0 <= payment.captured.minor <= payment.amount.minor,
    ),
    Rule[Payment](
        name="refunded_bounded",
        holds=lambda payment: 0 <= payment.refunded.minor <= payment.captured.minor,
    ),
    Rule[Payment](
        name="refund_reserved_bounded",
        holds=lambda payment: (
            payment.refund_reserved.minor == 0
            or 0 < payment.refund_reserved.minor <= payment.captured.minor - payment.refunded.minor
        ),
    ),
    Rule[Payment](name="disputed_not_negative", holds=lambda payment: payment.disputed.minor >= 0),
    Rule[Payment](
        name="capture_asked_positive",
        holds=lambda payment: payment.capture_asked is None or payment.capture_asked.minor > 0,
    ),
)
OF_OPERATIONS: Final = (
    Rule[Operation](
        name="amount_positive",
        holds=lambda operation: operation.amount is None or operation.amount.minor > 0,
    ),
)
OF_REFUNDS: Final = (
    Rule[Refund](name="amount_positive", holds=lambda refund: refund.amount.minor > 0),
)
OF_APPROVALS: Final = (
    Rule[Approval](name="amount_positive", holds=lambda approval: approval.amount.minor > 0),
    Rule[Approval](
        name="second_person",
        holds=lambda approval: (
            approval.status is not ApprovalStatus.APPROVED
            or approval.decided_by != approval.requested_by
        ),
    ),
)
OF_DISPUTES: Final = (
    Rule[Dispute](name="amount_not_negative", holds=lambda dispute: dispute.amount.minor >= 0),
)
