"""What every store promises to whoever reads the audit log."""

from collections.abc import Mapping

import attrs
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from markethub.adapters.memory.audit import MemoryAuditLog
from markethub.domain.audit import Act, AuditAction, AuditEntry, Channel
from markethub.domain.errors import ValidationFailed
from markethub.domain.ids import PaymentId
from markethub.domain.ports.audit import AuditFilter
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.usecases.record_audit import RecordAudit
from tests.support.stores import MEMORY_URL, START, Store, later
from tests.support.world import ManualClock

pytestmark = pytest.mark.anyio

ALL = AuditFilter()
ADA = Act(actor="ada", channel=Channel.CONSOLE, reason="the customer called: 50 % off, \u2713")
ENTRY = AuditEntry.of(
    ADA,
    AuditAction.REFUND_REQUEST,
    at=START,
    subject="ref_1",
    payment_id=PaymentId("pay_1"),
    detail={"amount": "50.00 USD"},
)


async def append(store: Store, *entries: AuditEntry) -> None:
    async def work(tx: Transaction) -> None:
        for entry in entries:
            await tx.audit.append(entry)

    await store.transactions.run(work)


async def listed(store: Store, wanted: AuditFilter = ALL) -> list[str | None]:
    return [entry.subject for entry in (await store.audit_queries.entries(wanted)).items]


async def test_a_line_is_read_with_every_field_and_its_number(store: Store) -> None:
    await append(store, ENTRY)

    [found] = (await store.audit_queries.entries(ALL)).items
    assert found.sequence > 0
    assert attrs.evolve(found, sequence=0) == ENTRY


async def test_a_line_needs_no_more_than_who_and_what(store: Store) -> None:
    plain = AuditEntry.of(Act(actor="bob"), AuditAction.CONSOLE_SIGN_IN, at=START)
    await append(store, plain)

    [found] = (await store.audit_queries.entries(ALL)).items
    assert attrs.evolve(found, sequence=0) == plain


async def test_lines_are_listed_the_last_first(store: Store) -> None:
    # Within a transaction too, and whatever the clock said.
    await append(store, attrs.evolve(ENTRY, subject="1"), attrs.evolve(ENTRY, subject="2"))
    await append(store, attrs.evolve(ENTRY, subject="3", at=later(hours=-1)))

    assert ["3", "2", "1"] == await listed(store)


async def test_what_is_rolled_back_was_never_done(store: Store) -> None:
    async def work(tx: Transaction) -> None:
        await tx.audit.append(ENTRY)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.transactions.run(work)

    assert [] == await listed(store)


@pytest.mark.parametrize("is_committed", [True, False])
async def test_a_transaction_knows_who_has_done_what_to_what(
    store: Store, is_committed: bool
) -> None:
    if is_committed:
        await append(store, ENTRY)

    async def work(tx: Transaction) -> list[bool]:
        if not is_committed:
            await tx.audit.append(ENTRY)
        return [
            await tx.audit.has(action, actor=actor, subject=subject)
            for action, actor, subject in (
                (AuditAction.REFUND_REQUEST, "ada", "ref_1"),
                (AuditAction.REFUND_APPROVE, "ada", "ref_1"),
                (AuditAction.REFUND_REQUEST, "bob", "ref_1"),
                (AuditAction.REFUND_REQUEST, "ada", "ref_2"),
            )
        ]

    assert [True, False, False, False] == await store.transactions.run(work)


async def test_pages_follow_each_other_while_lines_are_added(store: Store) -> None:
    await append(store, *(attrs.evolve(ENTRY, subject=str(number)) for number in range(5)))
    first = await store.audit_queries.entries(ALL, limit=2)
    await append(store, attrs.evolve(ENTRY, subject="late"))
    second = await store.audit_queries.entries(ALL, limit=2, cursor=first.next_cursor)
    third = await store.audit_queries.entries(ALL, limit=2, cursor=second.next_cursor)

    pages = [[entry.subject for entry in page.items] for page in (first, second, third)]
    assert [["4", "3"], ["2", "1"], ["0"]] == pages
    assert third.next_cursor is None


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1" * 30, "\u0661"])
async def test_a_cursor_that_is_not_ours_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(ValidationFailed):
        await store.audit_queries.entries(ALL, cursor=cursor)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (AuditFilter(actor="ada"), ["late", "mine"]),
        (AuditFilter(action=AuditAction.CONSOLE_SIGN_IN), ["door"]),
        (AuditFilter(subject="mine"), ["mine"]),
        (AuditFilter(payment_id=PaymentId("pay_1")), ["late", "mine"]),
        (AuditFilter(since=later(hours=1)), ["late"]),
        (AuditFilter(until=later(hours=1)), ["door", "mine"]),
        (AuditFilter(actor="ada", until=later(hours=1)), ["mine"]),
    ],
)
async def test_lines_are_found_by_who_what_and_when(
    store: Store, wanted: AuditFilter, found: list[str]
) -> None:
    await append(
        store,
        attrs.evolve(ENTRY, subject="mine"),
        AuditEntry.of(
            Act(actor="bob"), AuditAction.CONSOLE_SIGN_IN, at=later(minutes=5), subject="door"
        ),
        attrs.evolve(ENTRY, subject="late", at=later(hours=1)),
    )

    assert found == await listed(store, wanted)


async def test_what_has_no_transaction_of_its_own_is_recorded(store: Store) -> None:
    record = RecordAudit(transactions=store.transactions, clock=ManualClock())
    await record(ADA, AuditAction.CONSOLE_EXPORT, subject="payments", detail={"rows": "7"})

    [found] = (await store.audit_queries.entries(ALL)).items
    assert ("ada", Channel.CONSOLE, AuditAction.CONSOLE_EXPORT, "payments", ADA.reason) == (
        found.actor,
        found.channel,
        found.action,
        found.subject,
        found.reason,
    )
    assert {"rows": "7"} == found.detail


_REPLACED = (
    "INSERT OR REPLACE INTO audit_log (sequence, at, actor, channel, action, detail) "
    "SELECT sequence, at, 'eve', channel, action, detail FROM audit_log"
)
_ON_CONFLICT = (
    "INSERT INTO audit_log (sequence, at, actor, channel, action, detail) OVERRIDING SYSTEM VALUE "
    "SELECT sequence, at, 'eve', channel, action, detail FROM audit_log "
    "ON CONFLICT (sequence) DO UPDATE SET actor = 'eve'"
)


@pytest.mark.parametrize(
    "words",
    [
        "UPDATE audit_log SET actor = 'eve'",
        "DELETE FROM audit_log",
        {"sqlite": _REPLACED, "postgresql": _ON_CONFLICT},
        {"sqlite": "REPLACE" + _REPLACED[17:], "postgresql": "TRUNCATE audit_log"},
    ],
    ids=["changed", "deleted", "replaced", "emptied"],
)
async def test_no_line_is_changed_or_deleted_by_whoever_has_the_database(
    store: Store, store_url: str, words: str | Mapping[str, str]
) -> None:
    await append(store, ENTRY)
    if store_url == MEMORY_URL:  # nobody gets there but by the port
        assert ["append", "has"] == [name for name in dir(MemoryAuditLog) if name.isalpha()]
        return
    address = store_url.replace("sqlite:", "sqlite+aiosqlite:").replace(
        "postgresql:", "postgresql+asyncpg:"
    )
    engine = create_async_engine(address)
    statement = text(words if isinstance(words, str) else words[engine.dialect.name])
    try:
        with pytest.raises(DBAPIError, match="append-only"):
            async with engine.begin() as connection:
                await connection.execute(statement)
    finally:
        await engine.dispose()

    [kept] = (await store.audit_queries.entries(ALL)).items
    assert ("ref_1", "ada") == (kept.subject, kept.actor)


@pytest.mark.parametrize("name", ["", "ada ", " ada", "a\nda", "a" * 65])
def test_nobody_acts_without_a_name_of_one_line(name: str) -> None:
    with pytest.raises(ValidationFailed):
        Act(actor=name)


def test_a_reason_is_a_sentence_or_two() -> None:
    with pytest.raises(ValidationFailed):
        Act(actor="ada", reason="x" * 501)
