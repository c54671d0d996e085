"""Any history: whatever happens in whatever order, the invariants hold after every step.

A machine of customers, staff, deliveries, faults and the worker drives the use cases on the
memory store. What must hold at every moment is checked after each step; what must hold once
everything has come to rest, at the end. The names I1 to I9 are those of the invariants' page.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from markethub.domain.errors import PaymentsError
from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import OrderId, PaymentId
from markethub.domain.ledger import Account as Book
from markethub.domain.order import OrderStatus
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.ports.queries import OrderView
from markethub.domain.usecases.cancel_order import CancelOrderCommand
from markethub.domain.usecases.cancel_payment import CancelPaymentCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.domain.usecases.charge_order import ChargeStarted
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.faults import Crash, Fault
from tests.support.world import CHALLENGE, DECLINED, SUCCESS, World

T = TypeVar("T")
P = PaymentStatus

ORDERS: Final = ("o-1", "o-2")
orders = st.sampled_from(ORDERS)
totals = st.sampled_from([5000, 7000])
chance = st.integers(0, 9)

# Every edge that may ever be seen between two looks at a payment (I7), written apart from the
# entity's own table. A closed payment may turn out to have an intent after all.
_LIVE: Final = {P.REQUIRES_PAYMENT_METHOD, P.REQUIRES_ACTION, P.PROCESSING, P.AUTHORIZED}
_FROM_OPEN: Final = {*_LIVE, P.SUCCEEDED, P.CANCELED}
EDGES: Final = {
    P.PENDING: {P.PENDING, *_FROM_OPEN},
    P.REQUIRES_PAYMENT_METHOD: _FROM_OPEN,
    P.REQUIRES_ACTION: _FROM_OPEN,
    P.PROCESSING: _FROM_OPEN,
    P.AUTHORIZED: _FROM_OPEN,
    P.SUCCEEDED: {P.SUCCEEDED},
    P.CANCELED: {P.CANCELED, *_LIVE, P.SUCCEEDED},
}


class History(RuleBasedStateMachine):
    """What may happen, and what must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        container = build_container(Settings(database=Database(url="memory://")))
        self.world = World(container)
        self.started: dict[str, list[ChargeStarted]] = {order_id: [] for order_id in ORDERS}
        self.backlog: list[dict[str, Any]] = []
        self.seen: dict[PaymentId, PaymentStatus] = {}
        self.paid_by: dict[str, PaymentId] = {}

    def run(self, awaitable: Awaitable[T]) -> T:
        async def main() -> T:
            return await awaitable

        return self.runner.run(main())

    def attempt(self, awaitable: Awaitable[T]) -> T | None:
        """Let a caller try: a rule may refuse it, and the process may die of it."""
        try:
            return self.run(awaitable)
        except (PaymentsError, Crash):
            return None

    def teardown(self) -> None:
        try:
            self.come_to_rest()
        finally:
            self.runner.close()

    # --- the storefront -----------------------------------------------------------------------

    @initialize()
    def two_orders(self) -> None:
        self.run(self.world.register("o-1"))
        self.run(self.world.register("o-2", customer_id="c-2"))

    @rule(order_id=orders, total=totals, currency=st.sampled_from(["usd", "usd", "eur"]))
    def register(self, order_id: str, total: int, currency: str) -> None:
        self.attempt(self.world.register(order_id, total=total, currency=currency))

    @rule(order_id=orders, capture=st.sampled_from([None, None, CaptureMethod.MANUAL]))
    def charge(self, order_id: str, capture: CaptureMethod | None) -> None:
        started = self.attempt(self.world.charge(order_id, capture=capture))
        if started is not None:
            self.started[order_id].append(started)

    @rule(order_id=orders, total=totals)
    def charge_while_the_order_changes(self, order_id: str, total: int) -> None:
        async def both() -> None:
            await asyncio.gather(
                self.world.charge(order_id),
                self.world.register(order_id, total=total),
                self.world.charge(order_id),
                self.world.container.process_inbox()(),
                return_exceptions=True,
            )

        self.attempt(both())

    @rule(order_id=orders, times=chance)
    def give_the_order_up(self, order_id: str, times: int) -> None:
        if times < 3:  # an order that is given up ends most of what could happen
            command = CancelOrderCommand(order_id=OrderId(order_id))
            self.attempt(self.world.container.cancel_order()(command))

    # --- the customer -------------------------------------------------------------------------

    def one_of(self, order_id: str, which: int) -> ChargeStarted | None:
        started = self.started[order_id]
        return started[which % len(started)] if started else None

    @rule(order_id=orders, which=chance, card=st.sampled_from([SUCCESS, DECLINED, CHALLENGE]))
    def pay(self, order_id: str, which: int, card: str) -> None:
        if started := self.one_of(order_id, which):
            self.world.pay(started, card)

    @rule(order_id=orders, which=chance, authenticated=st.booleans())
    def answer_the_challenge(self, order_id: str, which: int, authenticated: bool) -> None:
        started = self.one_of(order_id, which)
        if started is None:
            return
        intent = self.world.at_stripe(f"/v1/payment_intents/{started.payment.intent_id}")
        if intent["status"] == "requires_action":
            self.world.answer_challenge(started, authenticated=authenticated)

    @rule(order_id=orders, which=chance)
    def come_back(self, order_id: str, which: int) -> None:
        if started := self.one_of(order_id, which):
            self.attempt(self.world.confirm(started.payment))

    # --- staff --------------------------------------------------------------------------------

    @rule(order_id=orders, which=chance, amount=st.sampled_from([None, 2000]))
    def capture(self, order_id: str, which: int, amount: int | None) -> None:
        if started := self.one_of(order_id, which):
            command = CapturePaymentCommand(payment_id=started.payment.id, amount_minor=amount)
            self.attempt(self.world.container.capture_payment()(command))

    @rule(order_id=orders, which=chance)
    def cancel(self, order_id: str, which: int) -> None:
        if started := self.one_of(order_id, which):
            command = CancelPaymentCommand(payment_id=started.payment.id)
            self.attempt(self.world.container.cancel_payment()(command))

    # --- deliveries, recovery, time -----------------------------------------------------------

    @rule(picks=st.lists(chance, max_size=4), again=st.booleans())
    def deliver(self, picks: list[int], again: bool) -> None:
        """Deliver some events, in any order, some of them more than once."""
        self.backlog += self.world.pending_events()
        for pick in picks:
            if self.backlog:
                at = pick % len(self.backlog)
                event = self.backlog[at] if again else self.backlog.pop(at)
                self.run(self.world.deliver(event))

    @rule()
    def process(self) -> None:
        self.attempt(self.world.container.process_inbox()())

    @rule()
    def recover(self) -> None:
        self.world.clock.advance(seconds=30)
        self.attempt(self.world.container.reconcile()())

    @rule(minutes=st.sampled_from([1, 30, 60, 720, 1500]))
    def let_time_pass(self, minutes: int) -> None:
        self.world.clock.advance(minutes=minutes)
        self.world.account.advance(int(self.world.clock.now().timestamp()))

    @precondition(lambda self: len(self.world.gateway.faults) < 3)
    @rule(fault=st.sampled_from(Fault))
    def something_goes_wrong(self, fault: Fault) -> None:
        self.world.gateway.faults.append(fault)

    @rule(fault=st.sampled_from(["stored_500", "rate_limited", "lock_timeout", "key_in_use"]))
    def stripe_stumbles(self, fault: str) -> None:
        self.world.account.provoke(fault)

    # --- what always holds --------------------------------------------------------------------

    def views(self) -> list[OrderView]:
        async def read() -> list[OrderView]:
            found = [await self.world.container.queries().order(OrderId(o)) for o in ORDERS]
            return [view for view in found if view is not None]

        return self.run(read())

    @invariant()
    def an_order_is_charged_once(self) -> None:
        """I1."""
        charged = Counter(
            self.world.at_stripe(f"/v1/payment_intents/{charge['payment_intent']}")["metadata"][
                "markethub_order_id"
            ]
            for charge in self.world.charges_paid()
        )

        assert all(times == 1 for times in charged.values()), charged

    @invariant()
    def the_books_say_what_the_payments_say(self) -> None:
        """I3: balanced in every currency, and recomputed from the rows of the payments."""
        books = self.run(self.world.books())
        sums = Counter[str]()
        for (_, currency), minor in books.items():
            sums[currency] += minor
        sold = Counter[str]()
        for view in self.views():
            for payment in view.payments:
                sold[payment.captured.currency.code] += payment.captured.minor

        assert not any(sums.values()), books
        assert {code: -minor for code, minor in sold.items() if minor} == {
            code: minor for (book, code), minor in books.items() if book is Book.SALES and minor
        }

    @invariant()
    def a_payment_moves_along_its_edges(self) -> None:
        """I7."""
        for view in self.views():
            for payment in view.payments:
                before = self.seen.get(payment.id, payment.status)
                assert payment.status in EDGES[before], (before, payment.status)
                self.seen[payment.id] = payment.status

    @invariant()
    def a_paid_order_has_the_money_it_asked_for(self) -> None:
        """I9; and what was told to be paid stays paid, by the same payment."""
        for view in self.views():
            order = view.order
            accepted = [p for p in view.payments if _is_accepted(p)]
            assert [p.id for p in accepted] == ([order.paid_by] if order.paid_by else [])
            assert (order.status is OrderStatus.PAID) == bool(accepted)
            for payment in accepted:
                asked = payment.capture_asked or payment.amount
                assert (order.total, asked) == (payment.amount, payment.captured)
                assert payment.customer_id == order.customer_id
                assert self.paid_by.setdefault(order.id, payment.id) == payment.id

    @invariant()
    def one_payment_holds_the_slot(self) -> None:
        for view in self.views():
            assert sum(payment.holds_slot for payment in view.payments) <= 1

    # --- what holds at rest -------------------------------------------------------------------

    def come_to_rest(self) -> None:
        """Let the faults stop, deliver everything, and recover until nothing moves (I11)."""
        self.world.gateway.faults.clear()
        for event in self.backlog:
            self.run(self.world.deliver(event))
        for _ in range(60):
            self.world.clock.advance(hours=1, seconds=5)
            self.world.account.advance(int(self.world.clock.now().timestamp()))
            self.run(self.world.work())
            self.run(self.world.container.reconcile()())
        self.run(self.world.work())
        self.all_is_settled()
        self.cash_is_what_the_provider_has()

    def all_is_settled(self) -> None:
        """I6, I11: nothing waits, and every payment is where its intent is."""
        health = self.run(self.world.container.queries().health())
        assert (0, 0) == (health.unresolved_operations, health.waiting_events)
        payments = {p.intent_id: p for view in self.views() for p in view.payments}
        for intent in self.world.intents():
            payment = payments[intent["id"]]
            status = {
                "requires_confirmation": "requires_payment_method",
                "requires_capture": "authorized",
            }.get(intent["status"], intent["status"])
            assert (status, intent["amount_received"]) == (payment.status, payment.captured.minor)
        assert all(p.status is not P.PENDING for p in payments.values())

    def cash_is_what_the_provider_has(self) -> None:
        """I4, I5: per currency, and line by line."""
        books = self.run(self.world.books())
        lines = self.world.at_stripe("/v1/balance_transactions", {"limit": 100})["data"]
        net = Counter[str]()
        for line in lines:
            net[line["currency"]] += line["net"]

        assert dict(net) == {
            code: minor for (book, code), minor in books.items() if book is Book.PROVIDER_BALANCE
        }


def _is_accepted(payment: Payment) -> bool:
    return payment.status is P.SUCCEEDED and payment.quarantine is None


TestAnyHistory = History.TestCase
TestAnyHistory.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
