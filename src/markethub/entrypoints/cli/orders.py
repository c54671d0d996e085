"""``markethub orders``: show an order, or register one from a file."""

from collections.abc import Awaitable, Callable
from typing import IO

import attrs
import click
import structlog

from markethub.domain import ids
from markethub.domain.errors import NotFound, ValidationFailed
from markethub.domain.ids import OrderId
from markethub.domain.ports.queries import OrderView
from markethub.domain.usecases.register_order import RegisterOrderCommand
from markethub.entrypoints.cli.composition import acting_as, actor_option, run
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.cli.typed import OrderIdParam
from markethub.entrypoints.cli.views import print_order
from markethub.entrypoints.container import Container
from markethub.entrypoints.http.errors import HttpProblem
from markethub.entrypoints.http.json_body import decode
from markethub.entrypoints.http.refund_schemas import RefundsByPayment
from markethub.entrypoints.http.schemas import OrderIn, given

_log = structlog.get_logger(__name__)


class OrderFile(OrderIn, kw_only=True, forbid_unknown_fields=True):
    """An order as over HTTP, and its number."""

    id: str


@click.group()
def orders() -> None:
    """Show and create orders."""


@orders.command()
@click.argument("order_id", metavar="ID", type=OrderIdParam())
@click.pass_obj
def show(invocation: Invocation, *, order_id: OrderId) -> None:
    """Show an order with its lines and payments."""
    _print(invocation, lambda container: _view(container, order_id))


@orders.command()
@click.argument("file", type=click.File("rb"))
@actor_option
@click.pass_obj
def create(invocation: Invocation, *, file: IO[bytes], actor: str | None) -> None:
    """Register an order from a JSON file, or replace one that is not paid ("-" reads stdin).

    The file holds the body of PUT /api/orders/ID/ and the order's "id"; amounts are minor units.
    """
    command = _read(file.read())

    async def work(container: Container) -> OrderView:
        act = acting_as(actor, container.settings())
        _log.info("order.create_asked", actor=act.actor, order_id=command.order_id)
        await container.register_order()(attrs.evolve(command, act=act))
        return await _view(container, command.order_id)

    _print(invocation, work)


def _print(invocation: Invocation, work: Callable[[Container], Awaitable[OrderView]]) -> None:
    async def with_refunds(container: Container) -> tuple[OrderView, RefundsByPayment]:
        view = await work(container)
        ids = [payment.id for payment in view.payments]
        return view, await container.refund_queries().refunds_of(ids)

    view, refunds = run(invocation, with_refunds)
    print_order(view, refunds, as_json=invocation.as_json)


def _read(raw: bytes) -> RegisterOrderCommand:
    try:
        order = decode(raw, OrderFile)
        return RegisterOrderCommand(
            order_id=ids.order_id(order.id),
            cart=order.cart(),
            expected_total=given(order.expected_total),
        )
    except HttpProblem as problem:
        raise click.BadParameter(problem.detail, param_hint="'FILE'") from None
    except ValidationFailed as error:
        raise click.BadParameter(str(error), param_hint="'FILE'") from None


async def _view(container: Container, order_id: OrderId) -> OrderView:
    view: OrderView | None = await container.queries().order(order_id)
    if view is None:
        raise NotFound("no such order")
    return view
