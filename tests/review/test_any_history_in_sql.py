"""Any history, on the databases: what the memory store forgives, a CHECK or a lock may not.

More happens than in memory: disputes are answered by us, customers are deleted, and several
workers and callers are at it at once.
"""

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from markethub.adapters.fake.account import AccountOptions
from markethub.domain.customer import Customer
from markethub.domain.dispute import Dispute
from markethub.domain.errors import PaymentsError
from markethub.domain.ids import CustomerId
from markethub.domain.ledger import Account as Book
from markethub.domain.payment_method import MethodStatus
from markethub.domain.ports.disputes import DisputeFilter
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.usecases.accept_dispute import AcceptDisputeCommand
from markethub.domain.usecases.draft_evidence import DraftEvidenceCommand
from markethub.domain.usecases.set_default_method import SetDefaultMethodCommand
from markethub.domain.usecases.submit_evidence import SubmitEvidenceCommand
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.integration.test_any_history import CUSTOMERS, History, chance, orders
from tests.support.faults import Crash
from tests.support.postgres import PostgresServer
from tests.support.stores import sqlite_url
from tests.support.world import World

PROVIDER_BALANCE = Book.PROVIDER_BALANCE


class Databases:
    """Fresh databases, one per history."""

    def __init__(self, kind: str, template: object, server: PostgresServer | None) -> None:
        self.kind, self.template, self.server = kind, template, server

    def fresh(self) -> Iterator[str]:
        if self.kind == "memory":
            yield "memory://"
        elif self.kind == "sqlite":
            folder = Path(tempfile.mkdtemp())
            try:
                shutil.copy(str(self.template), folder / "test.db")
                yield sqlite_url(folder / "test.db")
            finally:
                shutil.rmtree(folder)
        else:
            assert self.server is not None
            with self.server.database(template=str(self.template)) as name:
                yield self.server.url_of(name)


class SqlHistory(History):
    """The same, on a database, and with more going on at once."""

    databases: ClassVar[Databases]
    options: ClassVar[AccountOptions | None] = None

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        self.runner = asyncio.Runner()
        self._database = self.databases.fresh()
        container = build_container(Settings(database=Database(url=next(self._database))))
        self.world = World(container, self.options)
        self.started = {order_id: [] for order_id in CUSTOMERS}
        self.backlog = []
        self.seen = {}
        self.refunds_seen = {}
        self.paid_by = {}
        self.unforeseen: list[BaseException] = []

    def teardown(self) -> None:
        try:
            try:
                self.come_to_rest()
            finally:
                self.run(self.world.container.store().close())
        finally:
            self.runner.close()
            with suppress(StopIteration):
                next(self._database)

    # --- more of it ---------------------------------------------------------------------------

    def disputes(self) -> list[Dispute]:
        found = self.run(self.world.container.dispute_queries().disputes(DisputeFilter()))
        return list(found.items)

    @rule(which=chance, accept=st.booleans())
    def answer_a_dispute(self, which: int, accept: bool) -> None:
        known = self.disputes()
        if not known:
            return
        dispute_id = known[which % len(known)].id
        if accept and which < 3:
            self.attempt(
                self.world.container.accept_dispute()(AcceptDisputeCommand(dispute_id=dispute_id))
            )
            return
        self.attempt(
            self.world.container.draft_evidence()(
                DraftEvidenceCommand(
                    dispute_id=dispute_id, texts={"uncategorized_text": "we shipped"}
                )
            )
        )
        self.attempt(
            self.world.container.submit_evidence()(SubmitEvidenceCommand(dispute_id=dispute_id))
        )

    @rule(order_id=orders, which=chance)
    def choose_a_default(self, order_id: str, which: int) -> None:
        methods = self.run(self.world.saved(CUSTOMERS[order_id]))
        if methods:
            command = SetDefaultMethodCommand(method_id=methods[which % len(methods)].id)
            self.attempt(self.world.container.set_default_method()(command))

    @rule(order_id=orders, which=chance)
    def delete_the_customer(self, order_id: str, which: int) -> None:
        if which:
            return

        async def find(tx: Transaction) -> Customer | None:
            return await tx.customers.find(CustomerId(CUSTOMERS[order_id]))

        customer = self.run(self.world.container.transactions().run(find))
        if customer is not None and customer.provider_id is not None:
            self.world.account.request(
                method="DELETE",
                path=f"/v1/customers/{customer.provider_id}",
                params={},
                auth="sk_test_dev",
            )

    @rule(order_id=orders, which=chance, amount=st.sampled_from([None, 1000, 2500]))
    def all_at_once(self, order_id: str, which: int, amount: int | None) -> None:
        self.world.clock.advance(seconds=15)
        container = self.world.container

        async def everything() -> list[object]:
            jobs = [
                container.process_inbox()(),
                container.process_inbox()(),
                container.reconcile()(),
                container.reconcile_disputes()(),
                container.detach_methods()(),
            ]
            started = self.one_of(order_id, which)
            if started is not None:
                jobs += [
                    self.world.refund(started.payment, amount, again=True),
                    self.world.refund(started.payment, amount, again=True),
                    self.world.confirm(started.payment),
                ]
            return await asyncio.gather(*jobs, return_exceptions=True)

        for result in self.run(everything()):
            if isinstance(result, PaymentsError | Crash):
                continue
            if isinstance(result, BaseException):
                raise result

    # --- what holds ---------------------------------------------------------------------------

    def come_to_rest(self) -> None:
        self.world.gateway.faults.clear()
        for _ in range(30):
            self.world.clock.advance(hours=1)
            self.run(self.world.container.reconcile_disputes()())
            self.run(self.world.container.detach_methods()())
        super().come_to_rest()
        if self.options is None or self.options.settlement_currency is None:
            self.what_is_refundable_is_what_the_provider_has_left()
        self.customers_have_one_default()
        self.no_method_is_charged_that_is_gone()

    def cash_is_what_the_provider_has(self) -> None:
        """I4, I5: per currency, and line by line."""
        books = self.run(self.world.books())
        net = Counter[str]()
        for line in self.lines_at_stripe():
            net[line["currency"]] += line["net"]
        cash = {code: minor for (book, code), minor in books.items() if book is PROVIDER_BALANCE}

        assert {c: m for c, m in net.items() if m} == {c: m for c, m in cash.items() if m}

    def what_is_refundable_is_what_the_provider_has_left(self) -> None:
        """F16 to F18, from the provider's objects alone."""
        payments = {p.intent_id: p for view in self.views() for p in view.payments}
        losses = 0
        for charge in self.world.charges_paid():
            given = sum(
                each["amount"]
                for each in self.world.refunds_at_stripe()
                if each["charge"] == charge["id"]
                and each["status"] in ("pending", "requires_action", "succeeded")
            )
            taken = 0
            for each in self.disputes_at_stripe():
                if each["charge"] == charge["id"]:
                    net = -sum(line["amount"] for line in each["balance_transactions"])
                    losses += net
                    taken += max(0, net)
            payment = payments[charge["payment_intent"]]
            left = max(0, charge["amount_captured"] - given - taken)
            assert (left, taken) == (payment.amount_refundable.minor, payment.disputed.minor)
        books = self.run(self.world.books())
        booked = sum(minor for (book, _), minor in books.items() if book is Book.DISPUTE_LOSSES)
        assert losses == booked

    def customers_have_one_default(self) -> None:
        for customer_id in set(CUSTOMERS.values()):
            methods = self.run(self.world.saved(customer_id))
            active = [method for method in methods if method.is_active]
            assert sum(method.is_default for method in methods) == (1 if active else 0), methods

    def no_method_is_charged_that_is_gone(self) -> None:
        """Active here is attached there, to the customer's present record."""

        async def read(tx: Transaction) -> list[tuple[str, str | None]]:
            found: list[tuple[str, str | None]] = []
            for customer_id in set(CUSTOMERS.values()):
                customer = await tx.customers.find(CustomerId(customer_id))
                for method in await tx.methods.of_customer(CustomerId(customer_id)):
                    if method.status is MethodStatus.ACTIVE:
                        assert customer is not None
                        found.append((method.token.reveal(), customer.provider_id))
            return found

        for token, provider_id in self.run(self.world.container.transactions().run(read)):
            assert self.world.at_stripe(f"/v1/payment_methods/{token}")["customer"] == provider_id


EXAMPLES = int(os.environ.get("HISTORIES", "12"))


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgresql"])
@pytest.mark.parametrize("money", ["own", "exchanged", "short"])
def test_any_history_ends_well(kind: str, money: str, request: pytest.FixtureRequest) -> None:
    template: object = None
    server: PostgresServer | None = None
    if kind == "sqlite":
        template = request.getfixturevalue("sqlite_template")
    elif kind == "postgresql":
        template = request.getfixturevalue("postgres_template")
        server = request.getfixturevalue("postgres_server")
    options = {
        "own": None,
        "exchanged": AccountOptions(
            seed="test", settlement_currency="eur", exchange_rate=(9, 10), fee_later=True
        ),
        "short": AccountOptions(
            seed="test",
            refunds_need_funds=True,
            escalation_fails_refunds=True,
            pending_refunds_are_booked=False,
        ),
    }[money]
    machine = type(
        f"{kind}{money}",
        (SqlHistory,),
        {"databases": Databases(kind, template, server), "options": options},
    )
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
