"""``markethub worker``: the background worker alone."""

import asyncio
import signal

import click
import structlog
import uvloop

from markethub.entrypoints.cli.composition import begin
from markethub.entrypoints.cli.root import Invocation
from markethub.entrypoints.container import Container
from markethub.entrypoints.lifecycle import running

_log = structlog.get_logger(__name__)


@click.command()
@click.pass_obj
def worker(invocation: Invocation) -> None:
    """Process stored events and finish what is pending, until SIGTERM or Ctrl-C.

    Several may run side by side, and beside any number of servers.
    """
    uvloop.run(_work(begin(invocation)))


async def _work(container: Container) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(container, worker=True, pump=True):
        _log.info("worker.started", worker=container.worker_name())
        await stop.wait()
    _log.info("worker.stopped")
