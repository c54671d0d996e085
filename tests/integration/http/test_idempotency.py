"""Idempotency-Key: same key and body, same answer; anything else is said plainly."""

import asyncio
from hashlib import sha256

import pytest

from markethub.domain.errors import GatewayUnavailable, StaleWrite
from markethub.domain.ports.idempotency import Replay
from markethub.entrypoints.setting_values import Role
from tests.support.app import STOREFRONT, Api, bearer, ops
from tests.support.faults import Fault

pytestmark = pytest.mark.anyio

CREATE = "/api/stripe/create-payment-intent/o-1/"


async def _capture_path(api: Api) -> str:
    return f"/api/payments/{(await api.authorized()).payment.id}/capture/"


async def test_a_repeated_request_is_answered_to_the_byte_and_executed_once(api: Api) -> None:
    path = await _capture_path(api)

    first = await api.call("POST", path, {"amount": 2000}, key="k-1")
    api.world.clock.advance(hours=23)
    second = await api.call("POST", path, {"amount": 2000}, key="k-1")

    assert (200, first.content) == (second.status_code, second.content)
    assert first.headers["Content-Type"] == second.headers["Content-Type"]
    assert "Idempotent-Replayed" not in first.headers
    assert "true" == second.headers["Idempotent-Replayed"]


async def test_without_a_key_a_second_capture_is_refused(api: Api) -> None:
    path = await _capture_path(api)
    await api.call("POST", path, {"amount": 2000})

    second = await api.call("POST", path, {"amount": 2000})

    assert (409, "invalid_transition") == (second.status_code, second.json()["code"])


async def test_a_refusal_is_kept_too(api: Api) -> None:
    path = await _capture_path(api)
    first = await api.call("POST", path, {"amount": 9000}, key="k-1")

    second = await api.call("POST", path, {"amount": 9000}, key="k-1")

    assert (400, first.content) == (second.status_code, second.content)
    assert "true" == second.headers["Idempotent-Replayed"]
    assert "application/problem+json" == second.headers["Content-Type"]


async def test_the_same_key_with_another_body_is_refused(api: Api) -> None:
    path = await _capture_path(api)
    await api.call("POST", path, {"amount": 2000}, key="k-1")

    answer = await api.call("POST", path, {"amount": 2001}, key="k-1")

    assert (422, "idempotency_key_reused") == (answer.status_code, answer.json()["code"])


async def test_the_body_is_compared_byte_by_byte(api: Api) -> None:
    path = await _capture_path(api)
    await api.call("POST", path, raw=b'{"amount":2000}', key="k-1")

    answer = await api.call("POST", path, raw=b'{"amount": 2000}', key="k-1")

    assert 422 == answer.status_code


async def test_a_key_belongs_to_its_path(api: Api) -> None:
    path = await _capture_path(api)
    await api.call("POST", path.replace("capture", "cancel"), {}, key="k-1")

    answer = await api.call("POST", path, {"amount": 1}, key="k-1")

    assert "Idempotent-Replayed" not in answer.headers
    assert (409, "invalid_transition") == (answer.status_code, answer.json()["code"])


async def test_the_trailing_slash_makes_no_other_path(api: Api) -> None:
    path = await _capture_path(api)
    first = await api.call("POST", path, {}, key="k-1")

    second = await api.call("POST", path.rstrip("/"), {}, key="k-1")

    assert first.content == second.content
    assert "true" == second.headers["Idempotent-Replayed"]


async def test_a_key_belongs_to_its_caller(api: Api) -> None:
    path = await _capture_path(api)
    await api.call("POST", path, {"amount": 2000}, key="k-1", caller=ops(Role.SUPPORT))

    answer = await api.call("POST", path, {"amount": 3000}, key="k-1", caller=ops(Role.ADMIN))

    assert (409, "invalid_transition") == (answer.status_code, answer.json()["code"])


async def test_the_shop_keeps_its_answers_while_its_own_key_is_rotated(api: Api) -> None:
    path = await _capture_path(api)
    first = await api.call("POST", path, {}, key="k-1", caller=STOREFRONT)

    second = await api.call("POST", path, {}, key="k-1", caller=bearer("storefront-new-key"))

    assert first.content == second.content
    assert "true" == second.headers["Idempotent-Replayed"]


async def test_a_request_still_in_flight_is_in_progress(api: Api) -> None:
    path = await _capture_path(api)
    during: list[int] = []

    async def repeat() -> None:
        answer = await api.call("POST", path, {}, key="k-1")
        assert "request_in_progress" == answer.json()["code"]
        during.append(answer.status_code)

    api.world.gateway.after_send = repeat

    first = await api.call("POST", path, {}, key="k-1")

    assert (200, [409]) == (first.status_code, during)
    assert first.content == (await api.call("POST", path, {}, key="k-1")).content


async def test_of_fifty_at_once_one_executes_and_the_rest_wait_or_replay(api: Api) -> None:
    path = await _capture_path(api)

    answers = await asyncio.gather(*(api.call("POST", path, {}, key="k-1") for _ in range(50)))

    assert {200} <= {answer.status_code for answer in answers} <= {200, 409}
    assert 1 == len({answer.content for answer in answers if answer.status_code == 200})
    assert 1 == len(api.world.charges_paid())


async def test_an_unknown_outcome_is_not_kept_and_the_repeat_finishes_it(api: Api) -> None:
    path = await _capture_path(api)
    api.world.gateway.faults = [Fault.LOST_REPLY]
    first = await api.call("POST", path, {}, key="k-1")

    second = await api.call("POST", path, {}, key="k-1")

    assert (503, 200) == (first.status_code, second.status_code)
    assert GatewayUnavailable.code == first.json()["code"]
    assert "succeeded" == second.json()["status"]


async def test_being_told_to_wait_is_not_kept(api: Api) -> None:
    path = await _capture_path(api)
    api.world.gateway.faults = [Fault.BUSY] * 100  # longer than the core's patience
    first = await api.call("POST", path, {}, key="k-1")
    api.world.gateway.faults = []

    second = await api.call("POST", path, {}, key="k-1")

    assert (409, "request_in_progress") == (first.status_code, first.json()["code"])
    assert (200, "succeeded") == (second.status_code, second.json()["status"])


async def test_an_expired_key_finds_what_it_began_and_captures_nothing_twice(api: Api) -> None:
    path = await _capture_path(api)
    await api.call("POST", path, {"amount": 2000}, key="k-1")
    api.world.clock.advance(hours=25)

    answer = await api.call("POST", path, {"amount": 2000}, key="k-1")

    assert (200, 2000) == (answer.status_code, answer.json()["amount_captured"])


@pytest.mark.parametrize("caller", [{}, ops(Role.VIEWER)], ids=["unknown", "viewer"])
async def test_who_may_not_enter_takes_no_key(api: Api, caller: dict[str, str]) -> None:
    path = await _capture_path(api)
    await api.call("POST", path, {"amount": 1}, key="k-1", caller=caller)

    answer = await api.call("POST", path, {"amount": 2000}, key="k-1")

    assert 200 == answer.status_code


async def test_losing_against_others_is_not_kept(api: Api) -> None:
    path = await _capture_path(api)
    api.world.gateway.stumbles = [StaleWrite("the payment is being changed")]
    first = await api.call("POST", path, {}, key="k-1")

    second = await api.call("POST", path, {}, key="k-1")

    assert (409, "stale_write") == (first.status_code, first.json()["code"])
    assert (200, "succeeded") == (second.status_code, second.json()["status"])


async def test_a_403_of_the_route_itself_is_not_kept(api: Api) -> None:
    await api.world.register()
    caller = api.customer()
    await api.call("POST", CREATE, {"capture": "manual"}, key="k-1", caller=caller)

    answer = await api.call("POST", CREATE, {}, key="k-1", caller=caller)

    assert 200 == answer.status_code


async def test_create_payment_intent_keeps_no_answer_but_follows_the_order(api: Api) -> None:
    await api.world.register(total=5000)
    first = await api.call("POST", CREATE, {}, key="k-1")
    await api.world.register(total=7000)

    second = await api.call("POST", CREATE, {}, key="k-1")

    assert (5000, 7000) == (first.json()["amount"], second.json()["amount"])
    assert "Idempotent-Replayed" not in second.headers


async def test_create_payment_intent_still_remembers_the_body(api: Api) -> None:
    await api.world.register()
    await api.call("POST", CREATE, {}, key="k-1")

    answer = await api.call("POST", CREATE, {"expected_total": 5000}, key="k-1")

    assert (422, "idempotency_key_reused") == (answer.status_code, answer.json()["code"])


async def test_confirm_payment_reads_the_truth_again_under_the_same_key(api: Api) -> None:
    await api.world.register()
    started = await api.world.charge()
    body = {"payment_intent_id": started.payment.intent_id}
    before = await api.call("POST", "/api/stripe/confirm-payment/", body, key="k-1")
    api.world.pay(started)

    after = await api.call("POST", "/api/stripe/confirm-payment/", body, key="k-1")

    assert ["requires_payment_method", "succeeded"] == [
        answer.json()["status"] for answer in (before, after)
    ]


async def test_the_client_secret_is_kept_nowhere(api: Api) -> None:
    await api.world.register()
    await api.call("POST", CREATE, {}, key="k-1")

    kept = await api.world.container.idempotency_keys().begin(
        f"storefront|POST {CREATE.rstrip('/')}",
        "k-1",
        sha256(b"{}").hexdigest(),
        now=api.world.clock.now(),
    )

    assert Replay(answer=None) == kept


async def test_the_webhook_takes_no_key(api: Api) -> None:
    first = await api.call("POST", "/api/stripe/webhook/", raw=b"{}", key="k-1")
    second = await api.call("POST", "/api/stripe/webhook/", raw=b"[]", key="k-1")

    assert [400, 400] == [first.status_code, second.status_code]
    assert "Idempotent-Replayed" not in second.headers


@pytest.mark.parametrize(
    "key", ["", "x" * 256, "käse", "a\tb", "\x7f", "4242424242424242"], ids=repr
)
async def test_an_unusable_key_is_refused(api: Api, key: str) -> None:
    path = await _capture_path(api)

    answer = await api.client.post(
        path,
        content=b"{}",
        headers=[
            (b"Authorization", b"Bearer storefront-key"),
            (b"Idempotency-Key", key.encode()),
        ],
    )

    assert (400, "validation_failed") == (answer.status_code, answer.json()["code"])


async def test_two_keys_on_one_request_are_refused(api: Api) -> None:
    path = await _capture_path(api)

    answer = await api.client.post(
        path,
        content=b"{}",
        headers=[
            ("Authorization", "Bearer storefront-key"),
            ("Idempotency-Key", "k-1"),
            ("Idempotency-Key", "k-2"),
        ],
    )

    assert 400 == answer.status_code


async def test_the_longest_key_is_taken(api: Api) -> None:
    path = await _capture_path(api)

    answer = await api.call("POST", path, {}, key="~" * 255)

    assert 200 == answer.status_code


async def test_a_canceled_request_leaves_no_key_behind(api: Api) -> None:
    path = await _capture_path(api)
    reached = asyncio.Event()

    async def hang() -> None:
        reached.set()
        await asyncio.Event().wait()

    api.world.gateway.after_send = hang
    request = asyncio.create_task(api.call("POST", path, {}, key="k-1"))
    await reached.wait()
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)

    answer = await api.call("POST", path, {}, key="k-1")

    assert (200, "succeeded") == (answer.status_code, answer.json()["status"])
    assert 1 == len(api.world.charges_paid())
