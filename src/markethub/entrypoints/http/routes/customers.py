"""Customers' saved methods. The provider's tokens never pass here."""

import re
from typing import Any, Final

import structlog
from litestar import Request, Router, delete, get, post
from litestar.params import FromPath

from markethub.domain import ids
from markethub.domain.errors import NotFound
from markethub.domain.ids import CustomerId, MethodId
from markethub.domain.ports.queries import Queries
from markethub.domain.usecases.remove_method import RemoveMethod, RemoveMethodCommand
from markethub.domain.usecases.set_default_method import (
    SetDefaultMethod,
    SetDefaultMethodCommand,
)
from markethub.domain.usecases.start_setup import StartSetup
from markethub.entrypoints.http.auth import Access, Caller
from markethub.entrypoints.http.entrance import ACCESS
from markethub.entrypoints.http.idempotency import KEEP, Keep
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.http.json_body import json_body
from markethub.entrypoints.http.method_schemas import (
    SavedMethodOut,
    SavedMethodsOut,
    SetupIn,
    SetupOut,
    saved_method_out,
    saved_methods_out,
    setup_out,
)
from markethub.entrypoints.http.openapi import BEARER, READS, WRITES, documented, problems
from markethub.entrypoints.settings import Settings

_log = structlog.get_logger(__name__)
_OWNERS: Final = Access(storefront=True, customer=True)
_METHOD_ID: Final = re.compile(r"[A-Za-z0-9_]{1,128}")


def _customer_id(text: str, caller: Caller) -> CustomerId:
    """Return whose methods these are. To a customer, others do not exist."""
    known = ids.customer_id(text)
    if caller.customer_id not in (None, known):
        raise NotFound("no such customer")
    return known


def _method_id(text: str) -> MethodId:
    """Return what can be looked up; what cannot be an id of ours does not exist."""
    if not _METHOD_ID.fullmatch(text):
        raise NotFound("no such payment method")
    return MethodId(text)


@post(
    "/setup-intent",
    status_code=200,
    operation_class=documented(SetupIn, required=False, keyed=True),
    responses=problems(*WRITES),
    opt={ACCESS: _OWNERS, KEEP: Keep.ANSWER},
)
async def create_setup_intent(
    request: Request[Any, Any, Any],
    customer_id: FromPath[str],
    start_setup: Injected[StartSetup],
    caller: Injected[Caller],
    settings: Injected[Settings],
) -> SetupOut:
    """Begin to save a card without paying: the browser confirms it with the provider."""
    known = _customer_id(customer_id, caller)
    await json_body(request, SetupIn)
    setup = await start_setup(known)
    return setup_out(setup, publishable_key=settings.stripe_publishable_key)


@get("/", responses=problems(*READS), opt={ACCESS: _OWNERS})
async def list_methods(
    customer_id: FromPath[str], queries: Injected[Queries], caller: Injected[Caller]
) -> SavedMethodsOut:
    """List a customer's saved methods, oldest first. Inactive ones cannot be charged any more."""
    return saved_methods_out(await queries.methods(_customer_id(customer_id, caller)))


@post(
    "/{method_id:str}/default",
    status_code=200,
    operation_class=documented(SetupIn, required=False, keyed=True),
    responses=problems(*WRITES),
    opt={ACCESS: _OWNERS, KEEP: Keep.ANSWER},
)
async def make_default(
    request: Request[Any, Any, Any],
    customer_id: FromPath[str],
    method_id: FromPath[str],
    set_default_method: Injected[SetDefaultMethod],
    caller: Injected[Caller],
) -> SavedMethodOut:
    """Let a saved method be the customer's one default."""
    owner, known = _customer_id(customer_id, caller), _method_id(method_id)
    await json_body(request, SetupIn)
    _log.info("method.default_asked", actor=caller.name, method_id=known)
    method = await set_default_method(
        SetDefaultMethodCommand(method_id=known, customer_id=owner, act=caller.act)
    )
    return saved_method_out(method)


@delete(
    "/{method_id:str}",
    status_code=204,
    responses=problems(*WRITES),
    opt={ACCESS: _OWNERS},
)
async def delete_method(
    customer_id: FromPath[str],
    method_id: FromPath[str],
    remove_method: Injected[RemoveMethod],
    caller: Injected[Caller],
) -> None:
    """Remove a saved method for good, here and at the provider."""
    owner, known = _customer_id(customer_id, caller), _method_id(method_id)
    _log.info("method.remove_asked", actor=caller.name, method_id=known)
    await remove_method(RemoveMethodCommand(method_id=known, customer_id=owner, act=caller.act))


customers_router = Router(
    "/api/customers/{customer_id:str}/payment-methods",
    route_handlers=[create_setup_intent, list_methods, make_default, delete_method],
    tags=["payment methods"],
    security=BEARER,
)
