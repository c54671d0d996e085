"""Typed identifiers: ours, the storefront's, and the provider's."""

import re
from enum import StrEnum
from typing import NewType

from markethub.domain.errors import ValidationFailed

OrderId = NewType("OrderId", str)
"""The storefront's own order number."""
CustomerId = NewType("CustomerId", str)
"""The storefront's own customer number."""
PaymentId = NewType("PaymentId", str)
OperationId = NewType("OperationId", str)

MethodId = NewType("MethodId", str)
"""Ours, of a saved payment method; the provider's own token is a secret."""
CustomerRecordId = NewType("CustomerRecordId", str)
"""Ours, of the record that a customer has at the provider."""

ProviderCustomerId = NewType("ProviderCustomerId", str)
"""Stripe's ``cus_...``."""
SetupIntentId = NewType("SetupIntentId", str)
"""Stripe's ``seti_...``."""
IntentId = NewType("IntentId", str)
"""Stripe's ``pi_...``."""
ChargeId = NewType("ChargeId", str)
"""Stripe's ``ch_...`` (or ``py_...``)."""
RefundId = NewType("RefundId", str)
ProviderRefundId = NewType("ProviderRefundId", str)
"""Stripe's ``re_...`` (or ``pyr_...``)."""
DisputeId = NewType("DisputeId", str)
SubmissionId = NewType("SubmissionId", str)
ProviderDisputeId = NewType("ProviderDisputeId", str)
"""Stripe's ``dp_...`` or ``du_...``."""
ProviderFileId = NewType("ProviderFileId", str)
"""Stripe's ``file_...``."""
WarningId = NewType("WarningId", str)
"""Stripe's ``issfr_...``: an early fraud warning."""
EventId = NewType("EventId", str)
EndpointId = NewType("EndpointId", str)
"""Stripe's ``we_...``: a place that it delivers events to."""
"""Stripe's ``evt_...``."""
LeaseId = NewType("LeaseId", str)
"""Ours, of a worker's claim on some events: a fencing token."""


ApprovalId = NewType("ApprovalId", str)


class IdPrefix(StrEnum):
    """What our own ids begin with, so that a log line tells what it is about."""

    PAYMENT = "pay"
    OPERATION = "op"
    REFUND = "ref"
    DISPUTE = "dsp"
    SUBMISSION = "sub"
    METHOD = "mth"
    CUSTOMER = "cst"
    ENDPOINT = "ept"
    LEASE = "lse"
    WORKER = "wrk"
    APPROVAL = "apr"


_OUTSIDE_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def _outside_id(value: str, field: str) -> str:
    if not _OUTSIDE_ID.fullmatch(value):
        raise ValidationFailed(field, "must be 1 to 64 of the characters A-Z a-z 0-9 _ . : -")
    return value


def order_id(value: str) -> OrderId:
    """Accept an order number from outside. Raises ValidationFailed."""
    return OrderId(_outside_id(value, "order_id"))


def customer_id(value: str) -> CustomerId:
    """Accept a customer number from outside. Raises ValidationFailed."""
    return CustomerId(_outside_id(value, "customer_id"))
