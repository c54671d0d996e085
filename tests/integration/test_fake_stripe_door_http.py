"""What goes wrong on the way to the simulated account is answered as Stripe answers it."""

import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from litestar import Litestar

from markethub.adapters.fake.account import Account
from markethub.adapters.fake.options import AccountOptions
from markethub.adapters.fake.store import DictStore
from markethub.entrypoints.fake_stripe import fake_stripe_router
from markethub.entrypoints.fake_stripe.api import BODY_BYTES_MAXIMUM
from tests.support.door import open_door

pytestmark = pytest.mark.anyio

SECRET = {"Authorization": "Bearer sk_test_dev"}
INTENTS = "/fake-stripe/v1/payment_intents"


@pytest.fixture
def account() -> Account:
    return Account(store=DictStore(), options=AccountOptions(seed="http"))


@asynccontextmanager
async def client(account: Account) -> AsyncIterator[httpx.AsyncClient]:
    """Call the router in process: no socket is needed for one request at a time."""
    app = Litestar([fake_stripe_router(account)], openapi_config=None)
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type] # its ASGI types are looser
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as opened:
        yield opened


def error(response: httpx.Response) -> tuple[int, str, str]:
    """Return the status, the error's type and the content type."""
    content_type = response.headers["content-type"]
    return response.status_code, response.json()["error"]["type"], content_type


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/fake-stripe/v1/nothing"),
        ("GET", "/fake-stripe/v1"),
        ("POST", "/fake-stripe/v1/payment_intents/pi_1/explode"),
        ("PUT", INTENTS),
        ("PATCH", INTENTS),
        ("OPTIONS", INTENTS),
    ],
)
async def test_an_unknown_url_is_stripes_404(account: Account, method: str, path: str) -> None:
    async with client(account) as http:
        response = await http.request(method, path, headers=SECRET)

    assert (404, "invalid_request_error", "application/json") == error(response)
    shown = path.removeprefix("/fake-stripe")
    assert f"Unrecognized request URL ({method}: {shown})" in response.text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"amount": 5000, "currency": "usd"}'),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("text/plain", b"amount=5000"),
        ("", b"amount=5000"),
    ],
)
async def test_a_body_of_another_type_than_a_form_is_refused(
    account: Account, content_type: str, body: bytes
) -> None:
    async with client(account) as http:
        response = await http.post(
            INTENTS, content=body, headers={**SECRET, "Content-Type": content_type}
        )

    assert (400, "invalid_request_error", "application/json") == error(response)
    assert "check that your POST content type" in response.text


@pytest.mark.parametrize(
    "body", [b"amount=%FF", b"amount=%zz", b"metadata[a=1", b"a=1&a[b]=2", b"description=%00"]
)
async def test_a_broken_encoding_is_refused(account: Account, body: bytes) -> None:
    async with client(account) as http:
        response = await http.post(
            INTENTS,
            content=body,
            headers={**SECRET, "Content-Type": "application/x-www-form-urlencoded"},
        )

    assert (400, "invalid_request_error", "application/json") == error(response)


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_above_the_limit_is_refused_whether_or_not_its_length_is_told(
    account: Account, *, declared: bool
) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"description="
        yield b"x" * BODY_BYTES_MAXIMUM

    async def slowly() -> AsyncIterator[bytes]:
        for chunk in chunks():
            yield chunk

    async with open_door(account) as base, httpx.AsyncClient() as http:
        response = await http.post(
            f"{base}/v1/payment_intents",
            content=b"".join(chunks()) if declared else slowly(),
            headers={**SECRET, "Content-Type": "application/x-www-form-urlencoded"},
        )

    assert (413, "invalid_request_error", "application/json") == error(response)


async def test_a_body_as_large_as_the_limit_reaches_the_account(account: Account) -> None:
    body = b"nonsense=" + b"x" * (BODY_BYTES_MAXIMUM - len(b"nonsense="))

    async with client(account) as http:
        response = await http.post(
            INTENTS,
            content=body,
            headers={**SECRET, "Content-Type": "application/x-www-form-urlencoded"},
        )

    assert 400 == response.status_code
    assert "nonsense" == response.json()["error"]["param"]


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer sk_test_dev",
        "bearer  sk_test_dev",
        "Basic " + base64.b64encode(b"sk_test_dev:").decode(),
        "Basic " + base64.b64encode(b"sk_test_dev").decode(),
    ],
)
async def test_a_key_is_taken_from_a_bearer_token_or_a_basic_user_name(
    account: Account, authorization: str
) -> None:
    async with client(account) as http:
        response = await http.get(INTENTS, headers={"Authorization": authorization})

    assert 200 == response.status_code


@pytest.mark.parametrize(
    "authorization", ["", "sk_test_dev", "Bearer", "Basic !!!", "Basic /w==", "Digest sk_test_dev"]
)
async def test_no_readable_key_is_stripes_401(account: Account, authorization: str) -> None:
    async with client(account) as http:
        response = await http.get(INTENTS, headers={"Authorization": authorization})

    assert (401, "invalid_request_error", "application/json") == error(response)
    assert "You did not provide an API key" in response.text


async def test_the_version_asked_for_reaches_the_account(account: Account) -> None:
    async with client(account) as http:
        response = await http.get(INTENTS, headers={**SECRET, "Stripe-Version": "1999-01-01"})

    assert (400, "invalid_request_error", "application/json") == error(response)
    assert "Invalid Stripe API version: 1999-01-01" in response.text


async def test_a_query_string_filters_a_list(account: Account) -> None:
    async with client(account) as http:
        for _ in range(3):
            await http.post(INTENTS, data={"amount": "5000", "currency": "usd"}, headers=SECRET)
        response = await http.get(f"{INTENTS}?limit=2&created%5Bgte%5D=0", headers=SECRET)

    listed = response.json()
    assert (2, True) == (len(listed["data"]), listed["has_more"])


async def test_a_bug_of_the_account_is_an_unknown_outcome_without_its_details(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(**_: object) -> None:
        raise RuntimeError("sk_test_dev and other details")

    monkeypatch.setattr(account, "request", explode)

    async with client(account) as http:
        response = await http.get(INTENTS, headers=SECRET)

    assert (500, "api_error", "application/json") == error(response)
    assert "details" not in response.text


async def test_the_door_is_no_part_of_our_own_api_description(account: Account) -> None:
    app = Litestar([fake_stripe_router(account)])

    assert {} == (app.openapi_schema.paths or {})


async def test_a_websocket_gets_no_answer_from_the_api(account: Account) -> None:
    app = Litestar([fake_stripe_router(account)], openapi_config=None)
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])

    scope = {
        "type": "websocket",
        "path": INTENTS,
        "raw_path": INTENTS.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "subprotocols": [],
        "state": {},
    }
    await app(scope, receive, send)  # type: ignore[arg-type] # a hand-made connection

    assert ["websocket.close"] == sent
