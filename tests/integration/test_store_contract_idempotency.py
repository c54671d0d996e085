"""What every store promises of our callers' idempotency keys."""

from datetime import datetime

import anyio
import pytest

from markethub.domain.ports.idempotency import (
    Begun,
    InFlight,
    KeyState,
    OtherRequest,
    Replay,
    StoredAnswer,
)
from tests.support.stores import START, Store, later

pytestmark = pytest.mark.anyio

SCOPE, KEY, PRINT = "shop|POST /api/payments/pay_1/capture", "key-1", "a" * 64
ANSWER = StoredAnswer(
    status=201, content_type="application/json", body=b'{"b": 1, "a": "\xc3\xa9"}\n\x00\xff'
)


async def begin(
    store: Store,
    *,
    scope: str = SCOPE,
    key: str = KEY,
    fingerprint: str = PRINT,
    now: datetime = START,
) -> KeyState:
    return await store.idempotency_keys.begin(scope, key, fingerprint, now=now)


async def complete(
    store: Store, answer: StoredAnswer | None = ANSWER, *, now: datetime = START
) -> None:
    await store.idempotency_keys.complete(SCOPE, KEY, answer, now=now)


async def test_a_new_key_is_taken(store: Store) -> None:
    assert Begun() == await begin(store)


async def test_a_key_that_is_held_is_in_flight(store: Store) -> None:
    await begin(store)

    assert InFlight() == await begin(store, now=later(seconds=59))


async def test_of_concurrent_requests_one_takes_the_key(store: Store) -> None:
    states: list[KeyState] = []

    async def request() -> None:
        states.append(await begin(store))

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(request)

    assert (1, 19) == (states.count(Begun()), states.count(InFlight()))


async def test_an_answer_is_replayed_to_the_byte(store: Store) -> None:
    await begin(store)
    await complete(store)

    assert [Replay(answer=ANSWER)] * 2 == [await begin(store), await begin(store)]


async def test_where_no_answer_is_kept_the_key_tells_that_the_work_was_done(store: Store) -> None:
    await begin(store)
    await complete(store, None)

    assert Replay(answer=None) == await begin(store)


async def test_an_empty_body_is_an_answer(store: Store) -> None:
    empty = StoredAnswer(status=204, content_type="", body=b"")
    await begin(store)
    await complete(store, empty)

    assert Replay(answer=empty) == await begin(store)


@pytest.mark.parametrize("done", [False, True])
async def test_another_body_under_a_key_is_told_apart(store: Store, *, done: bool) -> None:
    await begin(store)
    if done:
        await complete(store)

    assert OtherRequest() == await begin(store, fingerprint="b" * 64)


async def test_a_key_belongs_to_its_scope(store: Store) -> None:
    await begin(store)
    await complete(store)

    assert Begun() == await begin(store, scope="other|POST /api/payments/pay_1/capture")
    assert Begun() == await begin(store, key="key-2")


async def test_a_released_key_may_be_taken_again_for_anything(store: Store) -> None:
    await begin(store)
    await store.idempotency_keys.release(SCOPE, KEY)

    assert Begun() == await begin(store, fingerprint="b" * 64)


async def test_a_release_frees_no_other_key(store: Store) -> None:
    await begin(store)
    await begin(store, key="key-2")
    await store.idempotency_keys.release(SCOPE, "key-2")

    assert InFlight() == await begin(store)


async def test_the_key_of_a_crashed_holder_is_taken_over_once(store: Store) -> None:
    await begin(store)
    taken = [await begin(store, now=later(seconds=61)) for _ in range(2)]

    assert [Begun(), InFlight()] == taken


async def test_who_took_a_key_over_may_complete_it(store: Store) -> None:
    await begin(store)
    await begin(store, now=later(seconds=61))
    await complete(store, now=later(seconds=62))

    assert Replay(answer=ANSWER) == await begin(store, now=later(hours=1))


async def test_an_answer_is_kept_for_a_day(store: Store) -> None:
    await begin(store)
    await complete(store)

    assert Replay(answer=ANSWER) == await begin(store, now=later(hours=23, minutes=59))


async def test_a_key_older_than_a_day_is_forgotten(store: Store) -> None:
    await begin(store)
    await complete(store)

    assert Begun() == await begin(store, fingerprint="b" * 64, now=later(hours=24, seconds=1))


async def test_a_forgotten_key_is_as_good_as_new(store: Store) -> None:
    again = later(hours=25)
    await begin(store)
    await complete(store)
    await begin(store, now=again)

    assert InFlight() == await begin(store, now=again)
