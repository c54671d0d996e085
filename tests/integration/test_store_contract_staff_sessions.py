"""What every store promises of the staff's sessions."""

from datetime import datetime, timedelta

import attrs
import pytest

from markethub.domain.ports.sessions import AGE_MAXIMUM, IDLE_MAXIMUM, StaffSession
from tests.support.stores import START, Store, later

pytestmark = pytest.mark.anyio


def session(mark: str = "a", *, at: datetime = START) -> StaffSession:
    return StaffSession(
        id=mark * 64, name="mara", proof=f"proof of {mark}", created_at=at, seen_at=at
    )


async def test_a_session_is_found_as_it_began(store: Store) -> None:
    await store.staff_sessions.begin(session())

    assert session() == await store.staff_sessions.find(session().id)


async def test_nothing_is_found_under_an_id_that_nobody_has(store: Store) -> None:
    await store.staff_sessions.begin(session("a"))

    assert await store.staff_sessions.find(session("b").id) is None


async def test_a_touched_session_was_seen_then(store: Store) -> None:
    await store.staff_sessions.begin(session("a"))
    await store.staff_sessions.begin(session("b"))

    await store.staff_sessions.touch(session("a").id, now=later(minutes=5))

    seen = [await store.staff_sessions.find(session(mark).id) for mark in "ab"]
    assert [attrs.evolve(session("a"), seen_at=later(minutes=5)), session("b")] == seen


async def test_a_session_that_was_ended_is_not_brought_back_by_a_touch(store: Store) -> None:
    await store.staff_sessions.begin(session())
    await store.staff_sessions.end(session().id)

    await store.staff_sessions.touch(session().id, now=later(minutes=5))

    assert await store.staff_sessions.find(session().id) is None


async def test_ending_a_session_leaves_the_others(store: Store) -> None:
    await store.staff_sessions.begin(session("a"))
    await store.staff_sessions.begin(session("b"))

    await store.staff_sessions.end(session("a").id)
    await store.staff_sessions.end(session("c").id)

    found = [await store.staff_sessions.find(session(mark).id) for mark in "ab"]
    assert [None, session("b")] == found


async def test_a_new_session_sweeps_away_those_that_nobody_used(store: Store) -> None:
    await store.staff_sessions.begin(session("a"))
    await store.staff_sessions.begin(session("b", at=later(seconds=1)))

    await store.staff_sessions.begin(session("c", at=START + IDLE_MAXIMUM))

    kept = [await store.staff_sessions.find(session(mark).id) for mark in "abc"]
    assert [False, True, True] == [each is not None for each in kept]


async def test_a_new_session_sweeps_away_those_that_are_too_old_however_used(store: Store) -> None:
    end = START + AGE_MAXIMUM
    await store.staff_sessions.begin(session("a"))
    await store.staff_sessions.begin(session("b", at=later(minutes=1)))
    for mark in "ab":
        await store.staff_sessions.touch(session(mark).id, now=end - timedelta(seconds=1))

    await store.staff_sessions.begin(session("c", at=end))

    kept = [await store.staff_sessions.find(session(mark).id) for mark in "abc"]
    assert [False, True, True] == [each is not None for each in kept]
