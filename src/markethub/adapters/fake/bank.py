"""What happens to an account beyond its API: at banks, at customers, in Stripe's dashboard.

Every method is one occurrence at the account's present time, whole or not at all, with the events
and balance lines that Stripe makes of it. One that Stripe has no edge for is refused with
IllegalTransition, and leaves no trace.
"""

from collections.abc import Mapping
from typing import Final

from markethub.adapters.fake import (
    dispute_life,
    disputes,
    fraud_warnings,
    refund_life,
    refunds,
    transitions,
)
from markethub.adapters.fake.account import Account
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.store import JsonObject
from markethub.adapters.fake.transitions import IllegalTransition

__all__ = ["Bank", "IllegalTransition"]


class Bank:
    """The world around one account. Several over one account are the same."""

    def __init__(self, account: Account) -> None:
        """Take the account."""
        self._account: Final = account

    # --- refunds ------------------------------------------------------------------------------

    def refund_in_dashboard(
        self,
        charge_id: str,
        *,
        amount: int | None = None,
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> JsonObject:
        """Refund a charge as a person does: under no key, and with no metadata of a program.

        None as the amount means all that is left. Raises ApiError as the endpoint does, and
        ValueError for an amount that is not positive.
        """
        if amount is not None and amount <= 0:
            raise ValueError(f"a refund of {amount} is none")
        given = {"charge": charge_id, "amount": amount, "reason": reason, "metadata": metadata}
        known = {name: value for name, value in given.items() if value is not None}
        return self._account.act(lambda execution: refunds.create(execution, known))

    def start_next_refund(
        self, charge_id: str, status: str, *, pending_reason: str | None = None
    ) -> None:
        """Arrange how the charge's next refund starts, once; nothing then follows by itself.

        Raises ValueError for a ``pending_reason`` that there is not.
        """
        _require_known(pending_reason, refund_life.PENDING_REASONS)
        transitions.require(transitions.REFUND, refund_life.KIND, None, status)
        plan = {"status": status, "pending_reason": pending_reason}
        self._account.act(lambda execution: execution.note(refund_life.NEXT, charge_id, plan))

    def settle_refund(self, refund_id: str) -> JsonObject:
        """Let a pending refund reach the customer: it has succeeded."""
        return self._account.act(
            lambda execution: refunds.succeed(execution, refunds.load(execution, refund_id))
        )

    def fail_refund(self, refund_id: str, reason: str = "unknown") -> JsonObject:
        """Let a refund come back: the money is the account's again, also after a success.

        Raises ValueError for a reason that there is not.
        """
        _require_known(reason, refund_life.FAILURE_REASONS)
        return self._move_refund(refund_id, "failed", failure_reason=reason)

    def ask_for_details(self, refund_id: str) -> JsonObject:
        """Let a refund need the customer, who is asked by mail (again): ``requires_action``."""
        return self._move_refund(refund_id, "requires_action")

    def give_details(self, refund_id: str) -> JsonObject:
        """Let the customer say where a refund is to go: it is pending (again)."""
        return self._move_refund(refund_id, "pending", pending_reason="processing")

    def cancel_refund_in_dashboard(self, refund_id: str) -> JsonObject:
        """Cancel a refund as a person can, also a card's while it is pending."""
        return self._move_refund(refund_id, "canceled")

    def _move_refund(self, refund_id: str, to: str, **why: str) -> JsonObject:
        return self._account.act(
            lambda execution: refund_life.move(
                execution, refunds.load(execution, refund_id), to, **why
            )
        )

    # --- disputes -----------------------------------------------------------------------------

    def open_dispute(
        self,
        charge_id: str,
        *,
        amount: int | None = None,
        currency: str | None = None,
        reason: str = "fraudulent",
        status: str = "needs_response",
        withdraws: bool | None = None,
    ) -> JsonObject:
        """Let the customer's bank open a dispute; a charge may have several.

        None as the amount (in minor units of ``currency``) and the currency mean the captured
        amount and the charge's own; either may be anything else. ``status`` is
        ``needs_response``, ``warning_needs_response`` (an inquiry), ``lost`` (the bank does not
        listen) or ``prevented``. ``withdraws`` says whether money goes at once; None means for a
        chargeback and what is born lost. Raises ValueError for a reason that there is not.
        """
        _require_known(reason, dispute_life.REASONS)

        def opened(execution: Execution) -> JsonObject:
            charge = execution.load("charge", charge_id)
            return dispute_life.open_dispute(
                execution,
                charge,
                amount=charge["amount_captured"] if amount is None else amount,
                currency=currency or charge["currency"],
                reason=reason,
                status=status,
                withdraws=(
                    status in ("needs_response", "lost") if withdraws is None else withdraws
                ),
            )

        return self._account.act(opened)

    def escalate_inquiry(self, dispute_id: str) -> JsonObject:
        """Let an inquiry become a chargeback: now the money goes."""
        return self._move_dispute(dispute_id, "needs_response")

    def close_inquiry(self, dispute_id: str) -> JsonObject:
        """Let an inquiry come to nothing."""
        return self._move_dispute(dispute_id, "warning_closed")

    def submit_in_dashboard(self, dispute_id: str) -> JsonObject:
        """Send the evidence that there is, as a person does: the bank looks into it."""
        return self._account.act(
            lambda execution: dispute_life.submit(execution, disputes.load(execution, dispute_id))
        )

    def win_dispute(self, dispute_id: str) -> JsonObject:
        """Let the bank decide for the seller, also late, after the dispute was lost.

        After a partial refund the rest comes back and the dispute ends ``lost``.
        """
        return self._account.act(
            lambda execution: dispute_life.win(execution, disputes.load(execution, dispute_id))
        )

    def lose_dispute(self, dispute_id: str, *, reinstated: int | None = None) -> JsonObject:
        """Let the bank decide for the customer; ``reinstated`` comes back all the same.

        That is in minor units of the dispute's currency.
        """
        return self._move_dispute(dispute_id, "lost", reinstated=reinstated)

    def _move_dispute(
        self, dispute_id: str, to: str, *, reinstated: int | None = None
    ) -> JsonObject:
        return self._account.act(
            lambda execution: dispute_life.move(
                execution, disputes.load(execution, dispute_id), to, reinstated=reinstated
            )
        )

    # --- warnings -----------------------------------------------------------------------------

    def warn_of_fraud(self, charge_id: str, fraud_type: str = "misc") -> JsonObject:
        """Let the card's issuer send an early fraud warning.

        Raises ValueError for a type that there is not.
        """
        _require_known(fraud_type, fraud_warnings.TYPES)
        return self._account.act(
            lambda execution: fraud_warnings.warn(
                execution, execution.load("charge", charge_id), fraud_type=fraud_type
            )
        )


def _require_known(value: str | None, values: tuple[str, ...]) -> None:
    if value is not None and value not in values:
        raise ValueError(f"{value!r} is none of {', '.join(values)}")
