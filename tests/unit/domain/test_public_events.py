"""What the storefront is told of each event, and of which it hears nothing."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from markethub.domain import events
from markethub.domain.ids import DisputeId, OrderId, PaymentId, RefundId
from markethub.domain.public_events import PUBLIC_TYPES, aggregate_of, is_public, public_data

AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ORDER: dict[str, Any] = {"order_id": OrderId("o-1"), "payment_id": PaymentId("pay_1")}
MONEY: dict[str, Any] = {"amount_minor": 700, "currency": "jpy"}
REFUND: dict[str, Any] = {**ORDER, **MONEY, "refund_id": RefundId("ref_1")}
DISPUTE: dict[str, Any] = {**ORDER, "dispute_id": DisputeId("dsp_1")}
SUM = {"amount": 700, "currency": "jpy"}
OF_ORDER = {"order_id": "o-1", "payment_id": "pay_1"}

TOLD: list[tuple[events.DomainEvent, str, dict[str, Any]]] = [
    (events.OrderPaid(**ORDER, **MONEY, occurred_at=AT), "o-1", {**OF_ORDER, **SUM}),
    (
        events.PaymentFailed(**ORDER, failure_code="card_declined", occurred_at=AT),
        "pay_1",
        {**OF_ORDER, "failure_code": "card_declined"},
    ),
    (
        events.RefundSucceeded(**REFUND, occurred_at=AT),
        "ref_1",
        {**OF_ORDER, **SUM, "refund_id": "ref_1"},
    ),
    (
        events.RefundFailed(
            **REFUND, failure_reason="lost_or_stolen_card", had_succeeded=True, occurred_at=AT
        ),
        "ref_1",
        {
            **OF_ORDER,
            **SUM,
            "refund_id": "ref_1",
            "failure_reason": "lost_or_stolen_card",
            "had_succeeded": True,
        },
    ),
    (
        events.DisputeOpened(
            **DISPUTE, **MONEY, reason="fraudulent", is_inquiry=False, occurred_at=AT
        ),
        "dsp_1",
        {
            **OF_ORDER,
            **SUM,
            "dispute_id": "dsp_1",
            "reason": "fraudulent",
            "is_inquiry": False,
        },
    ),
    (
        events.DisputeDue(**DISPUTE, due_by="2026-11-09T00:00:00Z", occurred_at=AT),
        "dsp_1",
        {**OF_ORDER, "dispute_id": "dsp_1", "due_by": "2026-11-09T00:00:00Z"},
    ),
    (
        events.DisputeWon(**DISPUTE, **MONEY, occurred_at=AT),
        "dsp_1",
        {**OF_ORDER, **SUM, "dispute_id": "dsp_1"},
    ),
    (
        events.DisputeLost(**DISPUTE, **MONEY, occurred_at=AT),
        "dsp_1",
        {**OF_ORDER, **SUM, "dispute_id": "dsp_1"},
    ),
]


@pytest.mark.parametrize(("event", "aggregate", "data"), TOLD, ids=lambda each: type(each).__name__)
def test_a_public_event_is_told_in_the_interfaces_terms(
    event: events.DomainEvent, aggregate: str, data: dict[str, Any]
) -> None:
    assert data == public_data(event)
    assert aggregate == aggregate_of(event)


def test_every_public_type_is_shown_here_and_is_one_that_was_promised() -> None:
    promised = {
        "order.paid",
        "payment.failed",
        "refund.succeeded",
        "refund.failed",
        "dispute.opened",
        "dispute.due",
        "dispute.won",
        "dispute.lost",
    }

    assert promised == PUBLIC_TYPES == {event.type for event, _, _ in TOLD}


def test_the_storefront_hears_of_no_other_event() -> None:
    others = {kind.type for kind in get_args(events.DomainEvent)} - PUBLIC_TYPES
    canceled = events.OrderCanceled(order_id=OrderId("o-1"), occurred_at=AT)

    assert "payment.quarantined" in others
    assert not is_public(canceled)
