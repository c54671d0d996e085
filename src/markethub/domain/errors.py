"""Every error the core raises, in one tree.

    PaymentsError
    |-- Refused                    a rule says no; the same request will never succeed as it is
    |   |-- ValidationFailed           validation_failed
    |   |   |-- AmountTooSmall         amount_too_small
    |   |   `-- AmountTooLarge         amount_too_large
    |   |-- AmountMismatch             amount_mismatch
    |   |-- NotFound                   not_found
    |   |-- InvalidTransition          invalid_transition
    |   |-- OrderAlreadyPaid           order_already_paid
    |   |-- PaymentQuarantined         payment_quarantined
    |   |-- PaymentNotRefundable       payment_not_refundable
    |   |-- RefundExceedsCaptured      refund_exceeds_captured
    |   |-- RefundUnresolved           refund_unresolved
    |   |-- PlanChanged                plan_changed
    |   |-- PlanOutdated               plan_outdated
    |   |-- ApprovalRequired           approval_required
    |   |-- ApprovalRejected           approval_rejected
    |   |-- SecondPersonRequired       second_person_required
    |   |-- PaymentDisputed            payment_disputed
    |   |-- EvidencePastDue            evidence_past_due
    |   |-- TooManyDeclines            rate_limited
    |   |-- KeyReused                  idempotency_key_reused
    |   |-- InvalidSignature           invalid_signature
    |   `-- GatewayRejected            gateway_rejected
    |-- TryAgain                   the same request may succeed later
    |   |-- RequestInProgress          request_in_progress
    |   |-- GatewayUnavailable         gateway_unavailable
    |   |-- StaleWrite                 stale_write
    |   |-- StoreUnavailable           store_unavailable
    |   `-- CommitUnknown              commit_unknown
    `-- Misconfigured              the process must not start
        |-- ConfigurationError         configuration_error
        `-- ForeignDatabase            foreign_database

``code`` is stable and public; the transport's number for it is the entrypoints' business.
"""

from typing import ClassVar


class PaymentsError(Exception):
    """Root of the tree. ``str(error)`` is one sentence that is safe to show to the caller."""

    code: ClassVar[str] = "payments_error"


class Refused(PaymentsError):
    """A rule says no. Repeating the same request unchanged cannot succeed."""

    code = "refused"


class ValidationFailed(Refused):
    """The input is malformed. ``field`` is the dotted path of the offending value."""

    code = "validation_failed"

    def __init__(self, field: str, message: str) -> None:
        """Name the offending ``field`` (dotted path, may be empty) and what is wrong with it."""
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field
        self.message = message


class AmountTooSmall(ValidationFailed):
    """Below the provider's minimum for the currency."""

    code = "amount_too_small"


class AmountTooLarge(ValidationFailed):
    """Above the provider's maximum of eight digits."""

    code = "amount_too_large"


class AmountMismatch(Refused):
    """The caller expected another total than the stored order has."""

    code = "amount_mismatch"


class NotFound(Refused):
    """No such object, or one that the caller does not own: the two look alike."""

    code = "not_found"


class InvalidTransition(Refused):
    """The object's present status does not allow what was asked."""

    code = "invalid_transition"


class OrderAlreadyPaid(Refused):
    """The order is paid; it cannot be changed, canceled or paid again."""

    code = "order_already_paid"


class PaymentQuarantined(Refused):
    """Money arrived that does not fit the order. Staff must look at it before anything else."""

    code = "payment_quarantined"


class PaymentNotRefundable(Refused):
    """Nothing of the payment can be refunded: nothing was captured, or nothing is left."""

    code = "payment_not_refundable"


class RefundExceedsCaptured(Refused):
    """More than what is left of what was captured."""

    code = "refund_exceeds_captured"


class RefundUnresolved(Refused):
    """Nobody knows yet what became of an earlier refund: this one may be the same again."""

    code = "refund_unresolved"


class PlanChanged(Refused):
    """The plan of refunds is not as it was written: its hash does not match."""

    code = "plan_changed"


class PlanOutdated(Refused):
    """The payment no longer stands as it did when its refund was planned."""

    code = "plan_outdated"


class ApprovalRequired(Refused):
    """The refund is too much for one person: a second one has to approve it."""

    code = "approval_required"

    def __init__(self, message: str, *, approval_id: str, is_anothers: bool = False) -> None:
        """Name the approval that waits, and tell whether it is that of another refund."""
        super().__init__(message)
        self.approval_id = approval_id
        self.is_anothers = is_anothers


class ApprovalRejected(Refused):
    """A second person has refused the refund."""

    code = "approval_rejected"


class SecondPersonRequired(Refused):
    """Who asked for it cannot approve it, nor who does not show who they are."""

    code = "second_person_required"


class PaymentDisputed(Refused):
    """A chargeback is open: the bank has taken the money, or is about to."""

    code = "payment_disputed"


class EvidencePastDue(Refused):
    """The bank takes no more evidence for the dispute."""

    code = "evidence_past_due"


class TooManyDeclines(Refused):
    """The order has met too many declines to be tried again soon (card testing)."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        """Say when trying again may make sense, in whole seconds."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class KeyReused(Refused):
    """The caller's idempotency key began another request before."""

    code = "idempotency_key_reused"


class InvalidSignature(Refused):
    """An incoming event that the provider did not sign, or not now."""

    code = "invalid_signature"


class GatewayRejected(Refused):
    """The provider understood the request and refused it for good."""

    code = "gateway_rejected"


class TryAgain(PaymentsError):
    """Nothing is decided; the same request may succeed later."""

    code = "try_again"


class RequestInProgress(TryAgain):
    """Another request is at work on the same thing."""

    code = "request_in_progress"


class GatewayUnavailable(TryAgain):
    """The provider did not answer, or its answer says nothing. The outcome is unknown."""

    code = "gateway_unavailable"

    def __init__(self, message: str, *, retry_after_s: int = 5) -> None:
        """Say after how many whole seconds to ask again."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StaleWrite(TryAgain):
    """Somebody else changed the row first: optimistic concurrency refused this write."""

    code = "stale_write"


class StoreUnavailable(TryAgain):
    """The database is out of reach. Nothing of this transaction was kept."""

    code = "store_unavailable"


class CommitUnknown(TryAgain):
    """The connection was lost at COMMIT: whether it took place must be answered by a read."""

    code = "commit_unknown"


class Misconfigured(PaymentsError):
    """The process must not start like this."""

    code = "misconfigured"


class ConfigurationError(Misconfigured):
    """One message that names every wrong setting."""

    code = "configuration_error"


class ForeignDatabase(Misconfigured):
    """The database belongs to another gateway, mode or provider account."""

    code = "foreign_database"
