"""What happens to saved cards without any API request: by the card networks, in the dashboard.

These are the levers for tests and demonstrations; events tell of each as of the real thing.
"""

from datetime import UTC, datetime

from markethub.adapters.fake import customers, payment_methods, saved_methods
from markethub.adapters.fake.account import Account
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.store import JsonObject

_UPDATED = "payment_method.automatically_updated"


def update_card(
    account: Account,
    method_id: str,
    *,
    exp_month: int | None = None,
    exp_year: int | None = None,
    last4: str | None = None,
) -> JsonObject:
    """Let the network send a saved card's new expiry, or its new number by its last digits.

    A new number has a new fingerprint; the card goes on behaving as before. Nothing is told where
    nothing is new. Raises ApiError for a method that is not there.
    """

    def deed(execution: Execution) -> JsonObject:
        method = payment_methods.load(execution, method_id)
        card = dict(method["card"])
        if exp_month is not None:
            card["exp_month"] = exp_month
        if exp_year is not None:
            card["exp_year"] = exp_year
        if last4 is not None and last4 != card["last4"]:
            card["last4"] = last4
            card["fingerprint"] = execution.derived(f"reissued:{card['fingerprint']}:{last4}")
        return payment_methods.change(execution, method, {"card": card}, event=_UPDATED)

    return account.act(deed)


def expire_card(account: Account, method_id: str) -> JsonObject:
    """Let a saved card be past its last month: from now on its charges are ``expired_card``.

    Raises ApiError for a method that is not there.
    """
    today = datetime.fromtimestamp(account.now, UTC)
    year, month = (today.year, today.month - 1) if today.month > 1 else (today.year - 1, 12)
    return update_card(account, method_id, exp_month=month, exp_year=year)


def detach_method(account: Account, method_id: str) -> JsonObject:
    """Remove a customer's card in the dashboard. Raises ApiError as the API does."""
    return account.act(lambda execution: saved_methods.detach(execution, {}, method_id))


def delete_customer(account: Account, customer_id: str) -> JsonObject:
    """Delete a customer in the dashboard. Raises ApiError for one that is not there."""
    return account.act(lambda execution: customers.delete(execution, {}, customer_id))
