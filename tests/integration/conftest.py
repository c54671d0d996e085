"""Fixtures of more than one integration suite."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.stores import MEMORY_URL, Store, open_store, sqlite_url, upgrade
from tests.support.world import World


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the current schema, of which every test gets a copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(upgrade(sqlite_url(path)))
    return path


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh store with the current schema, one of each kind in turn."""
    match request.param:
        case "memory":
            return MEMORY_URL
        case "sqlite":
            path = tmp_path / "test.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            return sqlite_url(path)
        case _:
            url: str = request.getfixturevalue("postgres_url")
            return url


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    """A fresh store, one of each kind in turn."""
    opened = open_store(store_url)
    yield opened
    await opened.close()


@pytest.fixture
async def world(store_url: str) -> AsyncIterator[World]:
    """A whole core on each store, with a simulated account and a clock of its own."""
    container = build_container(Settings(database=Database(url=store_url)))
    yield World(container)
    await container.store().close()
