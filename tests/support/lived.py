"""Worlds of the simulation that were lived through cleanly: what to corrupt one thing of."""

import logging
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import structlog

from markethub.adapters.fake.store import JsonObject
from markethub.adapters.memory.database import Database
from markethub.adapters.memory.tables import Table
from markethub.entrypoints.simulation.drawing import drawn
from markethub.entrypoints.simulation.history import World
from markethub.entrypoints.simulation.model import Truth

SEEDS = 100
"""Among so many histories everything is found that a test may want."""


class Lived:
    """What a history left: our rows, and the provider's."""

    def __init__(self, seed: int) -> None:
        logging_before = structlog.get_config()
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        world = World(drawn(seed), traced=False)
        try:
            lived = world.lived()
        finally:
            structlog.configure(**logging_before)
        if lived.violations:
            raise AssertionError(lived.violations)
        self.database: Database = world.database
        self.paths = world.plan.paths
        self.truth: Truth = world.oracle.truth

    def rows(self, table: str) -> list[Any]:
        """Return the rows of a table, by the name that the oracle hears."""
        return list(tables(self.database)[table].rows.values())

    def copy(self) -> Database:
        """Return the database once more, to be spoilt."""
        copied = Database()
        for name, table in vars(self.database).items():
            if isinstance(table, Table):
                for id_, row in table.rows.items():
                    getattr(copied, name).put(id_, row)
        copied.outbox = list(self.database.outbox)
        copied.attempts = list(self.database.attempts)
        copied.audit = list(self.database.audit)
        return copied

    def truth_copy(self) -> Truth:
        """Return the provider's books once more, to be spoilt."""
        copied = Truth()
        for kind, objects in self.truth.by_kind.items():
            for id_, value in objects.items():
                copied.put(kind, id_, {**value})
        return copied


def tables(database: Database) -> dict[str, Table[Any, Any]]:
    """Return the tables by the name that the oracle hears."""
    found = vars(database).values()
    return {table.name: table for table in found if isinstance(table, Table)}


@cache
def lived(seed: int) -> Lived:
    """Live through a seed's history, once."""
    return Lived(seed)


def worlds() -> Iterator[Lived]:
    """Go through the worlds, the same each time."""
    return map(lived, range(1, SEEDS + 1))


def some(table: str, suits: Callable[[Lived, Any], bool] = lambda _, __: True) -> tuple[Lived, Any]:
    """Find a row that suits, and the world it is in."""
    for world in worlds():
        for row in world.rows(table):
            if suits(world, row):
                return world, row
    raise LookupError(f"no history has such a row in {table}")


def some_object(
    kind: str, suits: Callable[[Lived, JsonObject], bool] = lambda _, __: True
) -> tuple[Lived, JsonObject]:
    """Find an object of the provider's that suits, and the world it is in."""
    for world in worlds():
        for value in world.truth.by_kind[kind].values():
            if suits(world, value):
                return world, value
    raise LookupError(f"no history has such a {kind}")
