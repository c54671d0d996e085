"""``markethub methods``: look at customers' saved methods, and remove them."""

from collections.abc import Sequence

import click
import structlog

from markethub.domain.errors import NotFound
from markethub.domain.ids import CustomerId, MethodId
from markethub.domain.ports.methods import MethodView
from markethub.domain.usecases.remove_method import RemoveMethodCommand
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.composition import acting_as, actor_option, run
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.cli.typed import CustomerIdParam, is_own_id
from markethub.entrypoints.container import Container
from markethub.entrypoints.http.method_schemas import saved_methods_out

_log = structlog.get_logger(__name__)


@click.group()
def methods() -> None:
    """List and remove saved payment methods."""


@methods.command("list")
@click.argument("customer_id", metavar="CUSTOMER", type=CustomerIdParam())
@click.pass_obj
def list_methods(invocation: Invocation, *, customer_id: CustomerId) -> None:
    """List a customer's saved methods, oldest first."""
    found = run(invocation, lambda container: _of(container, customer_id))
    if invocation.as_json:
        output.print_json(saved_methods_out(found))
        return
    output.print_table(
        ("method", "brand", "last4", "expires", "default", "active"),
        [
            (
                method.id,
                method.card.brand,
                method.card.last4,
                f"{method.card.exp_month}/{method.card.exp_year}",
                "yes" if method.is_default else "no",
                "yes" if method.is_active else "no",
            )
            for method in found
        ],
    )


@methods.command()
@click.argument("method_id", metavar="ID")
@actor_option
@click.pass_obj
def remove(invocation: Invocation, *, method_id: str, actor: str | None) -> None:
    """Remove a saved method for good, here and at the provider."""
    if not is_own_id(method_id):
        raise NotFound("no such payment method")

    async def work(container: Container) -> None:
        act = acting_as(actor, container.settings())
        _log.info("method.remove_asked", actor=act.actor, method_id=method_id)
        await container.remove_method()(RemoveMethodCommand(method_id=MethodId(method_id), act=act))

    run(invocation, work)
    if invocation.as_json:
        output.print_json({"id": method_id, "removed": True})
    else:
        click.echo(f"{method_id} is removed.")


async def _of(container: Container, customer_id: CustomerId) -> Sequence[MethodView]:
    found: Sequence[MethodView] = await container.queries().methods(customer_id)
    return found
