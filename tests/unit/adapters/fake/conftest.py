from collections.abc import Iterator
from pathlib import Path

import pytest

from markethub.adapters.fake.store import AccountStore, DictStore
from markethub.adapters.fake_store import SqliteAccountStore
from tests.unit.adapters.fake.shop import Shop
from tests.unit.adapters.fake.shop import shop as open_shop


@pytest.fixture(params=["dict", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AccountStore]:
    if request.param == "dict":
        yield DictStore()
        return
    sqlite = SqliteAccountStore(tmp_path / "account.db")
    yield sqlite
    sqlite.close()


@pytest.fixture
def shop(store: AccountStore) -> Shop:
    return open_shop(store)
