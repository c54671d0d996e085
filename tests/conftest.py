"""What every test may ask for."""

import asyncio
import gc
import os
from collections.abc import Iterator
from typing import Final

import pytest
import structlog
from hypothesis import settings

from tests.support.postgres import PostgresServer, running_postgres
from tests.support.stores import upgrade

LONGEST: Final = ("tests/kills/", "tests/storm/")
"""Folders of tests in which real processes take their time."""

# Deadlines measure the machine, not the code: on a busy one they fail at random.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio: the drivers we use know no other loop."""
    return "asyncio"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Let no test hear of the log only what another left: a history listens to it for good."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL: the one at TEST_DATABASE_URL, or one of our own.

    Where none can start the tests fail; what is proved on it has no other proof.
    """
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield PostgresServer(url=url)
        return
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of the database of which every test gets a copy: made once, never changed."""
    with postgres_server.database() as name:
        asyncio.run(upgrade(postgres_server.url_of(name)))
        yield name


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """The address of a fresh database with the current schema, for this test alone."""
    with postgres_server.database(template=postgres_template) as name:
        yield postgres_server.url_of(name)


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a fresh database without any table, for this test alone."""
    with postgres_server.database() as name:
        yield postgres_server.url_of(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests into one order, whatever order sets gave their parameters.

    Processes that share the work must agree on it. What takes longest and waits most comes
    first, so that nobody waits for it in the end.
    """
    items.sort(key=lambda item: (not item.nodeid.startswith(LONGEST), item.nodeid))


def pytest_collection_finish() -> None:
    """Leave out what there is by now whenever garbage is looked for: ten thousand tests.

    Looking through them again and again took a quarter of the suite's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
