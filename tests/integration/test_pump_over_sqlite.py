"""Pumps of several processes share an account's file without getting into each other's way."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from markethub.adapters.fake.account import Account
from markethub.adapters.fake.options import AccountOptions
from markethub.adapters.fake.pump import Pump
from markethub.adapters.fake_store import SqliteAccountStore
from markethub.domain.secret import Secret

pytestmark = pytest.mark.anyio

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


class Clock:
    def now(self) -> datetime:
        return START


@pytest.fixture
def account_of_a_process(tmp_path: Path) -> Iterator[Callable[[], Account]]:
    """Yield what each process does: open the same file anew."""
    stores: list[SqliteAccountStore] = []

    def opened() -> Account:
        stores.append(SqliteAccountStore(tmp_path / "account.db"))
        return Account(store=stores[-1], options=AccountOptions(seed="shared"))

    yield opened
    for store in stores:
        store.close()


def create_intent(account: Account) -> int:
    return account.request(
        method="POST",
        path="/v1/payment_intents",
        params={"amount": 5000, "currency": "usd"},
        auth="sk_test_dev",
    ).status


async def test_two_processes_deliver_each_event_once_and_write_while_it_is_delivered(
    account_of_a_process: Callable[[], Account],
) -> None:
    ours, theirs = account_of_a_process(), account_of_a_process()
    ours.advance(int(START.timestamp()))
    for _ in range(3):
        assert 200 == create_intent(ours)
    delivered: list[bytes] = []
    written: list[int] = []

    async def taken(body: bytes, header: str) -> None:
        delivered.append(body)

    their_pump = Pump(account=theirs, secret=Secret("s"), clock=Clock(), deliver=taken)

    async def taken_while_they_are_busy(body: bytes, header: str) -> None:
        delivered.append(body)
        await their_pump()
        if not written:
            written.append(create_intent(theirs))

    await Pump(account=ours, secret=Secret("s"), clock=Clock(), deliver=taken_while_they_are_busy)()

    assert [200] == written
    assert 4 == len(delivered) == len(set(delivered))
