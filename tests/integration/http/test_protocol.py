"""What holds for every answer: problems, headers, limits, health, the document and its page."""

import re
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files

import msgspec
import pytest
from dependency_injector import providers
from jsonschema import Draft202012Validator
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from markethub.domain import errors
from markethub.domain.errors import PaymentsError
from markethub.domain.ports.queries import StoreHealth
from markethub.entrypoints.http.errors import STATUS_OF, HttpProblem
from markethub.entrypoints.http.limits import Buckets, Limits, Rate, RateLimiter
from markethub.entrypoints.setting_values import Role
from tests.support.app import STOREFRONT, Api, ops, order_body, serving
from tests.support.world import ManualClock

pytestmark = pytest.mark.anyio

PATHS = (
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/schema"),
    ("GET", "/schema/openapi.json"),
    ("GET", "/schema/rapidoc-min.js"),
    ("GET", "/api/orders/o-1/"),
    ("PUT", "/api/orders/o-1/"),
    ("DELETE", "/api/orders/o-1/"),
    ("POST", "/api/stripe/create-payment-intent/o-1/"),
    ("POST", "/api/stripe/confirm-payment/"),
    ("POST", "/api/stripe/webhook/"),
    ("GET", "/api/payments/"),
    ("GET", "/api/payments/pay_1/"),
    ("POST", "/api/payments/pay_1/capture/"),
    ("POST", "/api/payments/pay_1/cancel/"),
    ("OPTIONS", "/api/orders/o-1/"),
    ("GET", "/nowhere"),
    ("PATCH", "/api/payments/"),
)


@pytest.mark.parametrize("caller", [{}, STOREFRONT], ids=["unknown", "storefront"])
@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_every_answer_carries_the_security_headers(
    api: Api, method: str, path: str, caller: dict[str, str]
) -> None:
    headers = (await api.call(method, path, caller=caller)).headers

    assert {
        "strict-transport-security": "max-age=31536000",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "x-frame-options": "DENY",
    }.items() <= dict(headers).items()
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert re.fullmatch("[0-9a-f]{32}", headers["x-request-id"])
    assert "server" not in headers


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/api/orders/", 404, "not_found"),
        ("PATCH", "/api/payments/", 405, "method_not_allowed"),
        ("POST", "/health/live", 405, "method_not_allowed"),
    ],
)
async def test_the_frameworks_own_errors_are_problems_too(
    api: Api, method: str, path: str, status: int, code: str
) -> None:
    answer = await api.call(method, path)

    assert "application/problem+json" == answer.headers["Content-Type"]
    body = answer.json()
    assert (status, status, code) == (answer.status_code, body["status"], body["code"])


async def test_our_own_fault_says_nothing_of_the_inside(api: Api) -> None:
    def explode() -> object:
        raise RuntimeError("password=hunter2 at 10.0.0.1")

    api.world.container.queries.override(providers.Callable(explode))
    answer = await api.get("/api/payments/")

    assert (500, "internal_error") == (answer.status_code, answer.json()["code"])
    assert "application/problem+json" == answer.headers["Content-Type"]
    assert "hunter2" not in answer.text


def _tree(root: type[PaymentsError]) -> list[type[PaymentsError]]:
    return [root, *(found for child in root.__subclasses__() for found in _tree(child))]


def test_every_error_of_the_core_has_a_status_of_its_own_or_its_parents() -> None:
    listed = {error for error in _tree(PaymentsError) if error in STATUS_OF}

    assert set(STATUS_OF) == listed
    assert {errors.Refused, errors.TryAgain, errors.Misconfigured} <= listed


# --- limits -----------------------------------------------------------------------------------

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


# --- what is logged ---------------------------------------------------------------------------


async def test_a_log_line_tells_route_status_duration_and_request_and_nothing_else(
    api: Api,
) -> None:
    await api.world.register("o-secret")
    with capture_logs(processors=[merge_contextvars]) as lines:
        answer = await api.call(
            "POST", "/api/stripe/create-payment-intent/o-secret/?note=query", {"capture": "manual"}
        )

    [line] = [line for line in lines if line["event"] == "http.request"]
    assert 0 <= line.pop("duration_ms")
    assert {
        "event": "http.request",
        "log_level": "info",
        "method": "POST",
        "route": "/api/stripe/create-payment-intent/{order_id}",
        "status": 200,
        "request_id": answer.headers["x-request-id"],
    } == line


async def test_a_refused_request_is_logged_without_what_it_said(api: Api) -> None:
    with capture_logs() as lines:
        await api.call("PUT", "/api/orders/o-secret/", {"card": "4242424242424242"})
        await api.get("/nowhere/4242424242424242", caller={"Authorization": "Bearer guess"})

    assert [400, 404] == [line["status"] for line in lines]
    for word in ("4242", "secret", "guess", "storefront-key"):
        assert word not in repr(lines)


# --- health and numbers -----------------------------------------------------------------------


class _Health:
    """Queries of a store in a given state."""

    def __init__(self, found: StoreHealth | Exception) -> None:
        self._found = found

    async def health(self) -> StoreHealth:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


async def _receive_event(api: Api) -> None:
    """Let an event of somebody else's intent arrive: it will be parked."""
    await api.world.deliver(
        {
            "id": "evt_1",
            "object": "event",
            "type": "charge.succeeded",
            "created": int(api.world.clock.now().timestamp()),
            "livemode": False,
            "api_version": "2026-10-28.endive",
            "data": {"object": {"id": "ch_1", "object": "charge", "payment_intent": "pi_theirs"}},
        }
    )


async def test_a_sound_process_is_live_and_ready(api: Api) -> None:
    live = await api.get("/health/live", caller={})
    ready = await api.get("/health/ready", caller={})

    assert [200, 200] == [live.status_code, ready.status_code]


@pytest.mark.parametrize(
    "found",
    [
        ConnectionError("no route to 10.0.0.1"),
        StoreHealth(
            schema_is_current=False,
            oldest_waiting_event_at=None,
            waiting_events=0,
            unresolved_operations=0,
        ),
    ],
    ids=["unreachable", "outdated"],
)
async def test_a_process_without_its_database_is_live_but_not_ready(
    api: Api, found: StoreHealth | Exception
) -> None:
    api.world.container.queries.override(providers.Object(_Health(found)))

    live = await api.get("/health/live", caller={})
    ready = await api.get("/health/ready", caller={})

    assert (200, 503, "not_ready") == (live.status_code, ready.status_code, ready.json()["code"])
    assert "10.0.0.1" not in ready.text


async def test_a_process_whose_events_nobody_processes_is_not_ready(api: Api) -> None:
    await _receive_event(api)
    api.world.clock.advance(minutes=14)
    soon = await api.get("/health/ready", caller={})
    api.world.clock.advance(minutes=1)

    late = await api.get("/health/ready", caller={})

    assert (200, 503, "not_ready") == (soon.status_code, late.status_code, late.json()["code"])


async def test_an_event_that_waits_for_its_object_does_not_stop_the_process(api: Api) -> None:
    await _receive_event(api)
    api.world.clock.advance(hours=10)
    batch = await api.world.container.process_inbox()()

    answer = await api.get("/health/ready", caller={})

    assert (1, 200) == (batch.parked, answer.status_code)


async def test_metrics_count_by_route_and_show_the_lag(api: Api) -> None:
    for order_id in ("o-1", "o-2"):
        await api.call("PUT", f"/api/orders/{order_id}/", order_body())
    await api.get("/made/up/path")

    text = (await api.get("/metrics", caller=ops(Role.VIEWER))).text

    route = 'method="PUT",route="/api/orders/{order_id}"'
    assert f'markethub_http_requests_total{{{route},status="200"}} 2.0' in text
    assert 'route="unmatched",status="404"' in text
    assert "made/up" not in text
    assert "markethub_inbox_oldest_event_age_seconds 0.0" in text


# --- the document and its page ----------------------------------------------------------------


class _Loads(HTMLParser):
    """Gathers every address that a browser would load for a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        loading = {"src", "href", "spec-url", "action", "data", "srcset", "poster"}
        self.addresses += [value or "" for name, value in attrs if name in loading]


async def test_the_page_loads_nothing_from_elsewhere(api: Api) -> None:
    page = await api.get("/schema", caller={})
    loads = _Loads()
    loads.feed(page.text)

    own = [address for address in loads.addresses if address != "data:,"]
    assert ["/schema/rapidoc-min.js", "/schema/openapi.json", "/schema/openapi.json"] == own
    assert {200} == {(await api.get(address, caller={})).status_code for address in own}


async def test_the_pages_policy_forbids_what_is_not_ours(api: Api) -> None:
    policy = (await api.get("/schema", caller={})).headers["content-security-policy"]

    sources = {word for part in policy.split(";") for word in part.split()[1:]}
    assert {"'none'", "'self'", "'unsafe-inline'", "data:"} == sources
    assert "script-src 'self';" in policy


async def test_the_vendored_script_is_the_one_that_was_written_down() -> None:
    vendor = files("markethub.entrypoints.http").joinpath("vendor")

    digest = sha256(vendor.joinpath("rapidoc-min.js").read_bytes()).hexdigest()
    assert digest in vendor.joinpath("VENDOR.md").read_text()


async def test_every_body_is_published_closed_and_valid_as_a_schema(api: Api) -> None:
    document = (await api.get("/schema/openapi.json")).json()

    bodies = {
        (method, path): operation["requestBody"]["content"]["application/json"]["schema"]
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if "requestBody" in operation and not path.endswith("webhook")
    }
    for schema in bodies.values():
        Draft202012Validator.check_schema(schema)
    assert 5 == len(bodies)
    assert {False} == {schema["additionalProperties"] for schema in bodies.values()}


async def test_every_operation_declares_its_problems_and_who_may_call(api: Api) -> None:
    document = (await api.get("/schema/openapi.json")).json()

    for path, item in document["paths"].items():
        for method, operation in item.items():
            public = path.startswith("/health") or path.endswith("webhook")
            assert ([] if public else [{"bearer": []}]) == operation.get("security", []), (
                method,
                path,
            )
            if not public:
                problem = operation["responses"]["401"]["content"]
                assert ["application/problem+json"] == list(problem), (method, path)
    assert "bearer" in document["components"]["securitySchemes"]


async def test_answers_have_the_shape_that_the_document_promises(api: Api) -> None:
    document = (await api.get("/schema/openapi.json")).json()
    started = await api.authorized()
    answers = {
        "OrderOut": await api.get("/api/orders/o-1/"),
        "PaymentOut": await api.get(f"/api/payments/{started.payment.id}/"),
        "PaymentsOut": await api.get("/api/payments/"),
        "Problem": await api.call("PUT", "/api/orders/o-1/", {}),
    }

    for name, answer in answers.items():
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        Draft202012Validator(schema).validate(msgspec.json.decode(answer.content))
