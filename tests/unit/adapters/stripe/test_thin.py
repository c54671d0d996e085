"""Thin events: each is a hint to read what it names."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from markethub.adapters.stripe import thin
from markethub.adapters.stripe.webhooks import HANDLED_TYPES, StripeEventTranslator
from markethub.domain.errors import ValidationFailed
from markethub.domain.facts import (
    CustomerDeleted,
    DisputeReported,
    IntentHinted,
    MethodReported,
    ProviderFact,
    ReceivedEvent,
    RefundReported,
    Unrecognised,
    WarningReported,
)
from markethub.domain.ids import (
    ChargeId,
    EventId,
    IntentId,
    ProviderCustomerId,
    ProviderDisputeId,
    ProviderRefundId,
    WarningId,
)
from markethub.domain.secret import Secret
from tests.support import thin_events

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
TRANSLATOR = StripeEventTranslator([Secret("whsec_test")])

SETUP = "setup_intent.succeeded"
INTENT = IntentHinted(intent_id=IntentId("x_1"), charge_id=None)
CHARGE = IntentHinted(intent_id=None, charge_id=ChargeId("x_1"))
DISPUTE = DisputeReported(dispute_id=ProviderDisputeId("x_1"), charge_id=None, intent_id=None)
REFUND = RefundReported(intent_id=None, charge_id=None, provider_refund_id=ProviderRefundId("x_1"))
METHOD = MethodReported(token=Secret("x_1"), is_detached=False)


def received(event: dict[str, Any]) -> ReceivedEvent:
    body = json.dumps(event).encode()
    header = stripe.WebhookSignature.generate_signature_header(
        body.decode(), "whsec_test", int(NOW.timestamp())
    )
    return TRANSLATOR.verify(body, signature=str(header), now=NOW)


def fact(type: str, kind: str, **changes: Any) -> ProviderFact:
    return TRANSLATOR.translate(received(thin_events.thin(type, kind, "x_1", **changes)))


class TestAThinEvent:
    def test_is_received_as_a_snapshot_event_is(self) -> None:
        event = received(thin_events.thin("v1.refund.created", "refund", "re_1"))

        assert EventId("evt_thin_1") == event.id
        assert event.type == "v1.refund.created"
        assert event.livemode is False
        assert datetime(2026, 11, 2, 9, 0, 1, tzinfo=UTC) == event.created_at
        assert event.api_version is None
        assert json.loads(event.payload)["related_object"]["id"] == "re_1"

    @pytest.mark.parametrize(
        ("type", "kind", "expected"),
        [
            ("v1.payment_intent.succeeded", "payment_intent", INTENT),
            ("v1.payment_intent.created", "payment_intent", INTENT),
            ("v1.payment_intent.payment_failed", "payment_intent", INTENT),
            ("v1.charge.succeeded", "charge", CHARGE),
            ("v1.charge.updated", "charge", CHARGE),
            (
                "v1.charge.refunded",
                "charge",
                RefundReported(intent_id=None, charge_id=ChargeId("x_1")),
            ),
            ("v1.refund.failed", "refund", REFUND),
            ("v1.charge.refund.updated", "refund", REFUND),
            ("v1.charge.dispute.funds_withdrawn", "dispute", DISPUTE),
            (
                "v1.radar.early_fraud_warning.created",
                "radar.early_fraud_warning",
                WarningReported(warning_id=WarningId("x_1"), charge_id=None, intent_id=None),
            ),
            ("v1.payment_method.attached", "payment_method", METHOD),
            ("v1.payment_method.detached", "payment_method", METHOD),
            (
                "v1.customer.deleted",
                "customer",
                CustomerDeleted(customer_id=ProviderCustomerId("x_1")),
            ),
        ],
    )
    def test_says_what_to_read(self, type: str, kind: str, expected: ProviderFact) -> None:
        assert expected == fact(type, kind)

    @pytest.mark.parametrize(
        "type",
        [
            "v1.invoice.paid",
            "v1.setup_intent.succeeded",
            "v2.core.event_destination.ping",
            "v2.core.account[configuration.merchant].updated",
            "v3.payment_intent.succeeded",
            "v2.payment_intent.succeeded",
        ],
    )
    def test_of_a_type_that_we_do_not_handle_is_unrecognised(self, type: str) -> None:
        assert Unrecognised(type=type) == fact(type, "payment_intent")

    def test_without_any_object_is_unrecognised_where_its_type_is(self) -> None:
        assert isinstance(fact("v2.core.ping", "x", related_object=None), Unrecognised)

    def test_is_known_in_every_type_that_is_handled_as_a_snapshot(self) -> None:
        unknown = {
            each for each in HANDLED_TYPES if isinstance(_named_rightly(f"v1.{each}"), Unrecognised)
        }

        assert {SETUP} == unknown

    @pytest.mark.parametrize(
        "related",
        [
            None,
            "pi_1",
            {},
            {"type": "payment_intent"},
            {"type": "charge", "id": "ch_1"},
            {"type": "payment_intent", "id": "pi/1"},
            {"type": "payment_intent", "id": None},
        ],
    )
    def test_without_the_object_that_its_type_is_about_is_refused(self, related: Any) -> None:
        with pytest.raises(ValidationFailed):
            fact("v1.payment_intent.succeeded", "payment_intent", related_object=related)

    @pytest.mark.parametrize("handled", sorted(HANDLED_TYPES - {SETUP}))
    @given(
        event=st.none()
        | st.integers()
        | st.lists(st.text())
        | st.dictionaries(st.text(), st.text())
    )
    def test_of_any_shape_is_refused(self, handled: str, event: Any) -> None:
        with pytest.raises(ValidationFailed):
            thin.event_fact(f"v1.{handled}", event)


class TestItsTime:
    @pytest.mark.parametrize(
        "text",
        [
            "2026-11-02T09:00:01Z",
            "2026-11-02T09:00:01.000000Z",
            "2026-11-02T09:00:01.000000000Z",
            "2026-11-02T10:30:01+01:30",
            "2026-11-02T01:00:01-08:00",
        ],
    )
    def test_is_read_in_every_form_of_the_standard(self, text: str) -> None:
        assert datetime(2026, 11, 2, 9, 0, 1, tzinfo=UTC) == thin.moment(text)

    @pytest.mark.parametrize(
        "value",
        [
            None,
            1793610001,
            "",
            "2026-11-02",
            "2026-11-02T09:00:01",
            "2026-11-02T25:00:01Z",
            "2026-W45-1T09:00:01Z",
            "0001-01-01T00:00:00+14:00",
            "2026-11-02T09:00:01+99:00",
            "\N{FULLWIDTH DIGIT TWO}026-11-02T09:00:01Z",
        ],
    )
    def test_that_is_none_is_refused(self, value: Any) -> None:
        with pytest.raises(ValidationFailed):
            received(thin_events.thin("v1.refund.created", "refund", "re_1", created=value))


def _named_rightly(type: str) -> ProviderFact:
    """Translate a thin event about an object of whatever kind its type is about."""
    kinds = (
        "payment_intent",
        "charge",
        "refund",
        "dispute",
        "radar.early_fraud_warning",
        "payment_method",
        "customer",
    )
    for kind in kinds:
        try:
            return fact(type, kind)
        except ValidationFailed:
            continue
    raise AssertionError(f"{type} is about nothing")
