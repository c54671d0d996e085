"""A worker of the inbox as a process of its own: drains it, and says what that took.

Started with a database's address, it drains what is there to warm up, says ``ready``, waits
for a line, drains again and prints what it did as JSON.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from _paid_orders import container_for

from markethub.domain.usecases.process_inbox import ProcessInbox
from markethub.entrypoints.worker import LANES


@attrs.frozen(kw_only=True)
class Drained:
    """What one worker did: events, seconds of the clock and of its own CPU."""

    processed: int
    seconds: float
    cpu_s: float


async def drain(process_inbox: ProcessInbox) -> Drained:
    """Process until nothing is due, in as many lanes as a worker has."""
    begun, cpu = time.perf_counter(), time.process_time()

    async def lane() -> int:
        processed = 0
        while True:
            batch = await process_inbox()
            if not batch.total:
                return processed
            assert batch.processed == batch.total, "every event of the bench can be applied"
            processed += batch.processed

    processed = await asyncio.gather(*(lane() for _ in range(LANES)))
    return Drained(
        processed=sum(processed),
        seconds=time.perf_counter() - begun,
        cpu_s=time.process_time() - cpu,
    )


async def work(url: str) -> None:
    """Drain twice: once to warm up, once measured."""
    container = container_for(url)
    process_inbox = container.process_inbox()
    await drain(process_inbox)
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(attrs.asdict(await drain(process_inbox))), flush=True)
    await container.store().close()


@contextmanager
def workers(url: str, count: int) -> Iterator[Sequence["subprocess.Popen[str]"]]:
    """Start workers, warm."""
    started = [
        subprocess.Popen(  # noqa: S603 - this very file
            [sys.executable, __file__, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    try:
        for worker in started:
            assert _line(worker) == "ready\n", "the worker has started"
        yield started
    finally:
        for worker in started:
            worker.kill()
            worker.communicate()


def measured(started: Sequence["subprocess.Popen[str]"]) -> Sequence[Drained]:
    """Let the workers go, all at once, and return what each of them did."""
    for worker in started:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    results: list[dict[str, Any]] = [json.loads(_line(worker)) for worker in started]
    return [Drained(**result) for result in results]


def _line(worker: "subprocess.Popen[str]") -> str:
    assert worker.stdout is not None
    return worker.stdout.readline()


if __name__ == "__main__":
    uvloop.run(work(sys.argv[1]))
