"""What every store promises of its reads for screens."""

import base64
import contextlib
import itertools

import attrs
import pytest

from markethub.domain.errors import ValidationFailed
from markethub.domain.ids import ChargeId, CustomerId, OrderId, PaymentId, ProviderRefundId
from markethub.domain.inbox_event import InboxStatus
from markethub.domain.money import Currency, Money
from markethub.domain.order import Cart, Line, Order
from markethub.domain.payment import PaymentStatus, Quarantine
from markethub.domain.ports.payment_sort import PaymentSort
from markethub.domain.ports.queries import PaymentFilter, StoreHealth, Trouble
from markethub.domain.ports.unit_of_work import Transaction
from tests.support.stored_disputes import dispute, save
from tests.support.stored_refunds import refund
from tests.support.stores import (
    START,
    Store,
    event,
    later,
    operation,
    order,
    payment,
    put,
    receive,
)

pytestmark = pytest.mark.anyio

EVERYTHING = PaymentFilter()


async def charged(store: Store, *numbers: int, at: int | None = None) -> None:
    """Save orders with a payment each, made at second ``at`` or at the number's."""
    for number in numbers:
        seconds = number if at is None else at
        of = order(f"o-{number}", customer_id=f"c-{number}", now=later(seconds=seconds))
        await put(store, of, payment(f"pay_{number}", of=of, now=later(seconds=seconds)))


async def listed(
    store: Store,
    filter: PaymentFilter = EVERYTHING,
    *,
    sort: PaymentSort = PaymentSort.NEWEST,
) -> list[PaymentId]:
    return [payment.id for payment in (await store.queries.payments(filter, sort=sort)).items]


async def paged(
    store: Store, *, limit: int, sort: PaymentSort = PaymentSort.NEWEST
) -> list[list[PaymentId]]:
    """Read all pages."""
    pages, cursor = [], None
    while True:
        page = await store.queries.payments(EVERYTHING, sort=sort, cursor=cursor, limit=limit)
        pages.append([payment.id for payment in page.items])
        cursor = page.next_cursor
        if cursor is None:
            return pages


# --- an order -----------------------------------------------------------------------------------


async def test_an_order_comes_with_its_payments_oldest_first(store: Store) -> None:
    older = payment("pay_2").close("never_created", now=later(seconds=1))
    await put(store, order(), payment("pay_1", now=later(seconds=2)), older)
    await charged(store, 7)
    view = await store.queries.order(OrderId("o-1"))

    assert view is not None
    assert attrs.evolve(order(), version=1) == view.order
    assert ["pay_2", "pay_1"] == [payment.id for payment in view.payments]


async def test_an_order_without_payments_is_found(store: Store) -> None:
    await put(store, order())
    view = await store.queries.order(OrderId("o-1"))

    assert view is not None
    assert [] == list(view.payments)


async def test_an_order_that_does_not_exist_is_not_found(store: Store) -> None:
    assert await store.queries.order(OrderId("o-1")) is None


async def test_an_order_is_shown_to_its_customer_only(store: Store) -> None:
    await put(store, order())
    views = [
        await store.queries.order(OrderId("o-1"), customer_id=CustomerId(name))
        for name in ("c-1", "c-2")
    ]

    assert [True, False] == [view is not None for view in views]


# --- payments -----------------------------------------------------------------------------------


async def test_payments_are_listed_newest_first(store: Store) -> None:
    await charged(store, 2, 3, 1)

    assert ["pay_3", "pay_2", "pay_1"] == await listed(store)


async def test_a_listed_payment_is_the_stored_one(store: Store) -> None:
    await put(store, order(), payment(intent_id="pi_1"))
    page = await store.queries.payments(EVERYTHING)

    assert [attrs.evolve(payment(intent_id="pi_1"), version=1)] == list(page.items)


async def test_payments_are_listed_by_order(store: Store) -> None:
    await charged(store, 1, 2)

    assert ["pay_1"] == await listed(store, PaymentFilter(order_id=OrderId("o-1")))


async def test_payments_are_listed_by_customer(store: Store) -> None:
    await charged(store, 1, 2)

    assert ["pay_2"] == await listed(store, PaymentFilter(customer_id=CustomerId("c-2")))


async def test_payments_are_listed_by_status(store: Store) -> None:
    await charged(store, 1, 2)
    gone = payment("pay_3", of=order("o-1", customer_id="c-1"))
    await put(store, gone.close("never_created", now=START))

    assert ["pay_3"] == await listed(store, PaymentFilter(status=PaymentStatus.CANCELED))
    assert ["pay_2", "pay_1"] == await listed(store, PaymentFilter(status=PaymentStatus.PENDING))


async def test_payments_are_listed_from_a_moment_on(store: Store) -> None:
    await charged(store, 1, 2, 3)

    assert ["pay_3", "pay_2"] == await listed(store, PaymentFilter(created_from=later(seconds=2)))


async def test_payments_are_listed_until_a_moment_and_without_it(store: Store) -> None:
    await charged(store, 1, 2, 3)

    assert ["pay_1"] == await listed(store, PaymentFilter(created_until=later(seconds=2)))


async def test_payments_are_listed_by_whose_they_are_the_orders_or_the_customers(
    store: Store,
) -> None:
    await charged(store, 1, 2)
    same = order("c-1", customer_id="c-3")
    await put(store, same, payment("pay_3", of=same))

    assert {"pay_1", "pay_3"} == set(await listed(store, PaymentFilter(whose="c-1")))
    assert ["pay_2"] == await listed(store, PaymentFilter(whose="o-2"))
    assert [] == await listed(store, PaymentFilter(whose="o-"))


async def test_payments_are_listed_by_their_trouble(store: Store) -> None:
    await charged(store, 1)
    open_, lost, misfit = (payment(f"pay_{name}", of=order(f"o-{name}")) for name in "ABC")
    withdrawn = Money.of(1, "usd")
    await put(
        store,
        *(order(f"o-{name}") for name in "ABC"),
        attrs.evolve(open_, chargeback_open=True),
        attrs.evolve(lost, disputed=withdrawn),
        attrs.evolve(misfit, quarantine=Quarantine.ORDER_CANCELED),
    )

    assert {"pay_A", "pay_B"} == set(await listed(store, PaymentFilter(trouble=Trouble.DISPUTED)))
    assert ["pay_C"] == await listed(store, PaymentFilter(trouble=Trouble.QUARANTINED))
    both = PaymentFilter(trouble=Trouble.DISPUTED, whose="o-A")
    assert ["pay_A"] == await listed(store, both)


async def test_what_restricts_a_list_restricts_it_together(store: Store) -> None:
    await charged(store, 1, 2)
    nobodys = PaymentFilter(order_id=OrderId("o-1"), customer_id=CustomerId("c-2"))

    assert [] == await listed(store, nobodys)


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 50])
async def test_pages_hold_every_payment_once_though_made_at_the_same_moment(
    store: Store, limit: int
) -> None:
    await charged(store, 3, 1, 5, 2, 6, 4, at=0)
    whole = await listed(store)
    pages = await paged(store, limit=limit)

    assert 6 == len(set(whole))
    assert whole == [payment_id for page in pages for payment_id in page]
    assert -(-6 // limit) == len(pages)


async def test_what_is_made_meanwhile_moves_no_later_page(store: Store) -> None:
    await charged(store, 1, 2, 3, 4)
    first = await store.queries.payments(EVERYTHING, limit=2)
    await charged(store, 5, 6)
    second = await store.queries.payments(EVERYTHING, cursor=first.next_cursor, limit=2)

    assert ["pay_2", "pay_1"] == [payment.id for payment in second.items]
    assert second.next_cursor is None


async def test_a_page_keeps_to_its_filter(store: Store) -> None:
    await charged(store, 1, 2, 3, 4)
    pending = PaymentFilter(created_from=later(seconds=3))
    first = await store.queries.payments(pending, limit=1)
    second = await store.queries.payments(pending, cursor=first.next_cursor, limit=1)

    assert ["pay_3"] == [payment.id for payment in second.items]
    assert second.next_cursor is None


# --- in another order ---------------------------------------------------------------------------


async def of_amounts(store: Store, *amounts: tuple[int, str]) -> None:
    """Save a payment for each: ``pay_1`` began first."""
    for number, (minor, currency) in enumerate(amounts, start=1):
        line = Line(sku="tea", title="Tea", unit_price=minor, quantity=1)
        cart = Cart(
            customer_id=CustomerId("c-1"), currency=Currency.of(currency), lines=(line,), shipping=0
        )
        of = Order.register(id=OrderId(f"o-{number}"), cart=cart, now=later(seconds=number))
        await put(store, of, payment(f"pay_{number}", of=of, now=later(seconds=number)))


async def test_payments_are_listed_by_time_either_way(store: Store) -> None:
    await charged(store, 2, 3, 1)

    assert ["pay_1", "pay_2", "pay_3"] == await listed(store, sort=PaymentSort.OLDEST)
    assert ["pay_3", "pay_2", "pay_1"] == await listed(store, sort=PaymentSort.NEWEST)


async def test_payments_are_listed_by_amount_either_way_and_by_currency(store: Store) -> None:
    await of_amounts(store, (500, "usd"), (9000, "eur"), (700, "usd"), (99, "eur"), (500, "usd"))
    rising = ["pay_4", "pay_2", "pay_1", "pay_5", "pay_3"]

    assert rising == await listed(store, sort=PaymentSort.SMALLEST)
    assert rising[::-1] == await listed(store, sort=PaymentSort.LARGEST)
    euro = PaymentFilter(currency=Currency.of("eur"))
    assert ["pay_2", "pay_4"] == await listed(store, euro, sort=PaymentSort.LARGEST)


@pytest.mark.parametrize("sort", PaymentSort)
async def test_pages_of_every_order_hold_every_payment_once_though_they_are_equal(
    store: Store, sort: PaymentSort
) -> None:
    await charged(store, 3, 1, 5, 2, 4, at=0)
    whole = await listed(store, sort=sort)
    pages = await paged(store, limit=2, sort=sort)

    assert 5 == len(set(whole))
    assert whole == [payment_id for page in pages for payment_id in page]


async def test_a_cursor_of_another_order_is_refused(store: Store) -> None:
    await charged(store, 1, 2)
    cursors = {
        sort: (await store.queries.payments(EVERYTHING, sort=sort, limit=1)).next_cursor
        for sort in PaymentSort
    }
    accepted = []
    for made, read in itertools.permutations(PaymentSort, 2):
        with contextlib.suppress(ValidationFailed):
            await store.queries.payments(EVERYTHING, sort=read, cursor=cursors[made])
            accepted.append((made, read))

    assert [] == accepted


@pytest.mark.parametrize("sort", [PaymentSort.OLDEST, PaymentSort.LARGEST])
async def test_nonsense_is_no_cursor_of_any_order(store: Store, sort: PaymentSort) -> None:
    nonsense = [
        *FOREIGN_CURSORS,
        encoded('["largest", "usd", "500", "pay_1"]'),
        encoded('["largest", "usd", -1, "pay_1"]'),
        encoded('["largest", "usd", 1e3, "pay_1"]'),
        encoded('["largest", "usd", 9223372036854775808, "pay_1"]'),
        encoded('["largest", "\\u0000", 500, "pay_1"]'),
        encoded('["largest", "usd", 500]'),
        encoded('["oldest", "2026-11-01T12:00:00", "pay_1"]'),
        encoded('["oldest", "2026-11-01T12:00:00+00:00", "\\u0000"]'),
    ]
    accepted = []
    for cursor in nonsense:
        with contextlib.suppress(ValidationFailed):
            await store.queries.payments(EVERYTHING, sort=sort, cursor=cursor)
            accepted.append(cursor)

    assert [] == accepted


# --- any id --------------------------------------------------------------------------------------


async def test_a_payment_is_found_by_every_id_of_a_single_thing(store: Store) -> None:
    await charged(store, 2)
    paid = attrs.evolve(payment(intent_id="pi_1"), charge_id=ChargeId("ch_1"))
    await put(store, order(), attrs.evolve(paid, captured=paid.amount))
    await save(store, refund(provider_id=ProviderRefundId("re_1")), dispute())

    for any_id in ("pay_1", "pi_1", "ch_1", "ref_1", "re_1", "dsp_1", "dp_1"):
        assert "pay_1" == await store.queries.payment_of(any_id), any_id
    assert "pay_2" == await store.queries.payment_of("pay_2")


async def test_an_id_is_looked_for_whole_and_as_it_is_spelled(store: Store) -> None:
    await put(store, order(), payment(intent_id="pi_1"))

    for no_id in ("", "pi_", "pi_11", "PI_1", "pi%", "o-1", "c-1"):
        assert await store.queries.payment_of(no_id) is None, no_id


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


FOREIGN_CURSORS = (
    "",
    "x",
    "pay_1",
    "!!!!",
    "é",
    "\x00",
    "\ud800",
    "AAAA",
    "[]",
    "9" * 5000,
    encoded("\x00"),
    encoded("nonsense"),
    encoded("2026-11-01T12:00:00"),
    encoded("2026-11-01T12:00:00 pay_1"),
    encoded("2026-11-01T12:00:00+00:00 "),
    encoded('["2026-11-01T12:00:00", "pay_1"]'),
    encoded("[1, 2]"),
    encoded("null"),
)


async def test_a_cursor_that_is_not_ours_is_refused(store: Store) -> None:
    await charged(store, 1, 2)
    accepted = []
    for cursor in FOREIGN_CURSORS:
        with contextlib.suppress(ValidationFailed):
            await store.queries.payments(EVERYTHING, cursor=cursor)
            accepted.append(cursor)

    assert [] == accepted


async def test_a_payment_is_found_by_its_id(store: Store) -> None:
    await charged(store, 1, 2)

    found = await store.queries.payment(PaymentId("pay_2"))

    assert found is not None
    assert "pay_2" == found.id


async def test_a_payment_that_does_not_exist_is_not_found(store: Store) -> None:
    assert await store.queries.payment(PaymentId("pay_none")) is None


async def test_a_payment_of_another_customer_is_not_found(store: Store) -> None:
    await charged(store, 1)

    own = await store.queries.payment(PaymentId("pay_1"), customer_id=CustomerId("c-1"))
    foreign = await store.queries.payment(PaymentId("pay_1"), customer_id=CustomerId("c-2"))

    assert own is not None
    assert foreign is None


# --- health -------------------------------------------------------------------------------------


async def test_an_empty_store_is_healthy(store: Store) -> None:
    assert (
        StoreHealth(
            schema_is_current=True,
            oldest_waiting_event_at=None,
            earliest_due_at=None,
            waiting_events=0,
            unresolved_operations=0,
        )
        == await store.queries.health()
    )


async def test_health_counts_what_waits(store: Store) -> None:
    await receive(
        store,
        [
            event("evt_1", now=later(seconds=3)),
            attrs.evolve(
                event("evt_2", now=later(seconds=2)),
                status=InboxStatus.PARKED,
                next_attempt_at=later(seconds=9),
            ),
            event("evt_3", now=later(seconds=1)).process(now=later(seconds=4)),
            event("evt_4").ignore("unhandled_type", now=later(seconds=4)),
        ],
    )
    await charged(store, 1, 2)
    await put(
        store,
        operation("op_1", payment_id="pay_1"),
        operation("op_2", payment_id="pay_2").refuse("no", now=later(seconds=1)),
    )

    assert (
        StoreHealth(
            schema_is_current=True,
            oldest_waiting_event_at=later(seconds=2),
            earliest_due_at=later(seconds=3),
            waiting_events=2,
            unresolved_operations=1,
            parked_events=1,
        )
        == await store.queries.health()
    )


async def test_health_says_of_events_what_somebody_should_see(store: Store) -> None:
    moment = later(seconds=1)
    tried = event("evt_4").postpone("request_in_progress", now=moment)
    stumbled = event("evt_5").fail("KeyError", error="Traceback ...", now=moment)
    await receive(
        store,
        [
            event("evt_1"),
            event("evt_2").park("unknown_intent", ours=True, now=moment),
            event("evt_3").process(now=moment),
            tried,
            stumbled,
            attrs.evolve(stumbled.bury("KeyError", now=moment), event=event("evt_6").event),
            event("evt_7").ignore("unhandled_type", now=moment),
            event("evt_8").ignore("wrong_mode", now=moment),
        ],
    )
    health = await store.queries.health()

    assert (4, 1, 2, 1, 1, 1) == (
        health.waiting_events,
        health.parked_events,
        health.retrying_events,
        health.failing_events,
        health.dead_events,
        health.wrong_mode_events,
    )


async def test_health_forgets_what_waits_no_more(store: Store) -> None:
    await receive(store, [event()])
    await charged(store, 1)
    await put(store, operation())

    async def finish(tx: Transaction) -> None:
        unresolved = await tx.operations.unresolved(PaymentId("pay_1"))
        assert unresolved is not None
        await tx.operations.save(unresolved.refuse("no", now=later(seconds=1)))
        await tx.inbox.save(event().process(now=later(seconds=1)))

    await store.transactions.run(finish)
    health = await store.queries.health()

    assert (None, None, 0, 0) == (
        health.oldest_waiting_event_at,
        health.earliest_due_at,
        health.waiting_events,
        health.unresolved_operations,
    )
