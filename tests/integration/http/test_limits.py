"""How often one may call: by address, customer and operator."""

import pytest

from markethub.entrypoints.http.errors import HttpProblem
from markethub.entrypoints.http.limits import Buckets, Limits, Rate, RateLimiter
from markethub.entrypoints.setting_values import Role
from tests.support.app import ops, serving
from tests.support.world import ManualClock

pytestmark = pytest.mark.anyio

SLOW = Rate(burst=2, per_second=0.1)


async def test_a_customer_who_calls_too_often_is_told_when_to_come_back() -> None:
    async with serving(limits=Limits(customer=SLOW)) as api:
        caller = api.customer()
        statuses = [(await api.get("/api/payments/", caller=caller)).status_code for _ in range(2)]

        answer = await api.get("/api/payments/", caller=caller)

        assert [200, 200] == statuses
        assert (429, "rate_limited") == (answer.status_code, answer.json()["code"])
        assert "10" == answer.headers["Retry-After"]


async def test_a_customers_calls_are_counted_together_whatever_the_route() -> None:
    async with serving(limits=Limits(customer=SLOW)) as api:
        paths = ("/api/payments/", "/api/payments/pay_1/", "/api/orders/o-1/")
        answers = [await api.get(path, caller=api.customer()) for path in paths]

        assert [200, 404, 429] == [answer.status_code for answer in answers]


async def test_after_the_time_that_was_told_the_next_call_passes() -> None:
    async with serving(limits=Limits(customer=SLOW)) as api:
        caller = api.customer(exp=int(api.world.clock.now().timestamp()) + 3600)
        refused = [await api.get("/api/payments/", caller=caller) for _ in range(3)][-1]
        api.world.clock.advance(seconds=int(refused.headers["Retry-After"]))

        answer = await api.get("/api/payments/", caller=caller)

        assert 200 == answer.status_code


async def test_one_busy_customer_does_not_hinder_another() -> None:
    async with serving(limits=Limits(customer=SLOW)) as api:
        for _ in range(3):
            await api.get("/api/payments/", caller=api.customer("c-1"))

        answer = await api.get("/api/payments/", caller=api.customer("c-2"))

        assert 200 == answer.status_code


async def test_guessing_keys_is_limited_by_address_whatever_the_header_claims() -> None:
    async with serving(limits=Limits(address=SLOW)) as api:
        statuses = []
        for number in range(4):
            guess = {"Authorization": f"Bearer {number}", "X-Forwarded-For": f"10.0.0.{number}"}
            statuses.append((await api.get("/api/payments/", caller=guess)).status_code)

        assert [401, 401, 429, 429] == statuses


async def test_the_storefront_calls_for_all_its_customers_and_is_not_limited() -> None:
    limits = Limits(address=SLOW, customer=SLOW, operator=SLOW)
    async with serving(limits=limits) as api:
        statuses = {(await api.get("/api/payments/")).status_code for _ in range(5)}

        assert {200} == statuses


async def test_an_operator_has_a_limit_too() -> None:
    async with serving(limits=Limits(operator=SLOW)) as api:
        statuses = [
            (await api.get("/api/payments/", caller=ops(Role.ADMIN))).status_code for _ in range(3)
        ]

        assert [200, 200, 429] == statuses


def test_the_number_of_buckets_is_bounded_and_the_least_used_goes_first() -> None:
    buckets = Buckets(SLOW, clock=ManualClock(), maximum=2)
    for key in ("a", "a", "b", "b", "a", "c"):  # "c" pushes out "b"
        buckets.take(key)

    assert [False, True] == [buckets.take(key) == 0 for key in ("a", "b")]


def test_a_clock_that_jumps_back_gives_and_takes_nothing() -> None:
    clock = ManualClock()
    buckets = Buckets(SLOW, clock=clock)
    buckets.take("a")
    clock.advance(hours=-5)

    assert [True, False] == [buckets.take("a") == 0 for _ in range(2)]


async def test_addresses_of_one_ipv6_network_share_a_limit() -> None:
    limiter = RateLimiter(Limits(address=SLOW), clock=ManualClock())
    for host in ("2001:db8::1", "2001:db8::2"):
        limiter.check(host, None)
    limiter.check("2001:db8:1::1", None)

    with pytest.raises(HttpProblem, match="Too many"):
        limiter.check("2001:db8::3", None)
