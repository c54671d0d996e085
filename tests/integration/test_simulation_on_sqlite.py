"""Histories on production's own store: SQLAlchemy, its statements, and a real SQLite file."""

import attrs
import pytest

from markethub.adapters.memory.database import Database
from markethub.adapters.memory.tables import Table
from markethub.entrypoints.simulation import sqlite_file
from markethub.entrypoints.simulation.bugs import BUGS
from markethub.entrypoints.simulation.campaign import SQLITE, plan_of, slice_of, tally
from markethub.entrypoints.simulation.history import run_history
from markethub.entrypoints.simulation.mirror import QUERIES
from markethub.entrypoints.simulation.plan import Paths, Plan, StoreKind
from markethub.entrypoints.simulation.row_rules import RULES

HISTORIES = 40
SEEDS = range(5000, 5000 + HISTORIES)


def on_sqlite(seed: int, *, paths: Paths = Paths.BOTH, bug: str | None = None) -> Plan:
    return attrs.evolve(plan_of(seed, only=SQLITE, bug=bug), paths=paths)


@pytest.mark.parametrize("part", range(4))
def test_money_is_safe_on_sqlite(part: int) -> None:
    found = tally(on_sqlite(seed) for seed in SEEDS[part::4])

    assert (HISTORIES // 4, ()) == (found.histories, found.failed)


@pytest.mark.parametrize("paths", [Paths.WEBHOOKS, Paths.RECOVERY])
def test_money_is_safe_on_sqlite_with_one_way_to_repair(paths: Paths) -> None:
    found = tally(on_sqlite(seed, paths=paths) for seed in range(6000, 6005))

    assert () == found.failed


def test_the_same_plan_is_the_same_history() -> None:
    plan = on_sqlite(5003)

    assert run_history(plan) == run_history(plan)


def test_a_history_is_replayed_by_what_struck() -> None:
    drawn = run_history(on_sqlite(5007))
    replayed = run_history(attrs.evolve(drawn.plan, strikes=drawn.strikes))

    assert drawn.strikes
    assert (drawn.digest, drawn.struck) == (replayed.digest, replayed.struck)


def test_one_seed_in_fifty_of_a_campaign_runs_on_sqlite() -> None:
    stores = [slice_of(seed).store for seed in range(500)]

    assert 10 == stores.count(StoreKind.SQLITE)


@pytest.mark.parametrize("bug", ["ack_before_durable", "authorized_is_paid"])
def test_a_planted_bug_is_found_on_sqlite(bug: str) -> None:
    plans = (on_sqlite(seed, paths=BUGS[bug].paths, bug=bug) for seed in range(20))

    assert any(run_history(plan).violations for plan in plans)


def test_all_is_mirrored_that_the_oracle_judges() -> None:
    judged = {"ledger_entries" if name == "ledger" else name for name in RULES}

    assert judged <= set(QUERIES)


def rows_of(database: Database) -> dict[str, dict[object, object]]:
    return {
        name: dict(table.rows) for name, table in vars(database).items() if isinstance(table, Table)
    }


def test_every_commit_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    followed: list[object] = []
    read: list[object] = []
    everything = sqlite_file.SqliteFile.everything

    def compared(self: sqlite_file.SqliteFile) -> Database:
        database = everything(self)
        followed.append((rows_of(self.database), self.database.outbox))
        read.append((rows_of(database), database.outbox))
        return database

    monkeypatch.setattr(sqlite_file.SqliteFile, "everything", compared)
    run_history(on_sqlite(5001))

    assert followed
    assert followed == read
