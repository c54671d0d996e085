"""Wrong input gets its documented problem, never a 5xx, and changes nothing on either side."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import attrs
import pytest
from httpx import Response

from markethub.entrypoints.http import json_body
from tests.support.app import Api, order_body

pytestmark = pytest.mark.anyio

CARDS: Final = (
    "4242424242424242",
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "378282246310005",
    "paid with 5555555555554444, thanks",
)
NOT_AMOUNTS: Final = (
    "NaN", "Infinity", "-Infinity", "1e999", "1.5", "5000.0", "5e3", "true", "false", "null",
    '"5000"', '""', "[5000]", "{}", "9" * 5000,
)  # fmt: skip
NOT_TEXT: Final = ("5", "true", "null", "[]", "{}", "NaN")
BROKEN_TEXT: Final = (r'"a\u0000b"', r'"\ud800"', r'"\udc00\ud800"', '"a\nb"', r'"\x"')

ORDER, PAY = "/api/orders/o-1/", "/api/stripe/create-payment-intent/o-1/"
CONFIRM = "/api/stripe/confirm-payment/"


@attrs.frozen
class Route:
    """A route with a body that it would take, in which single values can be replaced."""

    method: str
    path: str
    body: dict[str, Any]
    amounts: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    def with_value(self, field: str, literal: str) -> bytes:
        """Return the body as JSON text, with ``literal`` in the place of ``field``."""
        marker = "@@here@@"
        body = json.loads(json.dumps(self.body))
        place, *path = field.split(".")
        target: Any = body
        for step in path:
            target, place = target[int(place) if place.isdigit() else place], step
        target[place] = marker
        return json.dumps(body).replace(f'"{marker}"', literal).encode("utf-8", "surrogatepass")


ROUTES: Final = {
    "order": Route(
        "PUT",
        ORDER,
        {
            "customer_id": "c-1",
            "currency": "usd",
            "lines": [
                {
                    "sku": "tea",
                    "title": "Tea",
                    "unit_price": 700,
                    "quantity": 2,
                    "discount": 0,
                    "tax": 0,
                }
            ],
            "shipping": 0,
            "expected_total": 1400,
        },
        amounts=(
            "lines.0.unit_price",
            "lines.0.quantity",
            "lines.0.discount",
            "lines.0.tax",
            "shipping",
            "expected_total",
        ),
        texts=("customer_id", "currency", "lines.0.sku", "lines.0.title"),
    ),
    "create": Route(
        "POST",
        PAY,
        {"expected_total": 5000, "capture": "automatic"},
        amounts=("expected_total",),
        texts=("capture",),
    ),
    "confirm": Route(
        "POST", CONFIRM, {"payment_intent_id": "pi_missing"}, texts=("payment_intent_id",)
    ),
    "capture": Route("POST", "/api/payments/{held}/capture/", {"amount": 100}, amounts=("amount",)),
    "cancel": Route(
        "POST", "/api/payments/{held}/cancel/", {"reason": "duplicate"}, texts=("reason",)
    ),
}
routes = pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)


class Prober:
    """Sends bad requests one after the other, and gathers what is not as it should be."""

    def __init__(self, api: Api, held: str, before: object) -> None:
        self.api = api
        self.held = held
        self.before = before
        self.surprises: dict[str, object] = {}

    async def send(self, route: Route, raw: bytes, *, label: str | None = None) -> Response:
        path = route.path.format(held=self.held)
        answer = await self.api.call(route.method, path, raw=raw)
        label = label or raw[:200].decode("utf-8", "replace")
        if not _is_problem(answer, (400, "validation_failed")):
            self.surprises[label] = (answer.status_code, answer.text)
        return answer

    async def refuse(self, route: Route, raw: bytes, status: int, code: str) -> None:
        path = route.path.format(held=self.held)
        answer = await self.api.call(route.method, path, raw=raw)
        if not _is_problem(answer, (status, code)):
            self.surprises[raw[:200].decode()] = (answer.status_code, answer.text)

    async def verdict(self) -> dict[str, object]:
        if await self.api.state() != self.before:
            self.surprises["state"] = "something changed"
        return self.surprises


def _is_problem(answer: Response, expected: tuple[int, str]) -> bool:
    if answer.headers.get("Content-Type") != "application/problem+json":
        return False
    body = answer.json()
    named = {"type", "title", "status", "detail", "code"} <= set(body)
    return (
        named and expected == (answer.status_code, body["code"]) and expected[0] == body["status"]
    )


@pytest.fixture
async def prober(api: Api) -> Prober:
    """Begin with an order whose payment is live, and another whose money is held."""
    await api.world.register("o-1")
    await api.world.charge("o-1")
    held = await api.authorized("o-2")
    return Prober(api, held.payment.id, await api.state())


@routes
async def test_what_is_no_amount_is_refused(prober: Prober, route: Route) -> None:
    for field in route.amounts:
        for literal in NOT_AMOUNTS:
            await prober.send(route, route.with_value(field, literal), label=f"{field}={literal}")

    assert {} == await prober.verdict()


@routes
async def test_what_is_no_text_is_refused(prober: Prober, route: Route) -> None:
    for field in route.texts:
        for literal in (*NOT_TEXT, *BROKEN_TEXT):
            await prober.send(route, route.with_value(field, literal), label=f"{field}={literal}")

    assert {} == await prober.verdict()


@routes
async def test_a_card_number_in_any_text_is_refused_and_not_repeated(
    prober: Prober, route: Route
) -> None:
    for field in route.texts:
        for card in CARDS:
            answer = await prober.send(route, route.with_value(field, json.dumps(card)))
            if card in answer.text:
                prober.surprises[f"{field} {card}"] = "repeated"
            if "card number" not in answer.text:
                prober.surprises[f"{field} {card}"] = answer.text

    assert {} == await prober.verdict()


@routes
async def test_a_card_number_in_a_field_that_is_none_is_refused_as_such(
    prober: Prober, route: Route
) -> None:
    for card in CARDS:
        for body in ({**route.body, "note": card}, {**route.body, card: 1}):
            answer = await prober.send(route, json.dumps(body).encode())
            if "card number" not in answer.text:
                prober.surprises[card] = answer.text

    assert {} == await prober.verdict()


@routes
async def test_an_unknown_field_is_refused_and_named(prober: Prober, route: Route) -> None:
    for name in ("amount_due", "save_method", "method_id", "off_session", "total", "Amount", ""):
        answer = await prober.send(route, json.dumps({**route.body, name: 1}).encode())
        if name and name not in answer.text:
            prober.surprises[name] = answer.text

    assert {} == await prober.verdict()


def _documents(route: Route) -> Iterator[bytes]:
    """Return bodies that are no JSON object of ours, and such as two parsers read differently."""
    text = json.dumps(route.body)
    first = next(iter(route.body))
    yield from (b"null", b"[]", b'"{}"', b"1", b"{", b"}", b"{}{}", b" ", b"\0", b"NaN")
    yield text.replace("{", f'{{"{first}": 1, ', 1).encode()  # the same key twice
    escaped = "".join(f"\\u{ord(character):04x}" for character in first)
    yield text.replace("{", f'{{"{escaped}": 1, ', 1).encode()  # twice, once in disguise
    yield b"\xef\xbb\xbf" + text.encode()  # a byte order mark
    yield text.encode("utf-16")
    yield text.encode()[:-1] + b', "note": "\xff"}'
    yield text.encode()[:-1] + b', "note": "\xed\xa0\x80"}'  # a surrogate, encoded
    yield text.encode() + b"x"
    yield text.replace('"', "'").encode()
    yield text.encode()[:-1] + b",}"
    yield text.encode()[:-1] + b', "note": ' + b"[" * 32 + b"]" * 32 + b"}"
    yield b"[" * 60_000
    yield b'{"a":' * 10_000


@routes
async def test_a_body_that_is_not_strict_json_is_refused(prober: Prober, route: Route) -> None:
    for number, raw in enumerate(_documents(route)):
        await prober.send(route, raw, label=f"{number}: {raw[:100]!r}")

    assert {} == await prober.verdict()


@pytest.mark.parametrize(("depth", "is_told"), [(32, False), (33, True), (900, True), (9000, True)])
async def test_a_body_that_nests_too_deeply_is_told_so(api: Api, depth: int, is_told: bool) -> None:
    answer = await api.call("PUT", ORDER, raw=b"[" * depth + b"]" * depth)

    assert (400, "validation_failed") == (answer.status_code, answer.json()["code"])
    assert is_told is ("deeper than 32" in answer.json()["detail"])


@routes
async def test_ten_mebibytes_are_too_large(prober: Prober, route: Route) -> None:
    await prober.refuse(route, b" " * 10 * 1024 * 1024, 413, "payload_too_large")

    assert {} == await prober.verdict()


@routes
async def test_a_flood_in_chunks_is_cut_off_without_being_kept(
    prober: Prober, route: Route
) -> None:
    taken = 0

    async def flood() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(10_000):
            taken += 1024
            yield b" " * 1024

    answer = await prober.api.client.request(
        route.method,
        route.path.format(held=prober.held),
        content=flood(),
        headers={"Authorization": "Bearer storefront-key"},
    )

    assert (413, "payload_too_large") == (answer.status_code, answer.json()["code"])
    assert {} == await prober.verdict()


async def test_amounts_out_of_range_are_refused(prober: Prober) -> None:
    order = ROUTES["order"]
    for field in ("lines.0.unit_price", "lines.0.discount", "lines.0.tax"):
        for literal in ("-1", "100000000", "123456789", "9" * 30):
            await prober.send(order, order.with_value(field, literal))
    for literal in ("0", "-1", "1000001", "9" * 30):
        await prober.send(order, order.with_value("lines.0.quantity", literal))
    await prober.send(order, order.with_value("shipping", "-1"))
    await prober.send(order, order.with_value("lines.0.discount", "1401"))
    for literal in ("0", "-1", "5001", "100000000", "9" * 30):
        await prober.send(ROUTES["capture"], ROUTES["capture"].with_value("amount", literal))

    assert {} == await prober.verdict()


async def test_totals_that_do_not_fit_are_unprocessable(prober: Prober) -> None:
    order, create = ROUTES["order"], ROUTES["create"]
    for literal in ("-1", "0", "1399", "100000000", "9" * 30):
        await prober.refuse(
            order, order.with_value("expected_total", literal), 422, "amount_mismatch"
        )
        await prober.refuse(
            create, create.with_value("expected_total", literal), 422, "amount_mismatch"
        )
    await prober.refuse(order, order.with_value("shipping", "100000000"), 422, "amount_too_large")

    assert {} == await prober.verdict()


async def test_currencies_that_are_none_are_refused(prober: Prober) -> None:
    order = ROUTES["order"]
    for code in ("xxx", "USD", "us", "", "ugx", "usd ", "dollar"):
        await prober.send(order, order.with_value("currency", json.dumps(code)))

    assert {} == await prober.verdict()


async def test_ids_from_outside_are_refused_by_their_pattern(prober: Prober) -> None:
    order = ROUTES["order"]
    for name in ("", "c 1", "c/1", "ç", "c\t", "x" * 65, "<script>", "c-1\n"):
        await prober.send(order, order.with_value("customer_id", json.dumps(name)))
    for path in ("o%201", "%C3%A7", "x" * 65, "o%0A", "o%00", "..%5C", "%F0%9F%92%A9"):
        bad = attrs.evolve(order, path=f"/api/orders/{path}/")
        await prober.send(bad, json.dumps(order_body()).encode(), label=path)
        bad = attrs.evolve(ROUTES["create"], path=f"/api/stripe/create-payment-intent/{path}/")
        await prober.send(bad, b"{}", label=path)

    assert {} == await prober.verdict()


@pytest.mark.parametrize(
    "card", ["4242424242424242", "4242-4242-4242-4242", "4242%204242%204242%204242"]
)
async def test_a_card_number_in_a_path_or_query_is_refused(prober: Prober, card: str) -> None:
    api, body = prober.api, order_body()
    answers = [
        await api.call("PUT", f"/api/orders/{card}/", body),
        await api.call("GET", f"/api/orders/{card}/"),
        await api.call("DELETE", f"/api/orders/{card}/"),
        await api.call("POST", f"/api/stripe/create-payment-intent/{card}/"),
        await api.call("GET", f"/api/payments/{card}/"),
        await api.call("POST", f"/api/payments/{card}/capture/"),
        await api.call("POST", f"/api/payments/{card}/cancel/"),
        await api.call("GET", f"/api/payments/?order_id={card}"),
        await api.call("GET", f"/api/payments/?cursor={card}"),
        await api.call("GET", f"/api/payments/?elsewhere={card}"),
    ]

    assert [(400, "validation_failed")] * len(answers) == [
        (answer.status_code, answer.json()["code"]) for answer in answers
    ]
    assert {} == await prober.verdict()


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=-1", "limit=101", "limit=ten", "limit=1.5", "limit=", "status=paid",
        "status=", "order_id=", "order_id=o%001", "order_id=%FF", "cursor=nonsense", "cursor=",
        "cursor=%00", "cursor=" + "x" * 600, "&".join(["a=1"] * 40),
    ],
)  # fmt: skip
async def test_a_wrong_filter_is_refused(api: Api, query: str) -> None:
    answer = await api.get(f"/api/payments/?{query}")

    assert (400, "validation_failed") == (answer.status_code, answer.json()["code"])


async def test_the_offending_field_is_named(api: Api) -> None:
    line = {"sku": "tea", "title": "Tea", "unit_price": "700", "quantity": 2}

    answer = await api.call("PUT", "/api/orders/o-1/", order_body(lines=[line]))

    [error] = answer.json()["errors"]
    assert "lines.0.unit_price" == error["field"]


async def test_a_missing_field_is_named(api: Api) -> None:
    body = order_body()
    del body["currency"]

    answer = await api.call("PUT", "/api/orders/o-1/", body)

    assert [{"field": "currency", "message": "is required"}] == answer.json()["errors"]


async def test_an_unknown_reason_to_cancel_is_refused(prober: Prober) -> None:
    cancel = ROUTES["cancel"]
    await prober.send(cancel, cancel.with_value("reason", '"bored"'))

    assert {} == await prober.verdict()


async def test_an_event_above_a_mebibyte_is_too_large_even_when_signed_nonsense(api: Api) -> None:
    answer = await api.call("POST", "/api/stripe/webhook/", raw=b" " * (1024 * 1024 + 1))

    assert (413, "payload_too_large") == (answer.status_code, answer.json()["code"])


async def test_a_body_that_only_trickles_in_is_given_up(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_body, "BODY_SECONDS_MAXIMUM", 0.05)

    async def trickle() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = await api.client.request(
        "PUT",
        "/api/orders/o-1/",
        content=trickle(),
        headers={"Authorization": "Bearer storefront-key"},
    )

    assert (408, "request_timeout") == (answer.status_code, answer.json()["code"])
