"""What every store promises of its repositories: what is found, and what is refused."""

from datetime import timedelta

import anyio
import attrs
import pytest

from markethub.domain.errors import StaleWrite
from markethub.domain.facts import CaptureMethod, Card, Failure
from markethub.domain.ids import (
    ChargeId,
    CustomerId,
    IntentId,
    LeaseId,
    OperationId,
    OrderId,
    PaymentId,
)
from markethub.domain.money import Currency, Money
from markethub.domain.operation import (
    Operation,
    OperationKind,
    OperationStatus,
    ProviderRequest,
)
from markethub.domain.order import Cart, Line, Order, OrderStatus
from markethub.domain.payment import Payment, PaymentStatus, Quarantine
from markethub.domain.ports.inbox import Lease
from markethub.domain.ports.unit_of_work import Transaction
from tests.support.stores import (
    START,
    Store,
    later,
    operation,
    order,
    payment,
    put,
    together,
)

pytestmark = pytest.mark.anyio

O1, PAY1, PAY2 = OrderId("o-1"), PaymentId("pay_1"), PaymentId("pay_2")
MINE, THEIRS = CustomerId("c-1"), CustomerId("c-2")


def closed(payment: Payment) -> Payment:
    """Give a payment up, so that its slot is free."""
    return payment.close("never_created", now=later(seconds=1))


# --- orders -------------------------------------------------------------------------------------


async def test_an_order_is_found_as_it_was_saved_with_every_field(store: Store) -> None:
    line = Line(sku="s", title="Tée ☕", unit_price=1000, quantity=3, discount=10, tax=57)
    full = Order(
        id=O1,
        cart=Cart(
            customer_id=MINE,
            currency=Currency.of("jpy"),
            lines=(line, attrs.evolve(line, sku="t", tax=0)),
            shipping=499,
        ),
        status=OrderStatus.PAID,
        paid_by=PAY1,
        created_at=START,
        updated_at=later(seconds=1, microseconds=1),
    )
    await put(store, attrs.evolve(full, paid_by=None, status=OrderStatus.OPEN))
    await put(store, payment(of=order()))
    saved = await store.transactions.run(lambda tx: tx.orders.save(attrs.evolve(full, version=1)))

    assert attrs.evolve(full, version=2) == saved
    assert saved == await store.transactions.run(lambda tx: tx.orders.find(O1))


async def test_an_order_is_found_and_locked_by_its_customer_only(store: Store) -> None:
    await put(store, order())

    async def work(tx: Transaction) -> list[bool]:
        orders = tx.orders
        return [
            await orders.find(O1) is not None,
            await orders.find(O1, customer_id=MINE) is not None,
            await orders.find(O1, customer_id=THEIRS) is not None,
            await orders.lock(O1) is not None,
            await orders.lock(O1, customer_id=MINE) is not None,
            await orders.lock(O1, customer_id=THEIRS) is not None,
        ]

    assert [True, True, False] * 2 == await store.transactions.run(work)


async def test_what_does_not_exist_is_not_found(store: Store) -> None:
    async def work(tx: Transaction) -> list[object]:
        return [
            await tx.orders.find(O1),
            await tx.orders.lock(O1),
            await tx.payments.find(PAY1),
            await tx.payments.lock(PAY1),
            await tx.payments.find_by_intent(IntentId("pi_1")),
            await tx.operations.find(OperationId("op_1")),
            await tx.operations.unresolved(PAY1),
            await tx.operations.find_by_origin("origin"),
        ]

    assert [None] * 8 == await store.transactions.run(work)


async def test_nothing_is_listed_where_nothing_is(store: Store) -> None:
    async def work(tx: Transaction) -> list[list[object]]:
        return [
            list(await tx.payments.of_order(O1)),
            list(await tx.operations.due(now=START, limit=10)),
            list(await tx.ledger.of_payment(PAY1)),
            list(await tx.inbox.claim(lease, now=START, limit=10)),
        ]

    lease = Lease(id=LeaseId("lse_1"), holder="wrk_1", until=later(seconds=15))

    assert [[]] * 4 == await store.transactions.run(work)


# --- payments -----------------------------------------------------------------------------------


async def test_a_payment_is_found_as_it_was_saved_with_every_field(store: Store) -> None:
    full = Payment(
        id=PAY1,
        order_id=O1,
        customer_id=MINE,
        amount=Money.of(5000, "eur"),
        capture_method=CaptureMethod.MANUAL,
        status=PaymentStatus.SUCCEEDED,
        holds_slot=True,
        intent_id=IntentId("pi_1"),
        charge_id=ChargeId("ch_1"),
        authorized=Money.of(5000, "eur"),
        captured=Money.of(4000, "eur"),
        refunded=Money.of(300, "eur"),
        refund_reserved=Money.of(100, "eur"),
        disputed=Money.of(200, "eur"),
        capture_asked=Money.of(4000, "eur"),
        card=Card(brand="visa", last4="4242", exp_month=12, exp_year=2030),
        failure=Failure(code="card_declined", decline_code="lost_card", charge_id=ChargeId("ch_0")),
        quarantine=Quarantine.AMOUNT_MISMATCH,
        declines=3,
        created_at=START,
        updated_at=later(seconds=1, microseconds=1),
    )
    await put(store, order())
    saved = await store.transactions.run(lambda tx: tx.payments.save(full))

    assert attrs.evolve(full, version=1) == saved
    assert saved == await store.transactions.run(lambda tx: tx.payments.find(PAY1))


async def test_a_payment_is_found_by_its_customer_only(store: Store) -> None:
    await put(store, order(), payment(intent_id="pi_1"))

    async def work(tx: Transaction) -> list[bool]:
        payments, intent_id = tx.payments, IntentId("pi_1")
        return [
            await payments.find(PAY1, customer_id=MINE) is not None,
            await payments.find(PAY1, customer_id=THEIRS) is not None,
            await payments.find_by_intent(intent_id, customer_id=MINE) is not None,
            await payments.find_by_intent(intent_id, customer_id=THEIRS) is not None,
        ]

    assert [True, False] * 2 == await store.transactions.run(work)


async def test_the_payments_of_an_order_are_its_own_oldest_first(store: Store) -> None:
    other = order("o-2")
    newest = payment("pay_1", now=later(seconds=9))
    oldest, middle = closed(payment("pay_3")), closed(payment("pay_2", now=later(seconds=1)))
    await put(store, order(), other, newest, middle, oldest, payment("pay_4", of=other))
    found = await store.transactions.run(lambda tx: tx.payments.of_order(O1))

    assert ["pay_3", "pay_2", "pay_1"] == [payment.id for payment in found]


async def test_an_order_has_one_slot(store: Store) -> None:
    await put(store, order(), payment())

    with pytest.raises(StaleWrite):
        await put(store, payment("pay_2"))

    assert await store.transactions.run(lambda tx: tx.payments.find(PAY2)) is None


async def test_a_slot_that_was_given_up_may_be_taken(store: Store) -> None:
    await put(store, order(), closed(payment()), payment("pay_2"))

    with pytest.raises(StaleWrite):
        await put(store, payment("pay_3"))


async def test_a_slot_may_be_handed_over_within_one_transaction(store: Store) -> None:
    await put(store, order(), payment())
    held = await store.transactions.run(lambda tx: tx.payments.find(PAY1))
    assert held is not None
    await put(store, closed(held), payment("pay_2"))
    found = await store.transactions.run(lambda tx: tx.payments.of_order(O1))

    assert {"pay_1": False, "pay_2": True} == {each.id: each.holds_slot for each in found}


async def test_a_slot_is_not_taken_back_while_another_holds_it(store: Store) -> None:
    await put(store, order(), attrs.evolve(payment(), holds_slot=False), payment("pay_2"))
    gone = await store.transactions.run(lambda tx: tx.payments.find(PAY1))
    assert gone is not None

    with pytest.raises(StaleWrite):
        await put(store, attrs.evolve(gone, holds_slot=True))


async def test_of_fifty_concurrent_payments_of_an_order_one_gets_the_slot(store: Store) -> None:
    await put(store, order())
    numbers = iter(range(1000))

    async def work(tx: Transaction) -> bool:
        # The order is not locked, so that nothing but the slot itself is in the way.
        if any(payment.holds_slot for payment in await tx.payments.of_order(O1)):
            return False
        await anyio.lowlevel.checkpoint()
        await tx.payments.save(payment(f"pay_{next(numbers)}"))
        await anyio.lowlevel.checkpoint()
        return True

    took = await together(store, work, times=50)
    found = await store.transactions.run(lambda tx: tx.payments.of_order(O1))

    assert 1 == sum(took)
    assert 1 == len(found)


async def test_an_intent_belongs_to_one_payment(store: Store) -> None:
    other = order("o-2")
    await put(store, order(), other, payment(intent_id="pi_1"))

    with pytest.raises(StaleWrite):
        await put(store, payment("pay_2", of=other, intent_id="pi_1"))


async def test_a_charge_belongs_to_one_payment(store: Store) -> None:
    other = order("o-2")
    charge_id = ChargeId("ch_1")
    await put(store, order(), other, attrs.evolve(payment(), charge_id=charge_id))

    with pytest.raises(StaleWrite):
        await put(store, attrs.evolve(payment("pay_2", of=other), charge_id=charge_id))


async def test_payments_without_an_intent_do_not_meet(store: Store) -> None:
    other = order("o-2")
    await put(store, order(), other, payment(), payment("pay_2", of=other))

    assert await store.transactions.run(lambda tx: tx.payments.find(PAY2)) is not None


# --- operations ---------------------------------------------------------------------------------


async def test_an_operation_is_found_as_it_was_saved_with_every_field(store: Store) -> None:
    full = Operation(
        id=OperationId("op_1"),
        payment_id=PAY1,
        kind=OperationKind.CAPTURE,
        request=ProviderRequest(
            method="POST",
            path="/v1/payment_intents/pi_1/capture",
            params={"amount_to_capture": 99, "expand": ["a", "b"], "metadata": {"x": {"y": True}}},
        ),
        amount=Money.of(99, "kwd"),
        origin="shop|POST /api/payments/pay_1/capture|key-1",
        cancels_order=True,
        attempt=2,
        status=OperationStatus.REFUSED,
        error_code="superseded",
        missing_since=later(hours=24),
        next_attempt_at=later(seconds=10),
        created_at=START,
        updated_at=later(seconds=1, microseconds=1),
    )
    await put(store, order(), payment())
    saved = await store.transactions.run(lambda tx: tx.operations.save(full))

    async def find(tx: Transaction) -> list[Operation | None]:
        origin = full.origin or ""
        return [await tx.operations.find(full.id), await tx.operations.find_by_origin(origin)]

    assert attrs.evolve(full, version=1) == saved
    assert [saved, saved] == await store.transactions.run(find)


async def test_a_payment_has_one_unresolved_operation(store: Store) -> None:
    await put(store, order(), payment(), operation())

    with pytest.raises(StaleWrite):
        await put(store, operation("op_2"))

    found = await store.transactions.run(lambda tx: tx.operations.unresolved(PAY1))
    assert found is not None
    assert "op_1" == found.id


async def test_after_an_operation_was_resolved_the_next_may_begin(store: Store) -> None:
    await put(store, order(), payment(), operation())
    first = await store.transactions.run(lambda tx: tx.operations.unresolved(PAY1))
    assert first is not None
    await put(store, first.refuse("no", now=later(seconds=1)), operation("op_2"))
    found = await store.transactions.run(lambda tx: tx.operations.unresolved(PAY1))

    assert found is not None
    assert "op_2" == found.id


async def test_of_thirty_concurrent_operations_of_a_payment_one_is_unresolved(
    store: Store,
) -> None:
    await put(store, order(), payment())
    numbers = iter(range(1000))

    async def work(tx: Transaction) -> bool:
        if await tx.operations.unresolved(PAY1) is not None:
            return False
        await anyio.lowlevel.checkpoint()
        await tx.operations.save(operation(f"op_{next(numbers)}"))
        await anyio.lowlevel.checkpoint()
        return True

    assert 1 == sum(await together(store, work, times=30))


async def test_an_origin_is_used_once(store: Store) -> None:
    other = order("o-2")
    await put(store, order(), other, payment(), payment("pay_2", of=other))
    await put(store, operation(origin="shop|POST /x|key"))

    with pytest.raises(StaleWrite):
        await put(store, operation("op_2", payment_id="pay_2", origin="shop|POST /x|key"))


async def test_an_origin_stays_used_after_its_operation_was_resolved(store: Store) -> None:
    await put(store, order(), payment())
    await put(store, operation(origin="origin").refuse("no", now=later(seconds=1)))

    with pytest.raises(StaleWrite):
        await put(store, operation("op_2", origin="origin"))


async def test_operations_without_an_origin_do_not_meet(store: Store) -> None:
    other = order("o-2")
    await put(store, order(), other, payment(), payment("pay_2", of=other))
    await put(store, operation(), operation("op_2", payment_id="pay_2"))

    assert await store.transactions.run(lambda tx: tx.operations.unresolved(PAY2)) is not None


async def test_due_operations_are_unresolved_and_come_oldest_first(store: Store) -> None:
    names = ["future", "second", "first", "resolved", "third"]
    ages = {"first": 30, "second": 20, "third": 10, "resolved": 15, "future": 0}
    for name in names:
        of = order(f"o-{name}")
        made = operation(
            f"op_{name}", payment_id=f"pay_{name}", now=START - timedelta(seconds=ages[name])
        )
        if name == "resolved":
            made = made.refuse("no", now=START)
        await put(store, of, payment(f"pay_{name}", of=of), made)

    async def due(tx: Transaction) -> list[list[OperationId]]:
        operations = tx.operations
        return [
            list(await operations.due(now=START, limit=10)),
            list(await operations.due(now=START, limit=2)),
            list(await operations.due(now=START - timedelta(microseconds=1), limit=10)),
        ]

    # An operation is due ten seconds after it was made: the third exactly now.
    assert [
        ["op_first", "op_second", "op_third"],
        ["op_first", "op_second"],
        ["op_first", "op_second"],
    ] == await store.transactions.run(due)
