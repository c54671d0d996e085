"""The SDK at a real socket: what goes out, and what each kind of trouble comes back as."""

import asyncio
import gc
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl

import pytest
import stripe
from anyio.from_thread import start_blocking_portal

from markethub.adapters.stripe.gateway import ApiGateway
from markethub.adapters.stripe.webhooks import StripeEventTranslator
from markethub.domain.errors import GatewayUnavailable, NotFound
from markethub.domain.ids import IntentId
from markethub.domain.operation import CancelIntent, ProviderRequest
from markethub.domain.ports.gateway import (
    Declined,
    Done,
    EventTranslator,
    NotTaken,
    Unknown,
)
from tests.support import stripe_objects as objects
from tests.support.canned_server import DROP, HANG, TRICKLE, CannedServer, answer, canned
from tests.support.carriers import to_address

pytestmark = pytest.mark.anyio  # concerns the coroutines among them

INTENT = IntentId("pi_1")
KEY = "cancel:op_1:1"
OK = answer(200, objects.intent())


@asynccontextmanager
async def gateway_at(
    url: str, *, retries: int = 0, timeout_s: float = 5.0
) -> AsyncIterator[ApiGateway]:
    gateway = ApiGateway(to_address(url, retries=retries, attempt_timeout_s=timeout_s))
    try:
        yield gateway
    finally:
        await gateway.close()


async def send_to(server: CannedServer, **options: Any) -> Any:
    async with gateway_at(server.url, **options) as gateway:
        request = gateway.render(CancelIntent(intent_id=INTENT))
        return await gateway.send(request, idempotency_key=KEY)


class TestWhatGoesOut:
    async def test_bears_our_key_our_version_and_our_credentials(self) -> None:
        async with canned(OK) as server:
            await send_to(server)

        headers = server.seen[0].headers
        assert headers["idempotency-key"] == KEY
        assert headers["stripe-version"] == "2026-10-28.endive"
        assert headers["authorization"] == "Bearer sk_test_dev"

    async def test_is_a_stored_request_exactly_as_it_was_rendered(self) -> None:
        """Nested values may come back from a store as any mapping."""
        stored = ProviderRequest(
            method="POST",
            path="/v1/payment_intents/pi_1/as_rendered_last_year",
            params=MappingProxyType(
                {
                    "amount": 500,
                    "old_parameter": MappingProxyType(
                        {"on": True, "words": ("\N{EURO SIGN}&", "")}
                    ),
                }
            ),
        )
        async with canned(OK) as server, gateway_at(server.url) as gateway:
            await gateway.send(stored, idempotency_key=KEY)

        [seen] = server.seen
        assert (seen.method, seen.target) == (stored.method, stored.path)
        assert parse_qsl(seen.body, keep_blank_values=True) == [
            ("amount", "500"),
            ("old_parameter[on]", "true"),
            ("old_parameter[words][0]", "\N{EURO SIGN}&"),
            ("old_parameter[words][1]", ""),
        ]

    async def test_goes_below_the_base_address(self) -> None:
        async with canned(OK) as server, gateway_at(server.url + "/fake-stripe/") as gateway:
            await gateway.read_intent(INTENT)

        path, _, _ = server.seen[0].target.partition("?")
        assert path == "/fake-stripe/v1/payment_intents/pi_1"

    async def test_tells_stripe_nothing_about_this_machine(self) -> None:
        async with canned(OK) as server, gateway_at(server.url) as gateway:
            await gateway.read_intent(INTENT)
            await gateway.read_intent(INTENT)

        assert not stripe.enable_telemetry
        for seen in server.seen:
            assert "x-stripe-client-telemetry" not in seen.headers
            assert "platform" not in seen.headers["x-stripe-client-user-agent"]

    async def test_is_repeated_under_the_same_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)
        busy = answer(409, objects.error(code="idempotency_key_in_use"))

        async with canned(DROP, busy, OK) as server:
            outcome = await send_to(server, retries=2)

        assert isinstance(outcome, Done)
        assert [KEY] * 3 == [seen.headers["idempotency-key"] for seen in server.seen]
        assert len({seen.body for seen in server.seen}) == 1


class TestWhatComesBack:
    async def test_as_an_intent_is_done(self) -> None:
        async with canned(OK) as server:
            outcome = await send_to(server)

        assert isinstance(outcome, Done)
        assert not outcome.replayed

    async def test_under_a_used_key_says_that_it_is_a_replay(self) -> None:
        async with canned(answer(200, objects.intent(), Idempotent_Replayed="true")) as server:
            outcome = await send_to(server)

        assert isinstance(outcome, Done)
        assert outcome.replayed

    async def test_as_a_refusal_is_declined_with_its_code_and_its_intent(self) -> None:
        body = objects.error(
            code="payment_intent_unexpected_state", payment_intent=objects.intent()
        )

        async with canned(answer(400, body)) as server:
            outcome = await send_to(server)

        assert isinstance(outcome, Declined)
        assert outcome.code == "payment_intent_unexpected_state"
        assert outcome.intent is not None

    @pytest.mark.parametrize(
        ("status", "body", "expected"),
        [
            (401, objects.error(), NotTaken(reason="credentials refused")),
            (403, objects.error(), NotTaken(reason="credentials refused")),
            (
                409,
                objects.error("idempotency_error", code="idempotency_key_in_use"),
                NotTaken(reason="conflict", in_flight=True),
            ),
            (429, objects.error(code="lock_timeout"), NotTaken(reason="lock_timeout")),
            (429, b"slow down", NotTaken(reason="rate limit")),
            (400, objects.error(code="rate_limit"), NotTaken(reason="rate limit")),
            (
                400,
                objects.error("idempotency_error"),
                Unknown(reason="idempotency_error", stored=True),
            ),
            (402, objects.error("card_error", code="x"), Declined(code="x")),
            (404, objects.error(code="resource_missing"), Declined(code="resource_missing")),
            (404, b"<html>", Unknown(reason="status 404")),
            (500, objects.error("api_error"), Unknown(reason="status 500")),
            (500, b"", Unknown(reason="status 500")),
            (502, b"<html>", Unknown(reason="status 502")),
            (302, b"", Unknown(reason="status 302")),
        ],
        ids=str,
    )
    async def test_as_any_other_answer_is_what_it_means(
        self, status: int, body: Any, expected: Any
    ) -> None:
        async with canned(answer(status, body)) as server:
            assert expected == await send_to(server)

    async def test_as_a_stored_failure_is_not_to_be_sent_again(self) -> None:
        body = objects.error("api_error")

        async with canned(answer(500, body, Idempotent_Replayed="true")) as server:
            assert Unknown(reason="status 500", stored=True) == await send_to(server)

    @pytest.mark.parametrize("status", [200, 400, 500])
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"null",
            b"[]",
            b'"x"',
            b"\xff\xfe",
            b"[" * 10_000,
            {"error": "invalid_grant"},
            {"error": "boom"},
            {"error": ["boom"]},
            {"error": None},
        ],
        ids=lambda body: str(body)[:20],
    )
    async def test_in_an_odd_shape_leaves_it_unknown(self, status: int, body: Any) -> None:
        async with canned(answer(status, body)) as server:
            assert isinstance(await send_to(server), Unknown)

    @pytest.mark.parametrize("silence", [HANG, TRICKLE, DROP, b"HTTP/1.1 nonsense\r\n\r\n"])
    async def test_never_or_not_whole_leaves_it_unknown(self, silence: bytes) -> None:
        async with canned(silence) as server:
            outcome = await send_to(server, timeout_s=0.2)

        assert isinstance(outcome, Unknown)
        assert not outcome.stored

    async def test_when_nobody_listens_leaves_it_unknown(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"

        async with gateway_at(url) as gateway:
            request = gateway.render(CancelIntent(intent_id=INTENT))
            outcome = await gateway.send(request, idempotency_key=KEY)

        assert Unknown(reason="ConnectError") == outcome


class TestARead:
    @pytest.mark.parametrize(
        ("reply", "error"),
        [
            (answer(404, objects.error(code="resource_missing")), NotFound),
            (answer(401, objects.error()), GatewayUnavailable),
            (answer(500, objects.error("api_error")), GatewayUnavailable),
            (answer(200, b"<html>"), GatewayUnavailable),
            (HANG, GatewayUnavailable),
        ],
    )
    async def test_says_why_it_has_nothing(self, reply: bytes, error: type[Exception]) -> None:
        async with canned(reply) as server, gateway_at(server.url, timeout_s=0.2) as gateway:
            with pytest.raises(error):
                await gateway.read_intent(INTENT)

    async def test_of_the_account_names_it(self) -> None:
        account = answer(200, {"id": "acct_1", "object": "account"})

        async with canned(account) as server, gateway_at(server.url) as gateway:
            assert await gateway.account_id() == "acct_1"


async def test_no_body_is_ever_logged_or_printed(
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stripe._util.STRIPE_LOG", "debug")
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="stripe")
    refusal = answer(400, objects.error(message="the card of jane@example.com"))

    async with canned(OK, refusal) as server, gateway_at(server.url) as gateway:
        request = gateway.render(CancelIntent(intent_id=INTENT))
        await gateway.send(request, idempotency_key=KEY)
        await gateway.send(request, idempotency_key=KEY)

    printed = caplog.text + "".join(capfd.readouterr())
    assert "secret_abc" not in printed
    assert "jane@example.com" not in printed
    assert "sk_test_1" not in printed


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # the loop's end is abrupt
def test_a_gateway_outlives_the_event_loop_that_it_was_first_used_in() -> None:
    """A connection of a loop that is gone would fail the next request."""

    async def read(gateway: ApiGateway, *, close: bool) -> IntentId:
        found = await gateway.read_intent(INTENT)
        if close:
            await gateway.close()
        return found.id

    with start_blocking_portal() as portal, portal.wrap_async_context_manager(canned(OK)) as server:
        gateway = ApiGateway(to_address(server.url))

        assert asyncio.run(read(gateway, close=False)) == INTENT
        assert asyncio.run(read(gateway, close=True)) == INTENT
        gc.collect()  # what the first loop left is freed here, where its warning is expected


def conforms(translator: StripeEventTranslator) -> None:
    """Let the type checker prove that it fits its port."""
    _: EventTranslator = translator
