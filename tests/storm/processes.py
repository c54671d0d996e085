"""The processes of the storm: ``python -m tests.storm.processes``, told on standard input.

They are forked from one fresh process, which has no thread yet, so that it alone imports.
"""

import asyncio
import json
import logging
import multiprocessing
import subprocess
import sys
import time
from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import attrs
import httpx
import stripe  # noqa: F401 - before the fork: once, not eight times
import structlog

import markethub.adapters.sqlalchemy.store
import markethub.adapters.stripe.client  # noqa: F401 - likewise
from markethub.domain.secret import Secret
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.storm.people import People, Report
from tests.storm.provider import DOOR

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


@attrs.frozen(kw_only=True)
class Task:
    """What all of them are to do together."""

    database_url: str
    stripe_url: str
    operations: int
    processes: int
    seed: int


def settings_of(database_url: str, stripe_url: str) -> Settings:
    """Return what a process of production would be told."""
    return Settings(
        gateway="stripe",
        stripe_secret_key=Secret("sk_test_dev"),
        stripe_publishable_key="pk_test_dev",
        stripe_api_base=stripe_url,
        database=Database(url=database_url),
        embedded_worker=False,
    )


async def _live(task: Task, index: int) -> Report:
    container = build_container(settings_of(task.database_url, task.stripe_url))
    quota = task.operations // task.processes + (index < task.operations % task.processes)
    async with httpx.AsyncClient(
        base_url=task.stripe_url.removesuffix(DOOR),
        headers={"Authorization": "Bearer pk_test_dev"},
        timeout=30,
    ) as browser:
        dice = Random(f"{task.seed}/{index}")  # noqa: S311 - dice, not secrets
        people = People(container, browser, dice=dice, quota=quota)
        try:
            return await people.live()
        finally:
            await container.carrier().close()
            await container.store().close()


def _be(task: Task, index: int, told: "Connection") -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    told.send_bytes(json.dumps(attrs.asdict(asyncio.run(_live(task, index)))).encode())


def main() -> None:
    """Read the task, let the processes do it, and write what came of it."""
    task = Task(**json.loads(sys.stdin.read()))
    context = multiprocessing.get_context("fork")
    ends = []
    began = time.monotonic()
    for index in range(task.processes):
        heard, told = context.Pipe(duplex=False)
        process = context.Process(target=_be, args=(task, index, told))
        process.start()
        told.close()
        ends.append((process, heard))
    total = Report()
    for process, heard in ends:
        try:
            report = json.loads(heard.recv_bytes())
        except EOFError:
            report = attrs.asdict(Report(unforeseen=["a process died"]))
        process.join()
        total.asked += Counter(report["asked"])
        total.conflicts += report["conflicts"]
        total.refused += Counter(report["refused"])
        total.unforeseen += report["unforeseen"]
    total.seconds = time.monotonic() - began
    sys.stdout.write(json.dumps(attrs.asdict(total)))


async def lived(task: Task) -> Report:
    """Do all of it in processes of their own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.storm.processes"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    said, _ = await process.communicate(json.dumps(attrs.asdict(task)).encode())
    assert process.returncode == 0, "the processes of the storm died"
    report = json.loads(said)
    counted = {name: Counter(report[name]) for name in ("asked", "refused")}
    return Report(**{**report, **counted})


if __name__ == "__main__":
    main()
