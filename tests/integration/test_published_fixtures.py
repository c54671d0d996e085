"""Stripe's own examples of its objects, as events: read as what we wrote down ourselves is."""

from datetime import UTC, datetime
from typing import Any

import pytest

from markethub.adapters.stripe import disputes, refunds, saved_methods, translate
from markethub.domain.facts import (
    CustomerDeleted,
    DisputeReported,
    MethodReported,
    ProviderFact,
    RefundReported,
    WarningReported,
)
from markethub.domain.ids import (
    ChargeId,
    IntentId,
    ProviderCustomerId,
    ProviderDisputeId,
    WarningId,
)
from markethub.domain.money import Money
from markethub.domain.secret import Secret
from tests.support import stripe_objects as objects
from tests.support.stripe_fixtures import VERSIONS, fixture
from tests.support.stripe_openapi import require_schemas

pytestmark = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture(autouse=True)
def _at_hand() -> None:
    require_schemas()


@pytest.mark.parametrize("type", sorted(translate.CLAIMED_STATUS))
def test_an_intent(version: str, type: str) -> None:
    ours = objects.intent()
    # What Stripe fills in for the sake of the example, though this intent would not have it.
    theirs = fixture("payment_intent", version, **ours)

    assert translate.event_fact(type, ours) == translate.event_fact(type, theirs)


@pytest.mark.parametrize("type", sorted(translate.CHARGE_TYPES))
def test_a_charge(version: str, type: str) -> None:
    ours = objects.charge()
    theirs = fixture(
        "charge", version, id="ch_1", payment_intent="pi_1", metadata=objects.REFERENCE
    )

    assert translate.event_fact(type, ours) == translate.event_fact(type, theirs)


def test_a_charge_without_an_intent(version: str) -> None:
    fact = translate.event_fact("charge.succeeded", fixture("charge", version))

    assert None is getattr(fact, "intent_id", "missing")


def test_an_intent_of_somebody_else_is_read_without_an_id_of_ours(version: str) -> None:
    seen = translate.intent(fixture("payment_intent", version))

    assert Money.of(1099, "usd") == seen.amount
    assert None is seen.reference.payment_id


@pytest.mark.parametrize("type", ["refund.created", "refund.failed", "charge.refund.updated"])
def test_a_refund(version: str, type: str) -> None:
    fact = refunds.event_fact(type, fixture("refund", version, payment_intent="pi_1"))

    assert isinstance(fact, RefundReported)
    assert fact.refund is not None
    assert ("pi_1", "succeeded") == (fact.intent_id, fact.refund.status)
    assert datetime.fromtimestamp(1234567890, UTC) == fact.refund.created_at


def test_a_refunded_charge(version: str) -> None:
    fact = refunds.event_fact("charge.refunded", fixture("charge", version, id="ch_1"))

    assert RefundReported(intent_id=None, charge_id=ChargeId("ch_1")) == fact


@pytest.mark.parametrize("type", sorted(disputes.DISPUTE_TYPES))
def test_a_dispute(version: str, type: str) -> None:
    obj = fixture("dispute", version, id="dp_1", charge="ch_1", payment_intent="pi_1")

    expected = DisputeReported(
        dispute_id=ProviderDisputeId("dp_1"),
        charge_id=ChargeId("ch_1"),
        intent_id=IntentId("pi_1"),
    )
    assert expected == disputes.event_fact(type, obj)
    assert disputes.dispute(obj).evidence_due_by is not None


def test_an_early_fraud_warning(version: str) -> None:
    obj = fixture("radar.early_fraud_warning", version, id="issfr_1")

    expected = WarningReported(
        warning_id=WarningId("issfr_1"), charge_id=ChargeId("ch_1234"), intent_id=None
    )
    assert expected == disputes.event_fact("radar.early_fraud_warning.created", obj)


METHOD = {"id": "pm_1", "customer": "cus_1"}


@pytest.mark.parametrize(
    ("type", "kind", "changes", "expected"),
    [
        (
            "payment_method.attached",
            "payment_method",
            METHOD,
            MethodReported(token=Secret("pm_1"), is_detached=False),
        ),
        (
            "payment_method.detached",
            "payment_method",
            METHOD | {"customer": None},
            MethodReported(token=Secret("pm_1"), is_detached=True),
        ),
        (
            "payment_method.detached",  # saved again meanwhile: what is there decides
            "payment_method",
            METHOD,
            MethodReported(token=Secret("pm_1"), is_detached=False),
        ),
        (
            "setup_intent.succeeded",
            "setup_intent",
            {"payment_method": {"id": "pm_1", "object": "payment_method"}},
            MethodReported(token=Secret("pm_1"), is_detached=False),
        ),
        (
            "customer.deleted",
            "customer",
            {"id": "cus_1"},
            CustomerDeleted(customer_id=ProviderCustomerId("cus_1")),
        ),
    ],
)
def test_what_is_saved(
    version: str, type: str, kind: str, changes: dict[str, Any], expected: ProviderFact
) -> None:
    assert expected == saved_methods.event_fact(type, fixture(kind, version, **changes))
