"""What every store promises of the history of a payment."""

from datetime import timedelta

import attrs
import pytest

from markethub.domain.approval import Approval, ApprovalStatus
from markethub.domain.audit import Act, AuditAction, AuditEntry
from markethub.domain.events import OrderPaid, PaymentAuthorized, PaymentFailed
from markethub.domain.facts import FraudWarning
from markethub.domain.ids import (
    ApprovalId,
    ChargeId,
    DisputeId,
    OrderId,
    PaymentId,
    ProviderRefundId,
    RefundId,
    WarningId,
)
from markethub.domain.inbox_event import InboxEvent
from markethub.domain.ledger import EntryKind
from markethub.domain.money import Money
from markethub.domain.operation import OperationKind, OperationStatus
from markethub.domain.payment import Payment
from markethub.domain.ports.history import Arrival, Attempt, History, Last
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.refund import RefundReason
from markethub.domain.submission import SubmissionKind
from tests.support.stored_disputes import dispute, save, submission
from tests.support.stored_refunds import refund
from tests.support.stores import (
    START,
    Store,
    entry,
    event,
    later,
    operation,
    order,
    payment,
    post,
    put,
    receive,
)

pytestmark = pytest.mark.anyio

PAID = attrs.evolve(payment(intent_id="pi_1"), charge_id=ChargeId("ch_1"))
KINDS = (
    "refunds",
    "disputes",
    "approvals",
    "operations",
    "submissions",
    "events",
    "entries",
    "messages",
    "acts",
)
ADA = Act(actor="ada", reason="because")


def about(subject: str, id: str, *, at: int = 0) -> InboxEvent:
    arrived = event(id, now=later(seconds=at))
    return attrs.evolve(arrived, event=attrs.evolve(arrived.event, subject=subject))


def paid(of: str = "o-1") -> OrderPaid:
    return OrderPaid(
        order_id=OrderId(of),
        payment_id=PaymentId("pay_1"),
        amount_minor=5000,
        currency="usd",
        occurred_at=START,
    )


async def told(store: Store, *entries: AuditEntry) -> None:
    async def work(tx: Transaction) -> None:
        for each in entries:
            await tx.audit.append(each)

    await store.transactions.run(work)


async def approved(store: Store, *approvals: Approval) -> None:
    async def work(tx: Transaction) -> None:
        for each in approvals:
            await tx.approvals.save(each)

    await store.transactions.run(work)


async def history(store: Store, *, most: int = 50) -> History:
    found = await store.history_queries.history(PaymentId("pay_1"), most=most)
    assert found is not None
    return found


async def with_another(store: Store, first: Payment = PAID) -> None:
    """Save the payment, and another of the same customer."""
    of = order("o-2")
    await put(store, order(), of, first, payment("pay_2", of=of, intent_id="pi_2"))


async def test_a_payment_that_does_not_exist_has_no_history(store: Store) -> None:
    assert await store.history_queries.history(PaymentId("pay_1")) is None


async def test_of_a_payment_that_has_just_begun_nothing_is_told_but_itself(store: Store) -> None:
    await put(store, order(), payment())

    found = await history(store)

    assert attrs.evolve(payment(), version=1) == found.payment
    assert found.unresolved is None
    for name in KINDS:
        assert Last() == attrs.evolve(getattr(found, name), items=()), name
        assert [] == list(getattr(found, name).items), name


async def test_requests_are_told_in_their_order_without_what_they_say(store: Store) -> None:
    await with_another(store)
    await put(
        store,
        attrs.evolve(
            operation("op_1").refuse("card_declined", now=later(seconds=3)),
            kind=OperationKind.CAPTURE,
            amount=Money.of(700, "usd"),
            attempt=2,
        ),
        operation("op_0", now=later(seconds=5)),
        operation("op_2", payment_id="pay_2"),
    )
    await save(store, dispute(), submission())
    found = await history(store)

    refused = Attempt(
        kind=OperationKind.CAPTURE,
        about=None,
        amount=Money.of(700, "usd"),
        number=2,
        status=OperationStatus.REFUSED,
        error_code="card_declined",
        asked_at=START,
        updated_at=later(seconds=3),
    )
    unknown = attrs.evolve(
        refused,
        kind=OperationKind.CANCEL,
        amount=None,
        number=1,
        status=OperationStatus.UNRESOLVED,
        error_code=None,
        asked_at=later(seconds=5),
        updated_at=later(seconds=5),
    )
    assert [refused, unknown] == list(found.operations.items)
    assert unknown == found.unresolved
    assert [(SubmissionKind.SUBMIT, "dsp_1")] == [
        (each.kind, each.about) for each in found.submissions.items
    ]


async def test_events_about_the_payment_are_told_as_they_arrived(store: Store) -> None:
    warning = FraudWarning(
        id=WarningId("issfr_1"), fraud_type="misc", is_actionable=True, created_at=START
    )
    await with_another(store, attrs.evolve(PAID, fraud_warnings=(warning,)))
    await save(store, refund(provider_id=ProviderRefundId("re_1")), dispute())
    subjects = ("ch_1", "pi_1", "re_1", "dp_1", "issfr_1")
    await receive(
        store,
        [
            *(about(each, f"evt_{each}", at=9 - n) for n, each in enumerate(subjects)),
            about("pi_2", "evt_other"),
            about("pi_1", "evt_late", at=20).ignore("unhandled_type", now=later(seconds=21)),
        ],
    )
    found = (await history(store)).events

    assert ["evt_issfr_1", "evt_dp_1", "evt_re_1", "evt_pi_1", "evt_ch_1", "evt_late"] == [
        each.id for each in found.items
    ]
    last = about("pi_1", "evt_late", at=20).ignore("unhandled_type", now=later(seconds=21))
    assert (
        Arrival(
            id=last.event.id,
            type=last.event.type,
            status=last.status,
            reason="unhandled_type",
            created_at=START,
            received_at=later(seconds=20),
            replayed_at=None,
        )
        == found.items[-1]
    )


async def test_what_was_posted_refunded_contested_and_asked_is_the_payments_own(
    store: Store,
) -> None:
    await with_another(store)
    entries = [entry("ch_1"), entry("txn_1", kind=EntryKind.FEE, minor=175)]
    await post(store, *entries, entry("ch_2", payment_id="pay_2"))
    other = {"payment_id": PaymentId("pay_2"), "order_id": OrderId("o-2")}
    await save(
        store,
        refund("ref_2", created_at=later(seconds=1)),
        refund("ref_1"),
        refund("ref_3", **other),
        dispute(),
        dispute("dsp_2", **other),
    )
    waits = Approval(
        id=ApprovalId("apr_1"),
        payment_id=PaymentId("pay_1"),
        order_id=OrderId("o-1"),
        amount=Money.of(4000, "usd"),
        takes_the_rest=False,
        reason=RefundReason.OTHER,
        note=None,
        requested_by="ada",
        status=ApprovalStatus.PENDING,
        created_at=START,
        updated_at=START,
    )
    await approved(store, waits)
    found = await history(store)

    assert entries == list(found.entries.items)
    assert ["ref_1", "ref_2"] == [each.id for each in found.refunds.items]
    assert ["dsp_1"] == [each.id for each in found.disputes.items]
    assert ["apr_1"] == [each.id for each in found.approvals.items]


async def test_messages_are_those_about_this_payment_also_where_its_order_tells_them(
    store: Store,
) -> None:
    declined = PaymentFailed(
        payment_id=PaymentId("pay_1"),
        order_id=OrderId("o-1"),
        failure_code="card_declined",
        occurred_at=START,
    )
    held = PaymentAuthorized(
        payment_id=PaymentId("pay_1"),
        order_id=OrderId("o-1"),
        amount_minor=5000,
        currency="usd",
        occurred_at=START,
    )
    await put(store, order(), attrs.evolve(PAID, events=(declined, held)))
    of_another = attrs.evolve(paid(), payment_id=PaymentId("pay_9"))

    async def tell(tx: Transaction) -> None:
        stored = await tx.orders.find(OrderId("o-1"))
        assert stored is not None
        await tx.orders.save(attrs.evolve(stored, events=(paid(), of_another)))

    await store.transactions.run(tell)
    found = (await history(store)).messages

    assert [declined, paid()] == [each.event for each in found.items]


async def test_acts_are_those_on_the_payment_and_on_its_events_and_messages(store: Store) -> None:
    await with_another(store, attrs.evolve(PAID, events=()))
    await receive(store, [about("pi_1", "evt_1"), about("pi_2", "evt_2")])
    await told(
        store,
        *(
            AuditEntry.of(ADA, AuditAction.EVENT_REPLAY, at=START, subject=each)
            for each in ("evt_1", "evt_2")
        ),
        *(
            AuditEntry.of(ADA, AuditAction.REFUND_REQUEST, at=START, payment_id=PaymentId(each))
            for each in ("pay_2", "pay_1")
        ),
    )
    found = (await history(store)).acts

    assert [AuditAction.EVENT_REPLAY, AuditAction.REFUND_REQUEST] == [
        each.action for each in found.items
    ]
    assert ["because", "because"] == [each.reason for each in found.items]


async def test_of_many_the_last_are_told_and_that_there_were_more(store: Store) -> None:
    await put(store, order(), PAID)
    second = timedelta(seconds=1)
    for number in range(3):
        at = START + number * second
        closed = operation(f"op_{number}", now=at).refuse("no", now=at)
        await put(store, closed)
        await save(store, refund(RefundId(f"ref_{number}"), created_at=at))
        await save(store, dispute(DisputeId(f"dsp_{number}"), created_at=at))
    await receive(store, [about("pi_1", f"evt_{n}", at=n) for n in range(3)])
    await post(store, *(entry(f"txn_{n}") for n in range(3)))
    line = AuditEntry.of(ADA, AuditAction.REFUND_REQUEST, at=START, payment_id=PAID.id)
    await told(store, *(attrs.evolve(line, subject=str(n)) for n in range(3)))
    found = await history(store, most=2)
    whole = await history(store, most=3)

    assert ["evt_1", "evt_2"] == [each.id for each in found.events.items]
    assert ["txn_1", "txn_2"] == [each.reference for each in found.entries.items]
    assert ["ref_1", "ref_2"] == [each.id for each in found.refunds.items]
    assert ["1", "2"] == [each.subject for each in found.acts.items]
    assert [later(seconds=1), later(seconds=2)] == [
        each.asked_at for each in found.operations.items
    ]
    cut = {"refunds", "disputes", "operations", "events", "entries", "acts"}
    assert cut == {name for name in KINDS if not getattr(found, name).is_all}
    assert set() == {name for name in KINDS if not getattr(whole, name).is_all}
