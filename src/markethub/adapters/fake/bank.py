"""What happens to an account beyond its API: at banks, at customers, in Stripe's dashboard.

Every method is one occurrence at the account's present time, whole or not at all, with the events
and balance lines that Stripe makes of it. One that Stripe has no edge for is refused with
IllegalTransition, and leaves no trace.
"""

from collections.abc import Mapping
from typing import Final

from markethub.adapters.fake import refund_life, refunds, transitions
from markethub.adapters.fake.account import Account
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

        None as the amount means all that is left. Raises ApiError as the endpoint does.
        """
        given = {"charge": charge_id, "amount": amount, "reason": reason, "metadata": metadata}
        known = {name: value for name, value in given.items() if value is not None}
        return self._account.happen(lambda execution: refunds.create(execution, known))

    def start_next_refund(
        self, charge_id: str, status: str, *, pending_reason: str | None = None
    ) -> None:
        """Arrange how the charge's next refund starts, once; nothing then follows by itself.

        Raises ValueError for a ``pending_reason`` that there is not.
        """
        _require_known(pending_reason, refund_life.PENDING_REASONS)
        transitions.require(transitions.REFUND, refund_life.KIND, None, status)
        plan = {"status": status, "pending_reason": pending_reason}
        self._account.happen(lambda execution: execution.note(refund_life.NEXT, charge_id, plan))

    def settle_refund(self, refund_id: str) -> JsonObject:
        """Let a pending refund reach the customer: it has succeeded."""
        return self._move_refund(refund_id, "succeeded")

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
        return self._account.happen(
            lambda execution: refund_life.move(
                execution, refunds.load(execution, refund_id), to, **why
            )
        )


def _require_known(value: str | None, values: tuple[str, ...]) -> None:
    if value is not None and value not in values:
        raise ValueError(f"{value!r} is none of {', '.join(values)}")
