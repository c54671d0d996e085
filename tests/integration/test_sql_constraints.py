"""What the database itself refuses, whoever writes into it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import attrs
import pytest
from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from markethub.adapters.sqlalchemy.engines import engines_for
from markethub.adapters.sqlalchemy.tables import metadata
from markethub.domain.facts import Card
from markethub.domain.ids import ChargeId
from markethub.domain.ports.stamp import Stamp
from tests.support.postgres import PostgresServer
from tests.support.stored_disputes import dispute, save, submission
from tests.support.stored_refunds import refund
from tests.support.stores import (
    customer,
    entry,
    event,
    open_store,
    operation,
    order,
    payment,
    post,
    put,
    receive,
    saved_method,
    sqlite_url,
)

pytestmark = pytest.mark.anyio


@attrs.frozen
class Refused:
    """A statement, and the rule that refuses it: by its name, and as SQLite words it."""

    rule: str
    statement: str
    sqlite_says: str | None = None

    def __str__(self) -> str:
        return f"{self.rule}: {self.statement}"[:90]


def check(table: str, name: str, *changes: str) -> list[Refused]:
    """Changes of seeded rows that a CHECK refuses."""
    statements = [f"UPDATE {table} SET {change}" for change in changes]  # noqa: S608 - ours
    return [Refused(f"ck_{table}_{name}", statement) for statement in statements]


def entry_check(name: str, **changes: str) -> Refused:
    """A ledger entry that a CHECK refuses: entries cannot be changed, only added."""
    values = {
        "reference": "'ch_2'",
        "kind": "'charge'",
        "payment_id": "'pay_1'",
        "debit": "'provider_balance'",
        "credit": "'sales'",
        "amount_minor": "1",
        "currency": "'usd'",
        "posted_at": "'2026-11-01 12:00:00+00:00'",
        **changes,
    }
    columns, row = ", ".join(values), ", ".join(values.values())
    statement = f"INSERT INTO ledger_entries ({columns}) VALUES ({row})"  # noqa: S608 - ours
    return Refused(f"ck_ledger_entries_{name}", statement)


def foreign(rule: str, statement: str) -> Refused:
    return Refused(rule, statement, sqlite_says="FOREIGN KEY")


def unique(rule: str, columns: str, statement: str) -> Refused:
    return Refused(rule, statement, sqlite_says=f"UNIQUE constraint failed: {columns}")


def inserted(table: str, *rows: dict[str, str]) -> str:
    """A statement that inserts rows, all of the same columns."""
    columns = ", ".join(rows[0])
    values = ", ".join(f"({', '.join(row.values())})" for row in rows)
    return f"INSERT INTO {table} ({columns}) VALUES {values}"  # noqa: S608 - ours


def approval(**changes: str) -> dict[str, str]:
    """An approval that was rejected, so that any number of a payment may be there."""
    return {
        "id": "'apr_1'",
        "payment_id": "'pay_1'",
        "order_id": "'o-1'",
        "amount_minor": "1",
        "currency": "'usd'",
        "takes_the_rest": "TRUE",
        "reason": "'other'",
        "requested_by": "'ada'",
        "origin": "NULL",
        "plan_hash": "NULL",
        "plan_line": "NULL",
        "status": "'rejected'",
        "decided_by": "'bob'",
        "refund_id": "NULL",
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
        "version": "1",
        **changes,
    }


def approval_check(name: str, **changes: str) -> Refused:
    return Refused(f"ck_approvals_{name}", inserted("approvals", approval(**changes)))


def approvals_unique(name: str, columns: str, **same: str) -> Refused:
    rows = approval(**same), approval(id="'apr_2'", **same)
    return unique(f"uq_approvals_{name}", columns, inserted("approvals", *rows))


def audited(**changes: str) -> str:
    line = {
        "at": _MOMENT,
        "actor": "'ada'",
        "channel": "'cli'",
        "action": "'a'",
        "detail": "'{{}}'",
    }
    return inserted("audit_log", {**line, **changes})


_MOMENT: Final = "'2026-11-01 12:00:00+00:00'"
ORPHAN: Final = entry_check("", payment_id="'pay_9'").statement
TWICE: Final = entry_check("", reference="'ch_1'").statement

REFUSED: Final = [
    # orders
    *check("orders", "currency_code", "currency = 'USD'", "currency = 'us'"),
    *check("orders", "status_known", "status = 'lost'"),
    *check("orders", "shipping_not_negative", "shipping_minor = -1"),
    *check("orders", "total_chargeable", "total_minor = 0", "total_minor = 100000000"),
    *check("orders", "paid_by_a_payment", "status = 'paid'", "paid_by = 'pay_1'"),
    *check("orders", "version_counts", "version = 0"),
    foreign(
        "fk_orders_paid_by_id_payments",
        "UPDATE orders SET status = 'paid', paid_by = 'pay_2' WHERE id = 'o-1'",
    ),
    unique("pk_orders", "orders.id", "UPDATE orders SET id = 'o-1' WHERE id = 'o-3'"),
    # payments
    *check("payments", "currency_code", "currency = 'USD'", "currency = 'dollar'"),
    *check("payments", "status_known", "status = 'failed'"),
    *check("payments", "capture_method_known", "capture_method = 'never'"),
    *check("payments", "quarantine_known", "quarantine = 'odd'"),
    *check("payments", "amount_positive", "amount_minor = 0, authorized_minor = 0"),
    *check(
        "payments",
        "authorized_bounded",
        "authorized_minor = -1",
        "authorized_minor = amount_minor + 1",
    ),
    *check(
        "payments", "captured_bounded", "captured_minor = -1", "captured_minor = amount_minor + 1"
    ),
    *check("payments", "refunded_bounded", "refunded_minor = -1", "refunded_minor = 1"),
    *check("payments", "disputed_not_negative", "disputed_minor = -1"),
    *check("payments", "capture_asked_positive", "capture_asked_minor = 0"),
    *check("payments", "declines_not_negative", "declines = -1"),
    *check("payments", "canceled_frees_the_slot", "status = 'canceled'"),
    *check(
        "payments",
        "card_whole",
        "card_last4 = NULL",
        "card_exp_month = NULL",
        "card_exp_year = NULL",
        "card_brand = NULL",
    ),
    *check("payments", "version_counts", "version = 0"),
    unique("pk_payments", "payments.id", "UPDATE payments SET id = 'pay_1' WHERE id = 'pay_3'"),
    unique(
        "uq_payments_live_of_order",
        "payments.order_id",
        "UPDATE payments SET order_id = 'o-1' WHERE id = 'pay_3'",
    ),
    unique(
        "uq_payments_intent_id",
        "payments.intent_id",
        "UPDATE payments SET intent_id = 'pi_1' WHERE id = 'pay_2'",
    ),
    unique(
        "uq_payments_charge_id",
        "payments.charge_id",
        "UPDATE payments SET charge_id = 'ch_1' WHERE id = 'pay_2'",
    ),
    foreign(
        "fk_payments_order_id_orders", "UPDATE payments SET order_id = 'o-9' WHERE id = 'pay_2'"
    ),
    # operations
    *check("operations", "currency_code", "amount_minor = 1, currency = 'EURO'"),
    *check("operations", "kind_known", "kind = 'guess'"),
    *check("operations", "status_known", "status = 'failed'"),
    *check("operations", "amount_positive", "amount_minor = 0, currency = 'usd'"),
    *check("operations", "attempt_counts", "attempt = 0"),
    *check("operations", "amount_whole", "amount_minor = 1", "currency = 'usd'"),
    *check("operations", "version_counts", "version = 0"),
    unique("pk_operations", "operations.id", "UPDATE operations SET id = 'op_1' WHERE id = 'op_2'"),
    unique(
        "uq_operations_unresolved_of_payment",
        "operations.payment_id",
        "UPDATE operations SET payment_id = 'pay_1' WHERE id = 'op_2'",
    ),
    unique(
        "uq_operations_origin",
        "operations.origin",
        "UPDATE operations SET origin = 'shop|POST /|k' WHERE id = 'op_2'",
    ),
    foreign(
        "fk_operations_payment_id_payments",
        "UPDATE operations SET payment_id = 'pay_9' WHERE id = 'op_1'",
    ),
    # the ledger
    entry_check("currency_code", currency="'USD'"),
    entry_check("kind_known", kind="'gift'"),
    entry_check("debit_known", debit="'pocket'"),
    entry_check("credit_known", credit="'pocket'"),
    entry_check("amount_positive", amount_minor="0"),
    entry_check("amount_positive", amount_minor="-1"),
    entry_check("between_two_accounts", credit="'provider_balance'"),
    unique(
        "uq_ledger_entries_reference_kind", "ledger_entries.reference, ledger_entries.kind", TWICE
    ),
    foreign("fk_ledger_entries_payment_id_payments", ORPHAN),
    Refused("the ledger is append-only", "UPDATE ledger_entries SET amount_minor = 1"),
    Refused("the ledger is append-only", "DELETE FROM ledger_entries"),
    # disputes
    *check("disputes", "currency_code", "currency = 'USD'"),
    *check("disputes", "status_known", "status = 'charge_refunded'"),
    *check("disputes", "amount_not_negative", "amount_minor = -1"),
    *check("disputes", "submission_count_not_negative", "submission_count = -1"),
    *check("disputes", "version_counts", "version = 0"),
    unique("pk_disputes", "disputes.id", "UPDATE disputes SET id = 'dsp_1' WHERE id = 'dsp_2'"),
    unique(
        "uq_disputes_provider_id",
        "disputes.provider_id",
        "UPDATE disputes SET provider_id = 'dp_1' WHERE id = 'dsp_2'",
    ),
    foreign(
        "fk_disputes_payment_id_order_id_payments",
        "UPDATE disputes SET order_id = 'o-2' WHERE id = 'dsp_1'",
    ),
    *check("submissions", "kind_known", "kind = 'ignore'"),
    *check("submissions", "status_known", "status = 'failed'"),
    *check("submissions", "attempt_counts", "attempt = 0"),
    *check("submissions", "count_before_not_negative", "count_before = -1"),
    *check("submissions", "version_counts", "version = 0"),
    unique(
        "pk_submissions", "submissions.id", "UPDATE submissions SET id = 'sub_1' WHERE id = 'sub_2'"
    ),
    unique(
        "uq_submissions_unresolved_of_dispute",
        "submissions.dispute_id",
        "UPDATE submissions SET dispute_id = 'dsp_1' WHERE id = 'sub_2'",
    ),
    unique(
        "uq_submissions_origin",
        "submissions.origin",
        "UPDATE submissions SET origin = 'ops|POST /|k' WHERE id = 'sub_2'",
    ),
    foreign(
        "fk_submissions_dispute_id_disputes",
        "UPDATE submissions SET dispute_id = 'dsp_9' WHERE id = 'sub_1'",
    ),
    # refunds
    *check("refunds", "amount_positive", "amount_minor = 0"),
    *check("refunds", "status_known", "status = 'lost'"),
    *check("refunds", "reason_known", "reason = 'fraudulent'"),
    *check("refunds", "currency_code", "currency = 'USD'"),
    *check("refunds", "made_by_somebody", "actor = NULL, provider_id = NULL"),
    *check("refunds", "plan_line_counts", "plan_line = -1, plan_hash = 'h'"),
    *check("refunds", "plan_whole", "plan_hash = 'h', plan_line = NULL"),
    *check("refunds", "version_counts", "version = 0"),
    unique("pk_refunds", "refunds.id", "UPDATE refunds SET id = 'ref_1' WHERE id = 'ref_2'"),
    unique(
        "uq_refunds_provider_id",
        "refunds.provider_id",
        "UPDATE refunds SET provider_id = 're_1'",
    ),
    unique(
        "uq_refunds_plan_line",
        "refunds.plan_hash, refunds.plan_line",
        "UPDATE refunds SET plan_hash = 'h', plan_line = 1",
    ),
    foreign(
        "fk_refunds_payment_id_order_id_payments",
        "UPDATE refunds SET payment_id = 'pay_2' WHERE id = 'ref_1'",
    ),
    *check(
        "payments",
        "refund_reserved_bounded",
        "refund_reserved_minor = -1",
        "captured_minor = 100, refunded_minor = 60, refund_reserved_minor = 41",
    ),
    *check("operations", "refund_named", "kind = 'refund'"),
    foreign(
        "fk_operations_refund_id_refunds",
        "UPDATE operations SET kind = 'refund', refund_id = 'ref_9'",
    ),
    # approvals
    approval_check("amount_positive", amount_minor="0"),
    approval_check("currency_code", currency="'USD'"),
    approval_check("status_known", status="'lost'"),
    approval_check("reason_known", reason="'fraudulent'"),
    approval_check("version_counts", version="0"),
    approval_check("plan_whole", plan_hash="'h'"),
    approval_check("decided_by_somebody", decided_by="NULL"),
    approval_check("decided_by_somebody", status="'pending'"),
    approval_check("approved_is_made", status="'approved'"),
    approval_check("approved_is_made", refund_id="'ref_1'"),
    approval_check("second_person", status="'approved'", decided_by="'ada'", refund_id="'ref_1'"),
    approvals_unique("origin", "approvals.origin", origin="'k'"),
    approvals_unique(
        "plan_line", "approvals.plan_hash, approvals.plan_line", plan_hash="'h'", plan_line="1"
    ),
    approvals_unique("pending", "approvals.payment_id", status="'pending'", decided_by="NULL"),
    foreign(
        "fk_approvals_payment_id_order_id_payments",
        inserted("approvals", approval(payment_id="'pay_9'")),
    ),
    foreign(
        "fk_approvals_refund_id_refunds",
        inserted("approvals", approval(status="'approved'", refund_id="'ref_9'")),
    ),
    # the audit log
    Refused("ck_audit_log_channel_known", audited(channel="'sms'")),
    Refused("ck_audit_log_actor_named", audited(actor="''")),
    # the staff's sessions
    Refused(
        "ck_staff_sessions_id_hashed",
        inserted(
            "staff_sessions",
            {
                "id": "'a token in clear'",
                "name": "'ada'",
                "proof": "'p'",
                "created_at": _MOMENT,
                "seen_at": _MOMENT,
            },
        ),
    ),
    # the inbox
    *check("inbox", "status_known", "status = 'seen'"),
    *check("inbox", "reason_given", "status = 'dead'", "status = 'ignored'"),
    *check("inbox", "attempts_not_negative", "attempts = -1"),
    *check("inbox", "failures_not_negative", "failures = -1"),
    unique("pk_inbox", "inbox.id", "UPDATE inbox SET id = 'evt_1' WHERE id = 'evt_2'"),
    # deliveries
    *check("deliveries", "status_known", "status = 'lost'"),
    *check("deliveries", "reason_given", "status = 'dead'", "status = 'skipped'"),
    *check("deliveries", "attempts_not_negative", "attempts = -1"),
    *check("deliveries", "lease_whole", "lease = 'l'", "leased_until = next_attempt_at"),
    *check(
        "deliveries",
        "leased_while_pending",
        "status = 'delivered', lease = 'l', leased_until = next_attempt_at",
    ),
    *check(
        "delivery_attempts",
        "status_or_error",
        "http_status = NULL",
        "error = 'timeout'",
    ),
    *check("delivery_attempts", "duration_not_negative", "duration_ms = -1"),
    *check("delivery_endpoints", "failures_not_negative", "failures = -1"),
    *check(
        "delivery_endpoints",
        "disabled_whole",
        "disabled_reason = 'gone'",
        "disabled_at = since",
    ),
    foreign(
        "fk_deliveries_sequence_outbox",
        "INSERT INTO deliveries (sequence, aggregate_id, status, attempts, next_attempt_at, "
        "updated_at) VALUES (99, 'o-1', 'pending', 0, {moment}, {moment})",
    ),
    foreign(
        "fk_delivery_attempts_sequence_deliveries",
        "INSERT INTO delivery_attempts (sequence, attempted_at, http_status, duration_ms) "
        "VALUES (99, {moment}, 200, 1)",
    ),
    # idempotency keys
    *check(
        "idempotency_keys",
        "answer_whole",
        "is_complete = {true}, answer_status = 200",
        "is_complete = {true}, answer_content_type = 'text/plain'",
        "is_complete = {true}, answer_body = {bytes}",
    ),
    *check(
        "idempotency_keys",
        "answer_when_complete",
        "answer_status = 200, answer_content_type = 'text/plain', answer_body = {bytes}",
    ),
    unique(
        "pk_idempotency_keys",
        "idempotency_keys.scope, idempotency_keys.key",
        "UPDATE idempotency_keys SET key = 'k-1'",
    ),
    # customers
    *check("customers", "generation_counts", "generation = 0"),
    *check("customers", "provider_whole", "provider_id = NULL", "provider_lookup = NULL"),
    *check("customers", "version_counts", "version = 0"),
    unique("pk_customers", "customers.id", "UPDATE customers SET id = 'c-1' WHERE id = 'c-3'"),
    unique(
        "uq_customers_record_id",
        "customers.record_id",
        "UPDATE customers SET record_id = 'cst_1' WHERE id = 'c-3'",
    ),
    unique(
        "uq_customers_provider_lookup",
        "customers.provider_lookup",
        "UPDATE customers SET provider_lookup = "
        "(SELECT provider_lookup FROM customers WHERE id = 'c-1') WHERE id = 'c-3'",
    ),
    # saved methods
    *check("payment_methods", "status_known", "status = 'lost', is_default = {false}"),
    *check("payment_methods", "default_is_active", "status = 'inactive', is_default = {true}"),
    *check(
        "payment_methods",
        "removed_before_detached",
        "detach_due_at = '2026-11-01 12:00:00+00:00'",
    ),
    *check("payment_methods", "detach_attempts_not_negative", "detach_attempts = -1"),
    *check("payment_methods", "version_counts", "version = 0"),
    unique(
        "pk_payment_methods",
        "payment_methods.id",
        "UPDATE payment_methods SET id = 'mth_1' WHERE id = 'mth_2'",
    ),
    unique(
        "uq_payment_methods_token_lookup",
        "payment_methods.token_lookup",
        "UPDATE payment_methods SET token_lookup = "
        "(SELECT token_lookup FROM payment_methods WHERE id = 'mth_1') WHERE id = 'mth_2'",
    ),
    unique(
        "uq_payment_methods_card_of_customer",
        "payment_methods.customer_id, payment_methods.fingerprint_lookup",
        "UPDATE payment_methods SET fingerprint_lookup = "
        "(SELECT fingerprint_lookup FROM payment_methods WHERE id = 'mth_1') WHERE id = 'mth_2'",
    ),
    unique(
        "uq_payment_methods_default_of_customer",
        "payment_methods.customer_id",
        "UPDATE payment_methods SET is_default = {true} WHERE id = 'mth_2'",
    ),
    foreign(
        "fk_payment_methods_customer_id_customers",
        "UPDATE payment_methods SET customer_id = 'c-9' WHERE id = 'mth_1'",
    ),
    # the key of lookups
    *check("lookup_keys", "only_one", "id = 2"),
    unique("pk_lookup_keys", "lookup_keys.id", "INSERT INTO lookup_keys SELECT * FROM lookup_keys"),
    # the stamp
    *check("stamp", "only_one", "id = 2"),
    unique("pk_stamp", "stamp.id", "INSERT INTO stamp SELECT * FROM stamp"),
]

_WORDS: Final = {
    "sqlite": {"true": "1", "false": "0", "bytes": "x'00'", "moment": _MOMENT},
    "postgresql": {
        "true": "true",
        "false": "false",
        "bytes": "'\\x00'::bytea",
        "moment": _MOMENT,
    },
}


async def seed(url: str) -> None:
    """Put some rows into every table."""
    store = open_store(url)
    card = Card(brand="visa", last4="4242", exp_month=12, exp_year=2030)
    paying = attrs.evolve(payment("pay_1", intent_id="pi_1"), charge_id=ChargeId("ch_1"), card=card)
    others = [order("o-2"), order("o-3")]
    await put(
        store,
        order("o-1"),
        *others,
        paying,
        attrs.evolve(payment("pay_2", of=others[0]), card=card),
        attrs.evolve(payment("pay_3", of=others[1]), card=card),
        operation("op_1", origin="shop|POST /|k"),
        operation("op_2", payment_id="pay_2"),
        customer("c-1"),
        customer("c-3"),
        saved_method("mth_1").make_default(now=order().created_at),
        saved_method("mth_2"),
    )
    await post(store, entry())
    await save(
        store,
        refund("ref_1", provider_id="re_1"),
        refund("ref_2"),
        dispute("dsp_1"),
        dispute("dsp_2"),
        submission("sub_1", origin="ops|POST /|k"),
        submission("sub_2", of="dsp_2"),
    )
    await receive(store, [event("evt_1"), event("evt_2")])
    for key in ("k-1", "k-2"):
        await store.idempotency_keys.begin("scope", key, "f", now=order().created_at)
    await store.stamps.put(Stamp(gateway="fake", mode="test", account_id="acct_1"))
    await store.close()
    engines = engines_for(url)
    async with engines.writer.begin() as connection:
        for statement in _DELIVERED:
            await connection.execute(text(statement.format(moment=_MOMENT)))
    await engines.dispose()


_DELIVERED: Final = (
    """INSERT INTO outbox (type, aggregate_id, body, occurred_at)
       VALUES ('order.paid', 'o-1', '{{}}', {moment})""",
    """INSERT INTO deliveries
           (sequence, aggregate_id, status, attempts, next_attempt_at, updated_at)
       SELECT sequence, aggregate_id, 'pending', 0, {moment}, {moment} FROM outbox""",
    """INSERT INTO delivery_attempts (sequence, attempted_at, http_status, duration_ms)
       SELECT sequence, {moment}, 200, 1 FROM deliveries""",
    """INSERT INTO delivery_endpoints (id, since, failures)
       VALUES ('storefront', {moment}, 0)""",
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def seeded_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a database that has rows; every test takes back what it did to them."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("constraints")
        url = sqlite_url(folder / "seeded.db")
        asyncio.run(_upgraded_and_seeded(url))
        yield url
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database(template=request.getfixturevalue("postgres_template")) as name:
        asyncio.run(seed(server.url_of(name)))
        yield server.url_of(name)


async def _upgraded_and_seeded(url: str) -> None:
    store = open_store(url)
    await store.upgrade()
    await store.close()
    await seed(url)


@pytest.fixture
async def engine(seeded_url: str) -> AsyncIterator[AsyncEngine]:
    engines = engines_for(seeded_url)
    yield engines.writer
    await engines.dispose()


@pytest.mark.parametrize("refused", REFUSED, ids=str)
async def test_the_database_refuses(engine: AsyncEngine, refused: Refused) -> None:
    words = _WORDS[engine.dialect.name]
    expected = refused.sqlite_says if engine.dialect.name == "sqlite" else None

    async with engine.connect() as connection:
        with pytest.raises(DBAPIError) as refusal:
            await connection.execute(text(refused.statement.format(**words)))

    assert (expected or refused.rule) in str(refusal.value.orig)


async def test_postgresql_refuses_to_empty_the_ledger_at_once(postgres_url: str) -> None:
    engines = engines_for(postgres_url)

    async with engines.writer.connect() as connection:
        with pytest.raises(DBAPIError, match="append-only"):
            await connection.execute(text("TRUNCATE ledger_entries"))

    await engines.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "amount_minor = 5000.5",
        "amount_minor = 'much'",
        "card_exp_year = '2030x'",
        "holds_slot = x'01'",
    ],
)
async def test_sqlite_refuses_what_is_not_of_the_columns_type(tmp_path: Path, change: str) -> None:
    url = sqlite_url(tmp_path / "strict.db")
    await _upgraded_and_seeded(url)
    engines = engines_for(url)

    async with engines.writer.connect() as connection:
        with pytest.raises(DBAPIError, match="cannot store"):
            await connection.execute(text(f"UPDATE payments SET {change}"))  # noqa: S608 - ours

    await engines.dispose()


def test_every_rule_of_the_schema_has_a_statement_that_it_refuses() -> None:
    rules = {
        str(rule.name)
        for table in metadata.tables.values()
        for rule in table.constraints
        if isinstance(rule, CheckConstraint | ForeignKeyConstraint | UniqueConstraint)
    }
    rules |= {str(i.name) for t in metadata.tables.values() for i in t.indexes if i.unique}
    # Unique because its first column is: it is there for a foreign key to refer to.
    rules.remove("uq_payments_id_order_id")

    assert rules <= {refused.rule for refused in REFUSED}
