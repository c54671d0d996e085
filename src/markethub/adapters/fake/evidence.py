"""A dispute's evidence: its fields, its limits, and the files that it names.

Source: Stripe's page "Disputes API", at the pinned version: which fields are texts and which are
files, 20,000 characters for one text and 150,000 for all of them.
"""

from collections.abc import Mapping
from typing import Any, Final

from markethub.adapters.fake import errors
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.parameters import Parser, fields, text

FILES: Final = (
    "cancellation_policy",
    "customer_communication",
    "customer_signature",
    "duplicate_charge_documentation",
    "receipt",
    "refund_policy",
    "service_documentation",
    "shipping_documentation",
    "uncategorized_file",
)
TEXTS: Final = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_tracking_number",
    "uncategorized_text",
)
PURPOSE: Final = "dispute_evidence"

_TEXT_MAXIMUM: Final = 20_000
_TEXTS_MAXIMUM: Final = 150_000

PARAMETER: Final[Parser] = fields(
    {
        **dict.fromkeys(TEXTS, text(maximum=_TEXT_MAXIMUM, unsettable=True)),
        **dict.fromkeys(FILES, text(unsettable=True)),
    }
)


def empty() -> dict[str, Any]:
    """Return evidence of which nothing was said yet."""
    return {**dict.fromkeys(sorted(FILES + TEXTS)), "enhanced_evidence": {}}


def is_there(evidence: Mapping[str, Any]) -> bool:
    """Tell whether anything was said."""
    return any(evidence[name] is not None for name in FILES + TEXTS)


def merged(
    execution: Execution, current: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the evidence with what is new. Raises ApiError for no such file, or too much text."""
    for name in FILES:
        if given.get(name) is not None:
            _require_file(execution, name, given[name])
    result = {**current, **given}
    total = sum(len(result[name] or "") for name in TEXTS)
    if total > _TEXTS_MAXIMUM:
        raise ApiError(
            f"The combined length of all evidence text fields is {total} characters, and must be "
            f"at most {_TEXTS_MAXIMUM}.",
            param="evidence",
        )
    return result


def _require_file(execution: Execution, name: str, file_id: str) -> None:
    param = f"evidence[{name}]"
    file = execution.find("file", file_id)
    if file is None:
        raise errors.missing("file", file_id, param=param, status=400)
    if file["purpose"] != PURPOSE:
        raise ApiError(
            f"The file {file_id} has the purpose {file['purpose']}, and must have {PURPOSE}.",
            param=param,
        )
