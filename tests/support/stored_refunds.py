"""Rows of refunds, to put into the stores."""

from typing import Any

import attrs

from markethub.domain.ids import OrderId, PaymentId, RefundId
from markethub.domain.money import Money
from markethub.domain.refund import Refund, RefundReason, RefundStatus
from tests.support.stores import START


def refund(id: str = "ref_1", **changes: Any) -> Refund:
    made = Refund(
        id=RefundId(id),
        payment_id=PaymentId("pay_1"),
        order_id=OrderId("o-1"),
        amount=Money.of(2000, "usd"),
        status=RefundStatus.PENDING,
        reason=RefundReason.GOODWILL,
        actor="ada",
        created_at=START,
        updated_at=START,
    )
    return attrs.evolve(made, **changes)
