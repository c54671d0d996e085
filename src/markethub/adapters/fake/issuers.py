"""What card issuers do to charges without any API request and whatever the card.

These are levers for tests and demonstrations; events tell of each as of the real thing.
"""

from markethub.adapters.fake import disputes
from markethub.adapters.fake.account import Account
from markethub.adapters.fake.store import JsonObject


def dispute_charge(
    account: Account,
    charge_id: str,
    *,
    reason: str = "fraudulent",
    status: str = "needs_response",
    amount: int | None = None,
) -> JsonObject:
    """Dispute a captured charge: of all of it, unless an amount is given, which may be higher.

    A dispute may be born ``lost`` (unchallengeable) or ``prevented``, or be an inquiry.
    """
    return account.act(
        lambda execution: disputes.open_dispute(
            execution,
            execution.load("charge", charge_id),
            reason=reason,
            status=status,
            amount=amount,
        )
    )


def win_dispute_late(account: Account, dispute_id: str) -> JsonObject:
    """Let a lost dispute be won after all."""
    return account.act(lambda execution: disputes.win_late(execution, dispute_id))


def resolve_warning(account: Account, warning_id: str) -> JsonObject:
    """Let nothing be left to do about an early fraud warning."""
    return account.act(lambda execution: disputes.resolve_warning(execution, warning_id))
