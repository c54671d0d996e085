"""Customers: the payment methods that they saved. The provider's tokens never pass here."""

from typing import Any, Final
from urllib.parse import quote

import structlog
from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Template

from markethub.domain import ids
from markethub.domain.errors import NotFound, PaymentsError, ValidationFailed
from markethub.domain.ids import CustomerId, MethodId
from markethub.domain.ports.queries import PaymentFilter, Queries
from markethub.domain.ports.system import Clock
from markethub.domain.usecases.remove_method import RemoveMethod, RemoveMethodCommand
from markethub.domain.usecases.set_default_method import SetDefaultMethod, SetDefaultMethodCommand
from markethub.entrypoints.console.acts import act_of
from markethub.entrypoints.console.forms import Form
from markethub.entrypoints.console.lists import chosen, looked_up
from markethub.entrypoints.console.pages import render, see_other
from markethub.entrypoints.console.problems import problem_of
from markethub.entrypoints.console.staff import ROLE, Staff
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.setting_values import Role

_PATH: Final = "/ops/customers"
_NAV: Final = "customers"
_PAYMENTS_SHOWN: Final = 10

_log = structlog.get_logger(__name__)


@get("/customers", opt={ROLE: Role.VIEWER})
async def find_customer(request: Request[Any, Any, Any]) -> Response[Any]:
    """Ask whose methods are wanted, and go there."""
    text = chosen(request, "id")
    if text is None:
        return render(request, "customers.html", nav=_NAV, text="")
    try:
        return see_other(_address(ids.customer_id(text)))
    except ValidationFailed as error:
        status, problem = problem_of(error)
        return render(
            request, "customers.html", nav=_NAV, text=text, status=status, problem=problem
        )


@get("/customers/{customer_id:str}", opt={ROLE: Role.VIEWER})
async def show_customer(
    request: Request[Any, Any, Any],
    customer_id: FromPath[str],
    queries: Injected[Queries],
    clock: Injected[Clock],
) -> Template:
    """Show a customer's saved methods, and their latest payments."""
    return await _show(request, _customer(customer_id), queries, clock)


@get("/customers/{customer_id:str}/methods/{method_id:str}/remove", opt={ROLE: Role.SUPPORT})
async def confirm_removal(
    request: Request[Any, Any, Any],
    customer_id: FromPath[str],
    method_id: FromPath[str],
    queries: Injected[Queries],
) -> Template:
    """Ask before a method is removed: that is for good."""
    owner = _customer(customer_id)
    for method in await queries.methods(owner):
        if method.id == method_id:
            return render(request, "method_remove.html", nav=_NAV, customer=owner, method=method)
    raise NotFound("no such payment method")


@post(
    "/customers/{customer_id:str}/methods/{method_id:str}/remove",
    status_code=303,
    opt={ROLE: Role.SUPPORT},
)
async def remove(
    *,
    request: Request[Any, Any, Any],
    customer_id: FromPath[str],
    method_id: FromPath[str],
    queries: Injected[Queries],
    clock: Injected[Clock],
    remove_method: Injected[RemoveMethod],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Response[Any]:
    """Remove a saved method for good, here and at the provider."""
    owner, known = _customer(customer_id), MethodId(looked_up(method_id, "payment method"))
    try:
        act = act_of(staff, form)
        await remove_method(RemoveMethodCommand(method_id=known, customer_id=owner, act=act))
    except PaymentsError as error:
        status, problem = problem_of(error)
        return await _show(request, owner, queries, clock, status=status, problem=problem)
    _log.info("method.remove_asked", actor=staff.name, method_id=known)
    return see_other(_address(owner), done="method-removed")


@post(
    "/customers/{customer_id:str}/methods/{method_id:str}/default",
    status_code=303,
    opt={ROLE: Role.SUPPORT},
)
async def make_default(
    *,
    request: Request[Any, Any, Any],
    customer_id: FromPath[str],
    method_id: FromPath[str],
    queries: Injected[Queries],
    clock: Injected[Clock],
    set_default_method: Injected[SetDefaultMethod],
    staff: Injected[Staff],
    form: Injected[Form],
) -> Response[Any]:
    """Let a saved method be the customer's one default."""
    owner, known = _customer(customer_id), MethodId(looked_up(method_id, "payment method"))
    try:
        act = act_of(staff, form)
        command = SetDefaultMethodCommand(method_id=known, customer_id=owner, act=act)
        await set_default_method(command)
    except PaymentsError as error:
        status, problem = problem_of(error)
        return await _show(request, owner, queries, clock, status=status, problem=problem)
    _log.info("method.default_asked", actor=staff.name, method_id=known)
    return see_other(_address(owner), done="method-default")


async def _show(
    request: Request[Any, Any, Any],
    customer: CustomerId,
    queries: Queries,
    clock: Clock,
    *,
    status: int = 200,
    problem: str | None = None,
) -> Template:
    payments = await queries.payments(PaymentFilter(customer_id=customer), limit=_PAYMENTS_SHOWN)
    now = clock.now()
    return render(
        request,
        "customer.html",
        nav=_NAV,
        status=status,
        problem=problem,
        customer=customer,
        address=_address(customer),
        methods=await queries.methods(customer),
        payments=payments.items,
        more=payments.next_cursor is not None,
        this_month=(now.year, now.month),
    )


def _customer(text: str) -> CustomerId:
    """Return what can be looked up; what cannot be a customer's number does not exist."""
    try:
        return ids.customer_id(text)
    except ValidationFailed:
        raise NotFound("no such customer") from None


def _address(customer: CustomerId) -> str:
    return f"{_PATH}/{quote(customer, safe='')}"


HANDLERS: Final = (find_customer, show_customer, confirm_removal, remove, make_default)
