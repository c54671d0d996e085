"""Mercy with a provider in trouble: how often it is asked again, and when not at all."""

import asyncio
from datetime import timedelta

import pytest

from markethub.adapters.stripe.guard import (
    COOL_DOWN,
    COOL_DOWN_MAXIMUM,
    FAILURES_MAXIMUM,
    RESERVE,
    RETRIES_MAXIMUM,
    Guard,
    GuardedCarrier,
)
from markethub.adapters.stripe.outcomes import Answer, NoAnswer, NotSent, Reply, outcome
from markethub.domain.operation import ProviderRequest
from markethub.domain.ports.gateway import NotTaken
from tests.support.world import ManualClock

pytestmark = pytest.mark.anyio

REQUEST = ProviderRequest(method="POST", path="/v1/payment_intents", params={})
OK = Answer(status=200, body={})
DECLINED = Answer(status=402, body={"error": {"type": "card_error", "code": "card_declined"}})
LOST = NoAnswer(reason="timeout")
BROKEN = Answer(status=500, body={})
LIMITED = Answer(status=429, body={"error": {"code": "rate_limit"}})
LOCKED = Answer(status=429, body={"error": {"code": "lock_timeout"}})


class Provider:
    """Answers as it is told, by turns, and then always as ``rest``; counts what it is asked."""

    def __init__(self, *replies: Reply, rest: Reply = OK) -> None:
        self.replies = list(replies)
        self.rest = rest
        self.hangs = False
        self.keys: list[str | None] = []
        self.clock = ManualClock()
        self.guard = Guard(self.clock)
        self.carrier = GuardedCarrier(self, guard=self.guard, pause=self.clock.pause)

    async def call(self, request: ProviderRequest, *, idempotency_key: str | None = None) -> Reply:
        self.keys.append(idempotency_key)
        if self.hangs:
            await asyncio.Event().wait()
        return self.replies.pop(0) if self.replies else self.rest

    async def upload(
        self, path: str, content: bytes, *, file_name: str, purpose: str, idempotency_key: str
    ) -> Reply:
        return await self.call(REQUEST, idempotency_key=idempotency_key)

    async def close(self) -> None:
        return

    async def ask(self, key: str = "key") -> Reply:
        return await self.carrier.call(REQUEST, idempotency_key=key)


# --- repeating ----------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [LOST, BROKEN, LOCKED, Answer(status=409, body={})])
async def test_what_may_succeed_later_is_repeated_under_its_key(trouble: Reply) -> None:
    provider = Provider(trouble)

    assert OK == await provider.ask()
    assert ["key", "key"] == provider.keys


@pytest.mark.parametrize(
    "reply",
    [
        OK,
        DECLINED,
        LIMITED,
        Answer(status=400, body={}),
        Answer(status=500, body={}, replayed=True),
        Answer(status=503, body={}, should_retry=False),
        Answer(status=409, body={}, should_retry=False),
        Answer(status=503, body={}, retry_after_s=60),
    ],
)
async def test_what_repeating_does_not_help_is_answered_as_it_is(reply: Reply) -> None:
    provider = Provider(reply)

    assert reply == await provider.ask()
    assert 1 == len(provider.keys)


async def test_the_provider_may_ask_for_a_repetition_and_for_a_wait() -> None:
    provider = Provider(Answer(status=429, body={}, should_retry=True, retry_after_s=3))
    begun = provider.clock.now()

    assert OK == await provider.ask()
    assert timedelta(seconds=3) == provider.clock.now() - begun


async def test_a_request_is_repeated_twice_at_most_and_its_last_reply_stands() -> None:
    provider = Provider(LOST, LOST, BROKEN)

    assert BROKEN == await provider.ask()
    assert 1 + RETRIES_MAXIMUM == len(provider.keys)


async def test_in_the_long_run_one_request_in_ten_may_be_repeated() -> None:
    provider = Provider()
    for number in range(1000):
        provider.replies = [LOCKED]  # a lock troubles one request, and says nothing of the others
        await provider.ask(f"key-{number}")

    assert 1000 + RESERVE <= len(provider.keys) <= 1000 * 1.12 + RESERVE
    assert provider.guard.retries_spent == len(provider.keys) - 1000


# --- sparing -------------------------------------------------------------------------------------


async def opened(rest: Reply = LOST) -> Provider:
    provider = Provider(rest=rest)
    while not provider.guard.is_open:
        await provider.ask()
    provider.keys.clear()
    return provider


@pytest.mark.parametrize("trouble", [LOST, BROKEN, LIMITED])
async def test_after_a_run_of_failures_nothing_is_sent(trouble: Reply) -> None:
    provider = await opened(trouble)

    reply = await provider.ask()

    assert [] == provider.keys
    assert isinstance(reply, NotSent)
    assert isinstance(outcome(reply), NotTaken)


@pytest.mark.parametrize("reply", [DECLINED, LOCKED, Answer(status=409, body={}), OK])
async def test_what_shows_a_provider_that_works_never_stops_the_sending(reply: Reply) -> None:
    provider = Provider(rest=reply)
    for _ in range(10 * FAILURES_MAXIMUM):
        await provider.ask()

    assert not provider.guard.is_open


async def test_a_reply_that_was_lost_stays_unknown_though_no_repetition_is_sent() -> None:
    provider = Provider(rest=LOST)

    replies = [await provider.ask() for _ in range(FAILURES_MAXIMUM)]

    assert LOST == replies[0]
    assert LOST == replies[1]
    assert all(isinstance(reply, NoAnswer | NotSent) for reply in replies)


async def test_after_a_while_one_request_tries_it_and_its_success_lets_all_through() -> None:
    provider = await opened()
    provider.rest = OK
    provider.clock.advance(seconds=COOL_DOWN_MAXIMUM.seconds)

    assert OK == await provider.ask()
    assert OK == await provider.ask()
    assert not provider.guard.is_open


async def test_only_one_request_at_a_time_tries_it() -> None:
    provider = await opened()
    provider.clock.advance(seconds=COOL_DOWN_MAXIMUM.seconds)
    admitted = [provider.guard.admit() for _ in range(10)]

    assert [True, *[False] * 9] == [each is not None for each in admitted]


async def test_each_failed_try_makes_the_next_wait_longer_up_to_a_minute() -> None:
    provider = await opened()
    waits: list[float] = []
    for _ in range(8):
        begun = provider.clock.now()
        while not provider.keys:
            provider.clock.advance(seconds=1)
            await provider.ask()
        provider.keys.clear()
        waits.append((provider.clock.now() - begun).total_seconds())

    assert waits[0] <= 11
    assert waits[0] < waits[3]
    assert 30 <= waits[-1] <= 61


async def test_a_clock_that_leaps_back_does_not_keep_it_closed() -> None:
    provider = await opened()
    provider.clock.advance(hours=-1)

    assert provider.guard.admit() is not None


async def test_a_try_whose_caller_gives_up_leaves_it_to_the_next() -> None:
    provider = await opened()
    provider.clock.advance(seconds=COOL_DOWN_MAXIMUM.seconds)
    provider.hangs = True
    trying = asyncio.create_task(provider.ask())
    await asyncio.sleep(0)
    meanwhile = await provider.ask()
    trying.cancel()
    await asyncio.wait([trying])
    provider.hangs, provider.rest = False, OK

    assert isinstance(meanwhile, NotSent)
    assert OK == await provider.ask()


async def test_callers_who_give_up_say_nothing_of_the_provider() -> None:
    provider = Provider()
    provider.hangs = True
    for _ in range(3 * FAILURES_MAXIMUM):
        asking = asyncio.create_task(provider.ask())
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])

    assert not provider.guard.is_open


async def test_requests_that_were_under_way_do_not_make_the_wait_longer() -> None:
    provider = Provider()
    admissions = [provider.guard.admit() for _ in range(50)]
    for admission in admissions:
        assert admission is not None
        provider.guard.failed(admission)
    provider.clock.advance(seconds=2 * COOL_DOWN.seconds)

    assert provider.guard.admit() is not None


async def test_a_straggler_does_not_end_the_try_that_is_out() -> None:
    provider = Provider()
    [straggler, *others] = [provider.guard.admit() for _ in range(6)]
    for admission in others:
        assert admission is not None
        provider.guard.failed(admission)
    provider.clock.advance(seconds=COOL_DOWN_MAXIMUM.seconds)
    tried = provider.guard.admit()
    assert straggler is not None
    provider.guard.failed(straggler)

    assert tried is not None
    assert provider.guard.admit() is None


async def test_what_is_in_flight_elsewhere_costs_no_retries() -> None:
    """Whoever meets it polls by itself, for as long as its caller has patience."""
    busy = Answer(status=409, body={"error": {"code": "idempotency_key_in_use"}})
    provider = Provider(rest=busy)
    replies = [await provider.ask() for _ in range(50)]

    assert [busy] * 50 == replies
    assert 50 == len(provider.keys)
    assert 0 == provider.guard.retries_spent


# --- storms --------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [LOST, LIMITED])
async def test_in_an_hour_of_outage_a_thousand_waiting_requests_are_no_storm(
    trouble: Reply,
) -> None:
    provider = Provider(rest=trouble)
    seconds = 0
    while seconds < 3600:
        for number in range(1000):
            await provider.ask(f"key-{number}")
        provider.clock.advance(seconds=60)
        seconds += 60

    assert len(provider.keys) <= 100


async def test_an_upload_is_spared_as_any_other_request() -> None:
    provider = await opened()
    reply = await provider.carrier.upload(
        "/v1/files", b"", file_name="a", purpose="b", idempotency_key="c"
    )

    assert isinstance(reply, NotSent)
