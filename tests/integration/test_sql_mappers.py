"""Whatever an entity holds comes back from the database as it was."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import StatementError

from markethub.adapters.sqlalchemy import mappers
from markethub.adapters.sqlalchemy.dispute_mappers import (
    dispute_from_row,
    dispute_to_row,
    submission_from_row,
    submission_to_row,
)
from markethub.adapters.sqlalchemy.refund_mappers import refund_from_row, refund_to_row
from markethub.domain import events
from markethub.domain.dispute import Dispute, DisputeStatus
from markethub.domain.evidence import Evidence
from markethub.domain.facts import (
    BalanceTransaction,
    CaptureMethod,
    Card,
    Failure,
    FraudWarning,
    ReceivedEvent,
)
from markethub.domain.ids import (
    ChargeId,
    CustomerId,
    DisputeId,
    EventId,
    IntentId,
    OperationId,
    OrderId,
    PaymentId,
    ProviderDisputeId,
    ProviderFileId,
    ProviderRefundId,
    RefundId,
    SubmissionId,
    WarningId,
)
from markethub.domain.inbox_event import InboxEvent, InboxStatus
from markethub.domain.ledger import Account, Entry, EntryKind
from markethub.domain.money import CURRENCIES, Currency, Money
from markethub.domain.operation import (
    Operation,
    OperationKind,
    OperationStatus,
    ProviderRequest,
)
from markethub.domain.order import Cart, Line, Order, OrderStatus
from markethub.domain.payment import Payment, PaymentStatus, Quarantine
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.refund import PlanLine, Refund, RefundReason, RefundStatus
from markethub.domain.submission import Submission, SubmissionKind
from tests.support.stores import Store

pytestmark = pytest.mark.anyio

# No database takes a lone surrogate, and PostgreSQL no NUL; the edges refuse both.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
names = texts.filter(bool)
counts = st.integers(0, 2**31 - 1)
currencies = st.sampled_from(list(CURRENCIES.values()))
moments = st.datetimes(
    datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(9999, 12, 30),  # noqa: DTZ001 - likewise
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))]),
)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


@st.composite
def lines(draw: st.DrawFn) -> Line:
    price, quantity = draw(st.integers(0, 9_999)), draw(st.integers(1, 99))
    return Line(
        sku=draw(texts),
        title=draw(texts),
        unit_price=price,
        quantity=quantity,
        discount=draw(st.integers(0, price * quantity)),
        tax=draw(st.integers(0, 9_999)),
    )


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """An order that is not paid: that takes a payment."""
    cart = Cart(
        customer_id=CustomerId(draw(names)),
        currency=draw(currencies),
        lines=tuple(draw(st.lists(lines(), min_size=1, max_size=3))),
        shipping=draw(st.integers(1, 9_999)),
    )
    return Order(
        id=OrderId(draw(names)),
        cart=cart,
        status=draw(st.sampled_from([OrderStatus.OPEN, OrderStatus.CANCELED])),
        created_at=draw(moments),
        updated_at=draw(moments),
    )


def moneys(currency: Currency, least: int, most: int) -> st.SearchStrategy[Money]:
    return st.builds(Money, minor=st.integers(least, most), currency=st.just(currency))


cards = st.builds(
    Card,
    brand=texts,
    last4=texts,
    exp_month=st.integers(1, 12),
    exp_year=st.integers(2000, 2100),
)
failures = st.builds(
    Failure,
    code=texts,
    decline_code=maybe(texts),
    charge_id=maybe(names.map(ChargeId)),
)


warnings = st.builds(
    FraudWarning,
    id=names.map(WarningId),
    fraud_type=texts,
    is_actionable=st.booleans(),
    created_at=moments,
)


@st.composite
def payments(draw: st.DrawFn) -> Payment:
    currency = draw(currencies)
    amount = draw(moneys(currency, 1, 2**53))
    captured = draw(moneys(currency, 0, amount.minor))
    refunded = draw(moneys(currency, 0, captured.minor))
    status = draw(st.sampled_from(PaymentStatus))
    return Payment(
        id=PaymentId(draw(names)),
        order_id=OrderId(draw(names)),
        customer_id=CustomerId(draw(names)),
        amount=amount,
        capture_method=draw(st.sampled_from(CaptureMethod)),
        status=status,
        holds_slot=draw(st.booleans()) and status is not PaymentStatus.CANCELED,
        intent_id=draw(maybe(names.map(IntentId))),
        charge_id=draw(maybe(names.map(ChargeId))),
        authorized=draw(moneys(currency, 0, amount.minor)),
        captured=captured,
        refunded=refunded,
        refund_reserved=draw(moneys(currency, 0, captured.minor - refunded.minor)),
        disputed=draw(moneys(currency, 0, 2**53)),
        capture_asked=draw(maybe(moneys(currency, 1, 2**53))),
        card=draw(maybe(cards)),
        failure=draw(maybe(failures)),
        quarantine=draw(maybe(st.sampled_from(Quarantine))),
        chargeback_open=draw(st.booleans()),
        fraud_warnings=tuple(draw(st.lists(warnings, max_size=2))),
        declines=draw(counts),
        created_at=draw(moments),
        updated_at=draw(moments),
    )


json_values = st.recursive(
    st.booleans() | st.integers(-(2**60), 2**60) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def operations_of(kinds: st.SearchStrategy[OperationKind]) -> st.SearchStrategy[Operation]:
    return kinds.flatmap(
        lambda kind: st.builds(
            Operation,
            kind=st.just(kind),
            refund_id=names.map(RefundId) if kind is OperationKind.REFUND else st.none(),
            **_OF_ANY_OPERATION,
        )
    )


_OF_ANY_OPERATION: Final = dict[str, Any](
    id=names.map(OperationId),
    payment_id=names.map(PaymentId),
    request=st.builds(
        ProviderRequest,
        method=texts,
        path=texts,
        params=st.dictionaries(texts, json_values, max_size=4),
    ),
    amount=maybe(currencies.flatmap(lambda currency: moneys(currency, 1, 2**53))),
    origin=maybe(texts),
    cancels_order=st.booleans(),
    attempt=st.integers(1, 2**31 - 1),
    status=st.sampled_from(OperationStatus),
    error_code=maybe(texts),
    missing_since=maybe(moments),
    next_attempt_at=moments,
    created_at=moments,
    updated_at=moments,
)
operations = operations_of(st.sampled_from(OperationKind))
refunds = st.builds(
    Refund,
    id=names.map(RefundId),
    payment_id=names.map(PaymentId),
    order_id=names.map(OrderId),
    amount=currencies.flatmap(lambda currency: moneys(currency, 1, 2**53)),
    status=st.sampled_from(RefundStatus),
    provider_id=names.map(ProviderRefundId),
    reason=maybe(st.sampled_from(RefundReason)),
    note=maybe(texts),
    actor=maybe(texts),
    plan=maybe(st.builds(PlanLine, plan_hash=texts, line=counts)),
    failure_reason=maybe(texts),
    created_at=moments,
    updated_at=moments,
    version=counts,
    events=st.just(()),
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    debit, credit = draw(st.permutations(list(Account)))[:2]
    return Entry(
        kind=draw(st.sampled_from(EntryKind)),
        reference=draw(names),
        payment_id=PaymentId(draw(names)),
        debit=debit,
        credit=credit,
        amount=draw(currencies.flatmap(lambda currency: moneys(currency, 1, 2**53))),
        posted_at=draw(moments),
    )


movements = st.builds(
    BalanceTransaction,
    id=names,
    amount=currencies.flatmap(lambda currency: moneys(currency, -(2**53), 2**53)),
    fee=currencies.flatmap(lambda currency: moneys(currency, -(2**53), 2**53)),
)
disputes = st.builds(
    Dispute,
    id=names.map(DisputeId),
    provider_id=names.map(ProviderDisputeId),
    payment_id=names.map(PaymentId),
    order_id=names.map(OrderId),
    status=st.sampled_from(DisputeStatus),
    reason=texts,
    amount=currencies.flatmap(lambda currency: moneys(currency, 0, 2**53)),
    movements=st.lists(movements, max_size=3).map(tuple),
    evidence_due_by=maybe(moments),
    has_evidence=st.booleans(),
    submission_count=counts,
    is_past_due=st.booleans(),
    draft=st.builds(
        Evidence,
        texts=st.dictionaries(texts, texts, max_size=2),
        files=st.dictionaries(texts, texts.map(ProviderFileId), max_size=2),
    ),
    drafted_by=maybe(texts),
    reminded_at=maybe(moments),
    opened_at=moments,
    created_at=moments,
    updated_at=moments,
    version=counts,
    events=st.just(()),
)
submissions = st.builds(
    Submission,
    id=names.map(SubmissionId),
    dispute_id=names.map(DisputeId),
    kind=st.sampled_from(SubmissionKind),
    request=st.builds(
        ProviderRequest,
        method=texts,
        path=texts,
        params=st.dictionaries(texts, json_values, max_size=4),
    ),
    count_before=counts,
    actor=maybe(texts),
    origin=maybe(texts),
    attempt=st.integers(1, 2**31 - 1),
    status=st.sampled_from(OperationStatus),
    error_code=maybe(texts),
    next_attempt_at=moments,
    created_at=moments,
    updated_at=moments,
    version=counts,
)
received = st.builds(
    InboxEvent,
    event=st.builds(
        ReceivedEvent,
        id=names.map(EventId),
        type=texts,
        livemode=st.booleans(),
        created_at=moments,
        api_version=maybe(texts),
        payload=texts,
    ),
    status=st.sampled_from(InboxStatus),
    reason=texts,
    attempts=counts,
    next_attempt_at=moments,
    received_at=moments,
    updated_at=moments,
)
told = st.one_of(
    *(
        st.from_type(kind)
        for kind in (
            events.OrderPaid,
            events.OrderCanceled,
            events.PaymentAuthorized,
            events.PaymentFailed,
            events.PaymentCanceled,
            events.PaymentQuarantinedEvent,
            events.RefundSucceeded,
            events.RefundFailed,
            events.DisputeOpened,
            events.DisputeDue,
            events.DisputeWon,
            events.DisputeLost,
            events.DisputeStatusUnexpected,
        )
    )
)


def _same(event: events.DomainEvent) -> events.DomainEvent:
    return mappers.event_from_row(mappers.event_to_row(event, aggregate_id="x"))


@pytest.mark.parametrize(
    ("values", "there_and_back"),
    [
        (orders(), lambda order: mappers.order_from_row(mappers.order_to_row(order))),
        (payments(), lambda found: mappers.payment_from_row(mappers.payment_to_row(found))),
        (operations, lambda asked: mappers.operation_from_row(mappers.operation_to_row(asked))),
        (refunds, lambda found: refund_from_row(refund_to_row(found))),
        (disputes, lambda found: dispute_from_row(dispute_to_row(found))),
        (submissions, lambda asked: submission_from_row(submission_to_row(asked))),
        (entries(), lambda entry: mappers.entry_from_row(mappers.entry_to_row(entry))),
        (received, lambda taken: mappers.inbox_event_from_row(mappers.inbox_event_to_row(taken))),
        (told, _same),
    ],
    ids=[
        "order",
        "payment",
        "operation",
        "refund",
        "dispute",
        "submission",
        "entry",
        "inbox event",
        "domain event",
    ],
)
@given(data=st.data())
def test_a_row_holds_all_of_an_entity(
    values: st.SearchStrategy[Any], there_and_back: Callable[[Any], Any], data: st.DataObject
) -> None:
    value = data.draw(values)

    assert value == there_and_back(value)


class TakeBackError(Exception):
    """Rolls an example back, so that the next one finds the database empty."""


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=orders(),
    payment=payments(),
    refund=refunds,
    operation=operations_of(st.just(OperationKind.REFUND)),
    entry=entries(),
)
async def test_the_database_keeps_all_of_an_entity(  # noqa: PLR0917 - one of each kind
    store: Store,
    order: Order,
    payment: Payment,
    refund: Refund,
    operation: Operation,
    entry: Entry,
) -> None:
    payment = attrs.evolve(payment, order_id=order.id)
    refund = attrs.evolve(refund, payment_id=payment.id, order_id=order.id, version=0)
    operation = attrs.evolve(operation, payment_id=payment.id, refund_id=refund.id)
    entry = attrs.evolve(entry, payment_id=payment.id)
    saved: list[object] = []
    found: list[object] = []

    async def work(tx: Transaction) -> None:
        kept = await tx.orders.save(order)
        saved.extend([await tx.payments.save(payment), await tx.refunds.save(refund)])
        saved.append(await tx.operations.save(operation))
        paid = attrs.evolve(kept, status=OrderStatus.PAID, paid_by=payment.id)
        saved.extend([await tx.orders.save(paid), entry])
        await tx.ledger.post(entry)

        found.append(await tx.payments.find(payment.id))
        found.append(await tx.refunds.find(refund.id))
        found.append(await tx.operations.find(operation.id))
        found.append(await tx.orders.find(order.id))
        found.extend(await tx.ledger.of_payment(payment.id))
        raise TakeBackError

    with pytest.raises(TakeBackError):
        await store.transactions.run(work)

    assert saved == found


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
async def test_a_moment_without_a_time_zone_is_not_stored(store: Store) -> None:
    moment = datetime(2026, 11, 1, 12)  # noqa: DTZ001 - that is the point
    naive = Order.register(
        id=OrderId("o-1"),
        cart=Cart(
            customer_id=CustomerId("c-1"),
            currency=Currency.of("usd"),
            lines=(Line(sku="tea", title="Tea", unit_price=5000, quantity=1),),
        ),
        now=moment,
    )

    with pytest.raises(StatementError, match="time zone"):
        await store.transactions.run(lambda tx: tx.orders.save(naive))
