"""The HTTP application, built from a container."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from litestar import Litestar, Request, Router
from litestar.di import Provide

from markethub.entrypoints.console.app import console_router
from markethub.entrypoints.console.pages import templates
from markethub.entrypoints.demo import demo_routers
from markethub.entrypoints.http.auth import Authenticator, Caller
from markethub.entrypoints.http.entrance import Entrance
from markethub.entrypoints.http.errors import EXCEPTION_HANDLERS
from markethub.entrypoints.http.idempotency import Idempotency
from markethub.entrypoints.http.json_body import BODY_BYTES_MAXIMUM
from markethub.entrypoints.http.limits import Limits, RateLimiter
from markethub.entrypoints.http.observation import Metrics, Observed
from markethub.entrypoints.http.openapi import openapi_config
from markethub.entrypoints.http.routes import webhook
from markethub.entrypoints.http.routes.approvals import approvals_router
from markethub.entrypoints.http.routes.customers import customers_router
from markethub.entrypoints.http.routes.disputes import disputes_router
from markethub.entrypoints.http.routes.health import LIVE_PATH, READY_PATH, health_router
from markethub.entrypoints.http.routes.orders import orders_router
from markethub.entrypoints.http.routes.payments import payments_router
from markethub.entrypoints.http.routes.refunds import payment_refunds_router, refunds_router
from markethub.entrypoints.http.routes.stripe import stripe_router
from markethub.entrypoints.lifecycle import running
from markethub.entrypoints.wiring import provide, shared

if TYPE_CHECKING:
    from markethub.entrypoints.container import Container

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]

_PROVIDED: Final = (
    "settings",
    "clock",
    "queries",
    "register_order",
    "cancel_order",
    "charge_order",
    "confirm_payment",
    "capture_payment",
    "cancel_payment",
    "refund_payment",
    "refund_queries",
    "approval_queries",
    "decide_approval",
    "dispute_queries",
    "delivery_queries",
    "draft_evidence",
    "attach_file",
    "submit_evidence",
    "accept_dispute",
    "start_setup",
    "set_default_method",
    "remove_method",
)
"""What handlers may ask for: the container's providers of these names."""


def create_app(
    container: "Container",
    *,
    lifespan: Sequence[Lifespan] | None = None,
    limits: Limits | None = None,
) -> Litestar:
    """Build the application.

    ``lifespan`` replaces what runs beside it: by default the store is prepared, the worker runs
    if the settings embed it, and the simulated account's events are delivered.
    """
    metrics = Metrics(container.guard())
    door = container.fake_router()
    receive_event = container.receive_event()
    authenticator = _authenticator(container)
    limits = limits or Limits()
    app = Litestar(
        route_handlers=[
            _api(container, metrics, authenticator, limits),
            console_router(container, authenticator, limits),
            webhook.webhook_route(receive_event),
            *([door] if door else []),
            *demo_routers(container),
        ],
        exception_handlers=EXCEPTION_HANDLERS,
        request_max_body_size=BODY_BYTES_MAXIMUM,
        openapi_config=openapi_config(
            version("markethub"), applications={webhook.PATH: webhook.DOCUMENTED}
        ),
        template_config=templates(container.settings()),
        lifespan=[_alive(container)] if lifespan is None else list(lifespan),
        # Our own log lines are the only ones: the framework's would repeat paths and inputs.
        logging_config=None,
    )
    silent = (LIVE_PATH, READY_PATH, webhook.PATH)
    lane = webhook.WebhookLane(app.asgi_handler, receive_event)
    app.asgi_handler = Observed(lane, metrics, silent=silent)
    return app


def _alive(container: "Container") -> Lifespan:
    settings = container.settings()
    alive = partial(running, container, worker=settings.embedded_worker, pump=True)
    return lambda _: alive()


def _authenticator(container: "Container") -> Authenticator:
    settings = container.settings()
    return Authenticator(
        storefront_keys=settings.storefront_keys,
        ops_keys=settings.ops_keys,
        customer_token_secret=settings.customer_token_secret,
        clock=container.clock(),
    )


def _api(
    container: "Container", metrics: Metrics, authenticator: Authenticator, limits: Limits
) -> Router:
    """Return every route of ours, behind the entrance."""
    clock = container.clock()
    return Router(
        "/",
        route_handlers=[
            orders_router,
            stripe_router,
            payments_router,
            payment_refunds_router,
            refunds_router,
            approvals_router,
            disputes_router,
            customers_router,
            health_router,
        ],
        dependencies={
            **{name: provide(container, name) for name in _PROVIDED},
            "metrics": Provide(lambda: metrics, sync_to_thread=False),
            "caller": Provide(_caller, sync_to_thread=False),
        },
        middleware=[
            shared(
                Entrance(authenticator, RateLimiter(limits, clock=clock), container.record_audit())
            ),
            shared(Idempotency(container.idempotency_keys(), clock=clock)),
        ],
    )


def _caller(request: Request[Any, Any, Any]) -> Caller:
    caller: Caller = request.scope["user"]
    return caller
