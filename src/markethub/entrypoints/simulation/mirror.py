"""What is committed to an SQLite file, as the rows in memory that the oracle looks at.

Read past SQLAlchemy's connections, but by the column types and mappers of production.
"""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs
from sqlalchemy import Select, select
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

from markethub.adapters.memory.database import Database
from markethub.adapters.sqlalchemy import tables
from markethub.adapters.sqlalchemy.audit import audit_from_row
from markethub.adapters.sqlalchemy.audit_tables import audit_log
from markethub.adapters.sqlalchemy.deliveries import delivery_from_row
from markethub.adapters.sqlalchemy.delivery_tables import deliveries
from markethub.adapters.sqlalchemy.dispute_mappers import dispute_from_row, submission_from_row
from markethub.adapters.sqlalchemy.dispute_tables import disputes, submissions
from markethub.adapters.sqlalchemy.mappers import (
    Read,
    entry_from_row,
    event_from_row,
    inbox_event_from_row,
    operation_from_row,
    order_from_row,
    payment_from_row,
)
from markethub.adapters.sqlalchemy.method_tables import customers, payment_methods
from markethub.adapters.sqlalchemy.refund_mappers import refund_from_row
from markethub.adapters.sqlalchemy.refund_tables import refunds
from markethub.adapters.sqlalchemy.saved_methods import customer_from_row, method_from_row
from markethub.adapters.sqlalchemy.sealing import (
    Sealing,
    Tokens,
    inbox_context,
    operation_context,
)
from markethub.domain.ports.cipher import TokenCipher
from markethub.entrypoints.simulation.inline_sqlite import Change
from markethub.entrypoints.simulation.observed import ObservedDatabase

_DIALECT: Final = sqlite_dialect()


@attrs.frozen
class _Query:
    """A query, in SQLite's words, and what its columns' types make of what they get."""

    sql: str
    columns: Sequence[tuple[str, Callable[[Any], Any] | None]]

    @classmethod
    def of(cls, query: Select[Any]) -> "_Query":
        return cls(
            str(query.compile(dialect=_DIALECT)),
            [
                (column.name, column.type.result_processor(_DIALECT, None))
                for column in query.selected_columns
            ],
        )

    def read(self, values: Sequence[Any]) -> dict[str, Any]:
        return {
            name: value if made is None else made(value)
            for (name, made), value in zip(self.columns, values, strict=True)
        }


_OUTBOX: Final = tables.outbox.name
_TELLING: Final = select(
    deliveries, tables.outbox.c.type, tables.outbox.c.body, tables.outbox.c.occurred_at
).join_from(deliveries, tables.outbox)
QUERIES: Final[Mapping[str, _Query]] = {
    **{
        table.name: _Query.of(select(table))
        for table in (
            tables.orders,
            tables.payments,
            tables.operations,
            refunds,
            disputes,
            submissions,
            customers,
            payment_methods,
            tables.ledger_entries,
            tables.inbox,
            tables.outbox,
            audit_log,
        )
    },
    deliveries.name: _Query.of(_TELLING),
}
"""What is mirrored, by table. The others hold nothing that the oracle judges."""

_Found = tuple[str, Any, Any]
"""The memory table's attribute, the row's id there, and the row."""


class Mirror:
    """Looks at an SQLite file from outside of all processes."""

    def __init__(self, path: str, *, cipher: TokenCipher) -> None:
        """Look at ``path``. ``cipher`` has the keys of who writes there."""
        self._tokens = Tokens(cipher)
        # Nothing is looked up by its secret here.
        self._sealing = Sealing(cipher=cipher, tokens=self._tokens, lookup_key=b"")
        self._file = sqlite3.connect(path, isolation_level=None)

    def close(self) -> None:
        """Look no more."""
        self._file.close()

    def follow(self, database: ObservedDatabase, changes: Iterable[Change]) -> None:
        """Bring ``database`` up to a commit that changed these rows."""
        told = []
        for table, rowid in changes:
            for row in self._rows(table, f"{table}.rowid = ?", (rowid,)):
                if table == _OUTBOX:
                    told.append(event_from_row(row))
                elif table == audit_log.name:
                    database.record([audit_from_row(row)])
                else:
                    _put(database, *self._found(table, row))
        database.follow(told)

    def everything(self) -> Database:
        """Read all rows anew."""
        database = Database()
        for table in QUERIES:
            for row in self._rows(table, f"1 ORDER BY {table}.rowid", ()):
                if table == _OUTBOX:
                    database.outbox.append(event_from_row(row))
                elif table == audit_log.name:
                    database.record([audit_from_row(row)])
                else:
                    _put(database, *self._found(table, row))
        return database

    def _rows(self, table: str, condition: str, values: Sequence[Any]) -> Iterable[Read]:
        query = QUERIES[table]
        found = self._file.execute(f"{query.sql} WHERE {condition}", values)
        return [query.read(row) for row in found.fetchall()]

    def _found(self, table: str, row: Read) -> _Found:
        match table:
            case tables.orders.name:
                return "orders", row["id"], order_from_row(row)
            case tables.payments.name:
                return "payments", row["id"], payment_from_row(row)
            case tables.operations.name:
                params = self._tokens.open(row["params"], operation_context(row["id"]))
                return "operations", row["id"], operation_from_row({**row, "params": params})
            case tables.inbox.name:
                payload = self._tokens.open(row["payload"], inbox_context(row["id"]))
                return "inbox", row["id"], inbox_event_from_row({**row, "payload": payload})
            case tables.ledger_entries.name:
                entry = entry_from_row(row)
                return "ledger", (entry.reference, entry.kind), entry
            case refunds.name:
                return "refunds", row["id"], refund_from_row(row)
            case disputes.name:
                return "disputes", row["id"], dispute_from_row(row)
            case submissions.name:
                return "submissions", row["id"], submission_from_row(row)
            case customers.name:
                return "customers", row["id"], customer_from_row(row, self._sealing)
            case payment_methods.name:
                return "methods", row["id"], method_from_row(row, self._sealing)
        assert table == deliveries.name
        return "deliveries", row["sequence"], delivery_from_row(row)


def _put(database: Database, attribute: str, id_: object, row: object) -> None:
    getattr(database, attribute).put(id_, row)
