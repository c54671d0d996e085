"""Any history: whatever happens in whatever order, the invariants hold after every step.

A machine of customers, staff, deliveries, faults and the worker drives the use cases on the
memory store. What must hold at every moment is checked after each step; what must hold once
everything has come to rest, at the end. The names I1 to I9 are those of the invariants' page.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from markethub.adapters.fake.bank import Bank, IllegalTransition
from markethub.adapters.fake.errors import ApiError
from markethub.domain.errors import PaymentsError
from markethub.domain.facts import CaptureMethod
from markethub.domain.ids import CustomerId, OrderId, PaymentId, RefundId
from markethub.domain.ledger import Account as Book
from markethub.domain.order import OrderStatus
from markethub.domain.payment import Payment, PaymentStatus
from markethub.domain.ports.disputes import DisputeFilter
from markethub.domain.ports.queries import OrderView
from markethub.domain.refund import RefundStatus
from markethub.domain.usecases.cancel_order import CancelOrderCommand
from markethub.domain.usecases.cancel_payment import CancelPaymentCommand
from markethub.domain.usecases.capture_payment import CapturePaymentCommand
from markethub.domain.usecases.charge_order import ChargeStarted
from markethub.domain.usecases.remove_method import RemoveMethodCommand
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


R = RefundStatus
REFUND_EDGES: Final = {
    R.PENDING: set(R),
    R.REQUIRES_ACTION: set(R),
    R.SUCCEEDED: set(R),  # it may come back, be asked about, and then be under way again
    R.FAILED: {R.FAILED},
    R.CANCELED: {R.CANCELED},
}
REFUND_HAPPENINGS: Final = (
    "settle_refund",
    "fail_refund",
    "ask_for_details",
    "give_details",
    "cancel_refund_in_dashboard",
)
DISPUTE_HAPPENINGS: Final = (
    "escalate_inquiry",
    "close_inquiry",
    "submit_in_dashboard",
    "win_dispute",
    "lose_dispute",
)
CUSTOMERS: Final = {"o-1": "c-1", "o-2": "c-2"}
CHALLENGED_WHEN_SAVED: Final = "4000002500003155"


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
        self.refunds_seen: dict[RefundId, RefundStatus] = {}
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

    @initialize(card=st.sampled_from([SUCCESS, "4000000000007726", "4000000000005126"]))
    def an_open_order_and_a_paid_one(self, card: str) -> None:
        self.run(self.world.register("o-1"))
        self.run(self.world.register("o-2", customer_id="c-2"))
        started = self.run(self.world.charge("o-2"))
        self.world.pay(started, card)
        self.run(self.world.work())
        self.started["o-2"].append(started)

    @rule(order_id=orders, total=totals, currency=st.sampled_from(["usd", "usd", "eur"]))
    def register(self, order_id: str, total: int, currency: str) -> None:
        customer_id = CUSTOMERS[order_id]
        self.attempt(
            self.world.register(order_id, total=total, currency=currency, customer_id=customer_id)
        )

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

    @rule(
        order_id=orders, which=chance, card=st.sampled_from([SUCCESS, SUCCESS, DECLINED, CHALLENGE])
    )
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

    @rule(order_id=orders, which=chance, amount=st.sampled_from([None, 1000, 3000]))
    def refund(self, order_id: str, which: int, amount: int | None) -> None:
        if started := self.one_of(order_id, which):
            self.attempt(self.world.refund(started.payment, amount, again=which % 2 == 0))

    # --- saved cards --------------------------------------------------------------------------

    @rule(order_id=orders, card=st.sampled_from([SUCCESS, CHALLENGED_WHEN_SAVED]))
    def save_a_card(self, order_id: str, card: str) -> None:
        setup = self.attempt(self.world.container.start_setup()(CustomerId(CUSTOMERS[order_id])))
        if setup is not None:
            self.world.set_up(setup, card)

    @rule(order_id=orders, which=chance, off_session=st.booleans())
    def charge_a_saved_card(self, order_id: str, which: int, off_session: bool) -> None:
        methods = self.run(self.world.saved(CUSTOMERS[order_id]))
        if not methods:
            return
        method_id = methods[which % len(methods)].id
        started = self.attempt(
            self.world.charge(order_id, method_id=method_id, off_session=off_session)
        )
        if started is not None:
            self.started[order_id].append(started)

    @rule(order_id=orders, which=chance)
    def remove_a_saved_card(self, order_id: str, which: int) -> None:
        methods = self.run(self.world.saved(CUSTOMERS[order_id]))
        if methods and which < 3:
            method_id = methods[which % len(methods)].id
            command = RemoveMethodCommand(method_id=method_id)
            self.attempt(self.world.container.remove_method()(command))

    # --- banks --------------------------------------------------------------------------------

    @rule(which=chance, amount=st.sampled_from([None, 2000]))
    def refund_in_the_dashboard(self, which: int, amount: int | None) -> None:
        if charges := self.world.charges_paid():
            with suppress(ApiError):
                Bank(self.world.account).refund_in_dashboard(
                    charges[which % len(charges)]["id"], amount=amount
                )

    @rule(which=chance, happens=st.sampled_from(REFUND_HAPPENINGS))
    def a_bank_moves_a_refund(self, which: int, happens: str) -> None:
        if refunds := self.world.refunds_at_stripe():
            with suppress(IllegalTransition):
                getattr(Bank(self.world.account), happens)(refunds[which % len(refunds)]["id"])

    @rule(
        which=chance,
        amount=st.sampled_from([None, 1500, 9000]),
        status=st.sampled_from(["needs_response", "warning_needs_response", "lost", "prevented"]),
    )
    def a_bank_opens_a_dispute(self, which: int, amount: int | None, status: str) -> None:
        charges = self.world.charges_paid()
        if charges and which < 4:  # disputes are rare
            Bank(self.world.account).open_dispute(
                charges[which % len(charges)]["id"], amount=amount, status=status
            )

    @rule(which=chance, happens=st.sampled_from(DISPUTE_HAPPENINGS))
    def a_bank_moves_a_dispute(self, which: int, happens: str) -> None:
        if disputes := self.disputes_at_stripe():
            with suppress(IllegalTransition):
                getattr(Bank(self.world.account), happens)(disputes[which % len(disputes)]["id"])

    def disputes_at_stripe(self) -> list[dict[str, Any]]:
        return list(self.world.at_stripe("/v1/disputes", {"limit": 100})["data"])

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

    @precondition(lambda self: not self.world.gateway.faults)
    @rule(fault=st.sampled_from(Fault))
    def something_goes_wrong(self, fault: Fault) -> None:
        self.world.gateway.faults.append(fault)

    @rule(
        fault=st.sampled_from(["stored_500", "rate_limited", "lock_timeout", "key_in_use"]),
        times=chance,
    )
    def stripe_stumbles(self, fault: str, times: int) -> None:
        if times < 4:
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
    def no_more_is_refunded_than_was_captured(self) -> None:
        """I2, here and at the provider."""
        for view in self.views():
            for payment in view.payments:
                given = payment.refunded.minor, payment.refund_reserved.minor
                assert min(given) >= 0
                assert sum(given) <= payment.captured.minor
        given_back = Counter[str]()
        for refund in self.world.refunds_at_stripe():
            if refund["status"] in ("pending", "requires_action", "succeeded"):
                given_back[refund["charge"]] += refund["amount"]
        for charge in self.world.charges_paid():
            assert given_back[charge["id"]] <= charge["amount_captured"]

    @invariant()
    def a_refund_moves_along_its_edges(self) -> None:
        """I7, I8: what was told to have failed never arrives after all."""
        for view in self.views():
            for payment in view.payments:
                for refund in self.run(self.world.refunds(payment)):
                    before = self.refunds_seen.get(refund.id, refund.status)
                    assert refund.status in REFUND_EDGES[before], (before, refund.status)
                    self.refunds_seen[refund.id] = refund.status

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
            assert self.given_back_at_stripe(intent["id"]) == (
                payment.refunded.minor,
                payment.refund_reserved.minor,
            )
        assert all(p.status is not P.PENDING for p in payments.values())
        known = {
            dispute.provider_id: dispute.status.value
            for dispute in self.run(
                self.world.container.dispute_queries().disputes(DisputeFilter(), limit=100)
            ).items
        }
        assert known == {each["id"]: each["status"] for each in self.disputes_at_stripe()}

    def given_back_at_stripe(self, intent_id: str) -> tuple[int, int]:
        """Return what has arrived, and what is under way."""
        refunds = [
            each for each in self.world.refunds_at_stripe() if each["payment_intent"] == intent_id
        ]
        return (
            sum(each["amount"] for each in refunds if each["status"] == "succeeded"),
            sum(
                each["amount"]
                for each in refunds
                if each["status"] in ("pending", "requires_action")
            ),
        )

    def cash_is_what_the_provider_has(self) -> None:
        """I4, I5: per currency, and line by line."""
        books = self.run(self.world.books())
        net = Counter[str]()
        for line in self.lines_at_stripe():
            net[line["currency"]] += line["net"]

        assert dict(net) == {
            code: minor for (book, code), minor in books.items() if book is Book.PROVIDER_BALANCE
        }

    def lines_at_stripe(self) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = []
        while True:
            after = {"starting_after": lines[-1]["id"]} if lines else {}
            page = self.world.at_stripe("/v1/balance_transactions", {"limit": 100, **after})
            lines += page["data"]
            if not page["has_more"]:
                return lines


def _is_accepted(payment: Payment) -> bool:
    return payment.status is P.SUCCEEDED and payment.quarantine is None


TestAnyHistory = History.TestCase
TestAnyHistory.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
