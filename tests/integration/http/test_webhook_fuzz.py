"""Ten thousand odd headers and bodies at the webhook: it only ever answers 2xx or 4xx."""

import hmac
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from random import Random
from typing import Any

import attrs
import pytest

from markethub.domain.secret import Secret
from markethub.entrypoints.http.app import create_app
from markethub.entrypoints.http.json_body import WEBHOOK_BYTES_MAXIMUM
from markethub.entrypoints.setting_values import Database
from tests.support import stripe_objects as objects
from tests.support.app import SETTINGS, Api, serving
from tests.support.thin_events import thin

pytestmark = pytest.mark.anyio

EXAMPLES = 10_000
SIGNATURE = b"stripe-signature"
SECRET = "whsec_dev"
EVENTS = (
    objects.event(objects.intent()),
    objects.event(objects.intent(status="requires_payment_method"), "payment_intent.created"),
    objects.event(objects.charge(), "charge.succeeded"),
    objects.event({"id": "re_1", "object": "refund", "amount": 1}, "refund.created"),
    objects.event({"id": "dp_1", "object": "dispute"}, "charge.dispute.created"),
    objects.event({"id": "in_1", "object": "invoice"}, "invoice.paid", livemode=True),
    thin("v1.charge.refunded", "charge", "ch_1"),
    thin("v2.core.account[identity].updated", "v2.core.account", "acct_1"),
)
PIECES = (
    b"\x00", b"\\u0000", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\\ud800", b"\\udfff\\ud800",
    b"\xef\xbb\xbf", b"NaN", b"Infinity", b"1e999", b"-0", b"1" * 30, b"9" * 5000, b"-" + b"9" * 25,
    b"18446744073709551616", b"0.1", b"[" * 2000, b'{"a":' * 300, b"]", b"}", b'"', b",", b":",
    b"\\", b'"id":"evt_2",', b'"i\\u0064":"evt_2",', b'"client_secret":"x",',
    b'"client_secret":{"client_secret":"y"},', b'"object":"event",', b"true", b"null", b"{}", b"[]",
    b'"livemode":1,', b'"created":"2026-11-02T09:00:01Z",', b'"created":1e3,',
    b'"created":99999999999999,', b" ", b"\n", b"/* */", "\N{SNOWMAN}".encode(), b"\x7f",
)  # fmt: skip
HEADER_PIECES = (
    b"t=", b"v1=", b"v0=", b",", b"=", b" ", b"\t", b"\x00", b"\xff", b"\xe9", b"0", b"-1", b"1e3",
    b"t=0", b"t=99999999999999", b",,", b"v1", "\N{FULLWIDTH DIGIT ONE}".encode(), b"\r\n", b"%00",
)  # fmt: skip

Header = tuple[bytes, bytes]


def genuine(body: bytes, at: float, secret: str = SECRET) -> bytes:
    mac = hmac.new(secret.encode(), f"{int(at)}.".encode() + body, sha256).hexdigest()
    return f"t={int(at)},v1={mac}".encode()


def some_body(chance: Random) -> bytes:
    """Return an event, mostly spoilt."""
    event = json.dumps(chance.choice(EVENTS) | {"id": f"evt_{chance.randint(1, 9999)}"})
    body = event.encode()
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        at = chance.randrange(len(body) + 1)
        match chance.randrange(5):
            case 0:
                body = body[:at] + chance.choice(PIECES) + body[at:]
            case 1:
                body = body[:at] + chance.choice(PIECES) + body[at + chance.randint(1, 9) :]
            case 2:
                body = body[:at]
            case 3:
                body = body[:at] + chance.randbytes(chance.randint(1, 4)) + body[at:]
            case _:
                body = spoilt_value(chance, body)
    return body


def spoilt_value(chance: Random, body: bytes) -> bytes:
    """Put something else where a value stands."""
    colons = [at for at, letter in enumerate(body) if letter == ord(":")]
    if not colons:
        return body
    at = chance.choice(colons) + 1
    end = min(
        found for found in (body.find(b",", at), body.find(b"}", at), len(body)) if found >= 0
    )
    return body[:at] + chance.choice(PIECES) + body[end:]


def some_signature(chance: Random, body: bytes, at: float) -> list[Header]:
    """Return the signature's header: genuine in most cases, else spoilt, doubled or missing."""
    name, header = SIGNATURE, genuine(body, at)
    if chance.random() < 0.7:
        return [(name, header)]
    match chance.randrange(6):
        case 0:
            return []
        case 1:
            return [(name, header), (name, genuine(body, at, "whsec_other"))]
        case 2:
            return [(name, genuine(body, at + chance.choice((-301, -300, 300, 301, 1e9))))]
        case 3:
            return [(name, chance.randbytes(chance.randint(0, 80)))]
        case _:
            for _ in range(chance.randint(1, 3)):
                cut = chance.randrange(len(header) + 1)
                header = header[:cut] + chance.choice(HEADER_PIECES) + header[cut + 1 :]
            return [(name, header)]


def in_pieces(chance: Random, body: bytes) -> list[bytes]:
    """Cut a body as a network does."""
    if chance.random() < 0.8:
        return [body]
    cuts = sorted(chance.randrange(len(body) + 1) for _ in range(chance.randint(1, 3)))
    return [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]


async def posted(app: Any, headers: Iterable[Header], pieces: Sequence[bytes]) -> int:
    """Post to the application as a server does, and return the status."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/api/stripe/webhook",
        "raw_path": b"/api/stripe/webhook",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"test"), *headers],
        "client": ("127.0.0.1", 1),
        "server": ("test", 80),
        "state": {},
    }
    messages = [
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, 1)
    ]
    statuses: list[int] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    [status] = statuses
    return status


async def test_ten_thousand_odd_deliveries_are_answered_2xx_or_4xx(api: Api) -> None:
    app = create_app(api.world.container, lifespan=[])
    now = api.world.clock.now().timestamp()
    chance = Random(23)  # noqa: S311 - the same ten thousand in every run
    seen = Counter[int]()
    for _ in range(EXAMPLES):
        body = some_body(chance)
        headers = some_signature(chance, body, now)
        pieces = in_pieces(chance, body)
        status = await posted(app, headers, pieces)
        assert status // 100 in (2, 4), (status, headers, body)
        seen[status] += 1

    assert {200, 400} == set(seen), seen
    assert min(seen.values()) > EXAMPLES // 10
    # What was taken can all be looked at: nothing in it stops the worker.
    process = api.world.container.process_inbox()
    looked_at = 0
    while (batch := await process(500)).total:
        looked_at += batch.total
    assert looked_at > EXAMPLES // 20


@pytest.mark.parametrize("text", ["pi_\x00", "\x00", "pi 1", "pi_\N{SNOWMAN}", "x" * 256, ""])
async def test_an_odd_id_inside_an_event_is_stored_in_every_store(
    store_url: str, text: str
) -> None:
    """It is signed: refusing to keep it would make Stripe send it for three days."""
    settings = attrs.evolve(SETTINGS, database=Database(url=store_url))
    async with serving(settings) as api:
        app = create_app(api.world.container, lifespan=[])
        at = api.world.clock.now().timestamp()
        statuses: list[int] = []
        for obj in (objects.intent(id=text), objects.charge(payment_intent=text)):
            body = json.dumps(objects.event(obj, id=f"evt_{len(statuses)}")).encode()
            statuses.append(await posted(app, [(SIGNATURE, genuine(body, at))], [body]))

        assert [200, 200] == statuses
        await api.world.container.store().close()


class TestASecret:
    """Rotation with overlap: both are taken until the old one is taken out of the settings."""

    @pytest.mark.parametrize(
        ("secrets", "statuses"),
        [
            (("whsec_old",), (200, 400)),
            (("whsec_new", "whsec_old"), (200, 200)),
            (("whsec_new",), (400, 200)),
        ],
    )
    async def test_is_rotated_without_losing_an_event(
        self, secrets: tuple[str, ...], statuses: tuple[int, int]
    ) -> None:
        settings = attrs.evolve(SETTINGS, stripe_webhook_secrets=tuple(map(Secret, secrets)))
        async with serving(settings) as api:
            app = create_app(api.world.container, lifespan=[])
            at = api.world.clock.now().timestamp()
            body = json.dumps(EVENTS[0]).encode()

            answered = [
                await posted(app, [(SIGNATURE, genuine(body, at, secret))], [body])
                for secret in ("whsec_old", "whsec_new")
            ]

            assert list(statuses) == answered

    async def test_of_two_in_one_signature_needs_one_that_we_know(self, api: Api) -> None:
        app = create_app(api.world.container, lifespan=[])
        at = api.world.clock.now().timestamp()
        body = json.dumps(EVENTS[0]).encode()
        other = genuine(body, at, "whsec_other").partition(b",")[2]
        header = genuine(body, at) + b"," + other

        assert 200 == await posted(app, [(SIGNATURE, header)], [body])


@pytest.mark.parametrize(
    ("seconds", "status"), [(-301, 400), (-300, 200), (0, 200), (300, 200), (301, 400)]
)
async def test_a_signature_is_taken_up_to_five_minutes_away(
    api: Api, seconds: int, status: int
) -> None:
    app = create_app(api.world.container, lifespan=[])
    body = json.dumps(EVENTS[0]).encode()
    header = genuine(body, api.world.clock.now().timestamp() + seconds)

    assert status == await posted(app, [(SIGNATURE, header)], [body])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda header: [(SIGNATURE, header), (SIGNATURE, header)],
        lambda header: [(SIGNATURE, b"t=1," + header)],
        lambda header: [(SIGNATURE, header.replace(b"v1=", b"v1=\xe9"))],
        lambda header: [(SIGNATURE, header.replace(b"t=", "t=\N{FULLWIDTH DIGIT ONE}".encode()))],
        lambda header: [(SIGNATURE, b"\xff\xfe" + header)],
        lambda header: [(SIGNATURE, header.replace(b"v1", b"v0"))],
        lambda _: [(SIGNATURE, b"")],
        lambda _: [],
    ],
)
async def test_a_malformed_signature_is_refused(
    api: Api, spoil: Callable[[bytes], list[Header]]
) -> None:
    app = create_app(api.world.container, lifespan=[])
    body = json.dumps(EVENTS[0]).encode()
    headers = spoil(genuine(body, api.world.clock.now().timestamp()))

    assert 400 == await posted(app, headers, [body])


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
@pytest.mark.parametrize(("more", "status"), [(-1, 200), (0, 200), (1, 413), (65536, 413)])
async def test_a_mebibyte_is_taken_and_no_byte_more(
    api: Api, more: int, status: int, announced: bool
) -> None:
    app = create_app(api.world.container, lifespan=[])
    body = sized(WEBHOOK_BYTES_MAXIMUM + more)
    length = [(b"content-length", str(len(body)).encode())] if announced else []
    pieces = [body[at : at + 65536] for at in range(0, len(body), 65536)]
    header = genuine(body, api.world.clock.now().timestamp())

    assert status == await posted(app, [(SIGNATURE, header), *length], pieces)


def sized(size: int) -> bytes:
    """Return an event of so many bytes."""
    event = objects.event(objects.intent(description=""))
    short = json.dumps(event)
    return short.replace(
        '"description": ""', f'"description": "{"x" * (size - len(short))}"'
    ).encode()
