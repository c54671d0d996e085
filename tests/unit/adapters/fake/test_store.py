"""What the account may rely on, whichever store it was given."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from markethub.adapters.fake.store import AccountStore, DictStore, JsonObject
from markethub.adapters.fake_store import SqliteAccountStore


def both_fit(dictionary: DictStore, file: SqliteAccountStore) -> tuple[AccountStore, AccountStore]:
    """Let the type checker prove that both implementations fit the protocol."""
    return dictionary, file


def put(store: AccountStore, *ids: str, kind: str = "charge") -> None:
    with store.atomic():
        for new in ids:
            store.put(kind, new, {"id": new})


def ids(values: object) -> list[str]:
    return [value["id"] for value in values]  # type: ignore[attr-defined]  # any iterable


class Broken(Exception):
    pass


def break_after(store: AccountStore, *writes: Callable[[], None]) -> None:
    """Write within a block that then fails."""
    with store.atomic():
        for write in writes:
            write()
        raise Broken


class TestABlock:
    def test_keeps_what_was_put(self, store: AccountStore) -> None:
        with store.atomic():
            store.put("charge", "ch_1", {"id": "ch_1", "paid": True, "list": [1, None, "é"]})

        assert store.get("charge", "ch_1") == {"id": "ch_1", "paid": True, "list": [1, None, "é"]}

    def test_that_fails_leaves_everything_as_it_was(self, store: AccountStore) -> None:
        put(store, "ch_1", "ch_2")

        with pytest.raises(Broken):
            break_after(
                store,
                lambda: store.put("charge", "ch_1", {"id": "changed"}),
                lambda: store.delete("charge", "ch_2"),
                lambda: put(store, "ch_3"),
            )

        assert ids(store.list("charge")) == ["ch_1", "ch_2"]
        assert store.get("charge", "ch_1") == {"id": "ch_1"}

    def test_sees_its_own_writes(self, store: AccountStore) -> None:
        put(store, "ch_1", "ch_2")

        with store.atomic():
            store.delete("charge", "ch_1")
            store.put("charge", "ch_3", {"id": "ch_3"})

            assert store.get("charge", "ch_1") is None
            assert ids(store.list("charge")) == ["ch_2", "ch_3"]

    def test_may_fail_inside_another_and_takes_only_its_own_writes(
        self, store: AccountStore
    ) -> None:
        with store.atomic():
            store.put("charge", "ch_1", {"id": "ch_1"})
            with pytest.raises(Broken):
                break_after(store, lambda: put(store, "ch_1", "ch_2"))
            put(store, "ch_3")

        assert ids(store.list("charge")) == ["ch_1", "ch_3"]

    def test_that_fails_takes_back_what_inner_blocks_had_kept(self, store: AccountStore) -> None:
        with pytest.raises(Broken):
            break_after(store, lambda: put(store, "ch_1"))

        assert store.get("charge", "ch_1") is None


class TestAList:
    def test_is_in_the_order_of_creation_whatever_was_replaced(self, store: AccountStore) -> None:
        put(store, "b", "a", "c")
        put(store, "b")

        assert ids(store.list("charge")) == ["b", "a", "c"]
        assert ids(store.list("charge", newest_first=True)) == ["c", "a", "b"]

    def test_begins_behind_an_id_in_either_direction(self, store: AccountStore) -> None:
        put(store, "b", "a", "c")

        assert ids(store.list("charge", after="a")) == ["c"]
        assert ids(store.list("charge", after="a", newest_first=True)) == ["b"]

    def test_begins_nowhere_behind_an_id_that_is_not_there(self, store: AccountStore) -> None:
        put(store, "a")

        assert ids(store.list("charge", after="x")) == []

    def test_holds_one_kind_only(self, store: AccountStore) -> None:
        put(store, "a")
        put(store, "b", kind="event")

        assert ids(store.list("event")) == ["b"]

    def test_is_whole_however_long_it_is(self, store: AccountStore) -> None:
        names = [f"ch_{number}" for number in range(250)]
        put(store, *names)

        assert ids(store.list("charge")) == names
        assert ids(store.list("charge", newest_first=True)) == names[::-1]


class TestTheFile:
    def test_is_shared_by_those_who_open_it(self, tmp_path: Path) -> None:
        one, other = (SqliteAccountStore(tmp_path / "account.db") for _ in range(2))
        put(one, "a")

        found = other.get("charge", "a")
        one.close()
        other.close()

        assert found == {"id": "a"}

    def test_lets_one_writer_in_at_a_time(self, tmp_path: Path) -> None:
        def count(store: SqliteAccountStore) -> None:
            for _ in range(50):
                with store.atomic():
                    kept: JsonObject = store.get("meta", "counter") or {"value": 0}
                    store.put("meta", "counter", {"value": kept["value"] + 1})

        stores = [SqliteAccountStore(tmp_path / "account.db") for _ in range(2)]
        # Two threads on the first, one on the second, as processes would be.
        threads = [threading.Thread(target=count, args=(store,)) for store in (*stores, stores[0])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        counted = stores[1].get("meta", "counter")
        for store in stores:
            store.close()

        assert counted == {"value": 150}

    def test_is_opened_by_many_at_the_same_moment(self, tmp_path: Path) -> None:
        failures: list[Exception] = []

        def open_at_once(store: SqliteAccountStore, start: threading.Barrier) -> None:
            start.wait()
            try:
                store.get("meta", "counter")
            except Exception as failure:  # noqa: BLE001 - in a thread nobody else would see it
                failures.append(failure)

        for attempt in range(100):  # the moment is short
            stores = [SqliteAccountStore(tmp_path / f"{attempt}.db") for _ in range(4)]
            start = threading.Barrier(len(stores))
            threads = [
                threading.Thread(target=open_at_once, args=(store, start)) for store in stores
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for store in stores:
                store.close()

        assert failures == []
