"""What holds for every answer: problems, headers, log lines, health and numbers."""

import re

import pytest
from dependency_injector import providers
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from markethub.domain import errors
from markethub.domain.errors import PaymentsError
from markethub.domain.ports.queries import StoreHealth
from markethub.entrypoints.http.errors import STATUS_OF
from markethub.entrypoints.setting_values import Role
from tests.support.app import STOREFRONT, Api, ops, order_body
from tests.support.stores import event, receive

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
            earliest_due_at=None,
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


async def test_metrics_show_when_the_provider_is_spared(api: Api) -> None:
    well = (await api.get("/metrics", caller=ops(Role.VIEWER))).text
    guard = api.world.container.guard()
    guard.spend_retry()
    admission = guard.admit()
    assert admission is not None
    for _ in range(5):
        guard.failed(admission)

    down = (await api.get("/metrics", caller=ops(Role.VIEWER))).text

    shown = [
        dict(re.findall(r"^markethub_gateway_(\w+) (\S+)$", text, re.MULTILINE))
        for text in (well, down)
    ]
    assert [
        {"breaker_open": "0.0", "retries_spent": "0.0"},
        {"breaker_open": "1.0", "retries_spent": "1.0"},
    ] == shown


async def test_metrics_show_what_became_of_events(api: Api) -> None:
    received = api.world.clock.now()
    dead = event("evt_1", now=received).bury("another_intent", now=received)
    parked = event("evt_2", now=received).park("unknown_intent", ours=True, now=received)
    foreign = event("evt_3", now=received).ignore("wrong_mode", now=received)
    await receive(api.world.container.store(), [dead, parked, foreign])
    await receive(api.world.container.store(), [event("evt_4", now=received)])
    api.world.clock.advance(seconds=3)

    text = (await api.get("/metrics", caller=ops(Role.VIEWER))).text

    figures = dict(re.findall(r"^markethub_inbox_(\w+) (\S+)$", text, re.MULTILINE))
    assert {
        "oldest_event_age_seconds": "3.0",
        "lag_seconds": "3.0",
        "waiting_events": "2.0",
        "parked_events": "1.0",
        "retrying_events": "0.0",
        "failing_events": "0.0",
        "dead_events": "1.0",
        "wrong_mode_events": "1.0",
    } == figures
