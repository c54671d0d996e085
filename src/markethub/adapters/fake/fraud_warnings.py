"""Early fraud warnings. Source: Stripe's page "Early fraud warnings".

Actionable is a warning whose charge is neither disputed nor refunded in full.
"""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake import errors
from markethub.adapters.fake.attached import attach, attached
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.listing import LIST, page
from markethub.adapters.fake.parameters import Spec, text
from markethub.adapters.fake.store import JsonObject

KIND: Final = "radar.early_fraud_warning"
TYPES: Final = (
    "card_never_received",
    "fraudulent_card_application",
    "made_with_counterfeit_card",
    "made_with_lost_card",
    "made_with_stolen_card",
    "misc",
    "unauthorized_use_of_card",
)
LIST_PARAMS: Final[Spec] = {**LIST, "charge": text(), "payment_intent": text()}


def retrieve(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    """``GET /v1/radar/early_fraud_warnings/{id}``. Raises ApiError 404."""
    warning = execution.find(KIND, id)
    if warning is None:
        raise errors.missing("early_fraud_warning", id, param="early_fraud_warning")
    return warning


def listed(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``GET /v1/radar/early_fraud_warnings``, the newest first."""
    wanted = {name: given[name] for name in ("charge", "payment_intent") if name in given}
    return page(
        execution,
        KIND,
        given,
        url="/v1/radar/early_fraud_warnings",
        matches=lambda warning: all(warning[name] == wanted[name] for name in wanted),
    )


def warn(execution: Execution, charge: JsonObject, *, fraud_type: str = "misc") -> JsonObject:
    """Record that the card's issuer suspects fraud."""
    warning = attach(
        execution,
        {
            "id": execution.new_id("issfr"),
            "object": KIND,
            "actionable": not charge["refunded"] and not charge["disputed"],
            "charge": charge["id"],
            "created": execution.now,
            "fraud_type": fraud_type,
            "livemode": execution.options.livemode,
            "payment_intent": charge["payment_intent"],
        },
    )
    execution.emit(f"{KIND}.created", warning)
    return warning


def end(execution: Execution, charge_id: str) -> None:
    """Note that nothing can be done any more about a charge's warnings."""
    for warning in attached(execution, KIND, charge_id):
        if warning["actionable"]:
            changed = execution.change(warning, actionable=False)
            execution.emit(f"{KIND}.updated", changed, previous={"actionable": True})
