"""``markethub recover``: finish what a crash or an unknown outcome left, now."""

import attrs
import click

from markethub.domain.usecases.recover import Recovered
from markethub.domain.usecases.report_expiring import Expiring
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.composition import run
from markethub.entrypoints.cli.failure import UNKNOWN_OUTCOME
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.container import Container


@click.command()
@click.option("--once", is_flag=True, help="Take one batch of each kind, and no more.")
@click.pass_obj
def recover(invocation: Invocation, *, once: bool) -> None:
    """Finish what a crash, a lost reply or an unknown outcome left behind.

    The worker does so all the time, at widening intervals; this does not wait for their end.
    Exits with 4 if an outcome is still unknown afterwards.
    """

    async def work(container: Container) -> Recovered:
        done = Recovered()
        while True:
            found: Recovered = await container.recover()(eagerly=True)
            done = _added(done, found)
            if once or not found.total:
                return done

    done = run(invocation, work)
    if invocation.as_json:
        output.print_json({**attrs.asdict(done), "expiring": [*map(_expiring, done.expiring)]})
    else:
        output.print_fields(
            {
                "resolved": done.resolved,
                "still unknown": done.unresolved,
                "evidence due soon": done.reminded,
                "methods detached": done.detached,
                "abandoned, canceled": done.abandoned,
            }
        )
        for hold in done.expiring:
            click.echo(f"{hold.payment_id} holds {hold.amount} until {hold.capture_before}")
    if done.unresolved:
        click.get_current_context().exit(UNKNOWN_OUTCOME)


def _added(done: Recovered, found: Recovered) -> Recovered:
    return Recovered(
        resolved=done.resolved + found.resolved,
        unresolved=found.unresolved,  # those of the last pass: the earlier ones are among them
        reminded=done.reminded + found.reminded,
        detached=done.detached + found.detached,
        abandoned=done.abandoned + found.abandoned,
        expiring=(*done.expiring, *found.expiring),
    )


def _expiring(hold: Expiring) -> dict[str, object]:
    return {
        "payment_id": hold.payment_id,
        "order_id": hold.order_id,
        "amount": hold.amount.minor,
        "currency": hold.amount.currency.code,
        "capture_before": hold.capture_before,
    }
