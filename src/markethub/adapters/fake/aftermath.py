"""What follows a charge by itself because of its card. Source: Stripe's page "Testing"."""

from markethub.adapters.fake import dispute_life, fraud_warnings
from markethub.adapters.fake.cards import Later
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.payment_methods import card_of
from markethub.adapters.fake.store import JsonObject


def follow(execution: Execution, charge_id: str) -> None:
    """Let the customer or the bank react to a captured charge. An action of the schedule.

    Nobody complains of a charge that was refunded in full by then.
    """
    charge = execution.load("charge", charge_id)
    if charge["refunded"]:
        return
    amount = charge["amount_captured"]
    match card_of(execution, charge["payment_method"]).later:
        case Later.DISPUTE_FRAUDULENT if not _was_authenticated(charge):
            _dispute(execution, charge, amount, "fraudulent")
        case Later.DISPUTE_NOT_RECEIVED:
            _dispute(execution, charge, amount, "product_not_received")
        case Later.INQUIRY:
            _dispute(execution, charge, amount, "general", status="warning_needs_response")
        case Later.DISPUTES:
            half = (amount + 1) // 2
            _dispute(execution, charge, half, "fraudulent")
            if half < amount:  # one unit cannot be halved
                charge = execution.load("charge", charge_id)
                _dispute(execution, charge, amount - half, "product_not_received")
        case Later.FRAUD_WARNING:
            fraud_warnings.warn(execution, charge)
        case _:
            pass  # protected by its authentication, or a card of which a refund is what is special


def _dispute(
    execution: Execution,
    charge: JsonObject,
    amount: int,
    reason: str,
    *,
    status: str = "needs_response",
) -> None:
    dispute_life.open_dispute(
        execution,
        charge,
        amount=amount,
        currency=charge["currency"],
        reason=reason,
        status=status,
        withdraws=status == "needs_response",
    )


def _was_authenticated(charge: JsonObject) -> bool:
    """Tell whether the bank has taken over the risk of fraud."""
    details = charge["payment_method_details"]["card"]["three_d_secure"]
    return details is not None and details["result"] == "authenticated"
