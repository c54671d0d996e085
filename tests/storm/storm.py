"""All of it together: the processes, the provider, the sampler, and the comparison at the end."""

import logging
from collections import Counter
from typing import Final

import attrs
import structlog
from dependency_injector import providers

from markethub.entrypoints.container import build_container
from tests.storm.books import ClockAhead, come_to_rest, differences, truth_of
from tests.storm.processes import Task, lived, settings_of
from tests.storm.provider import running_provider
from tests.storm.sampler import sampling

PROCESSES: Final = 8


@attrs.frozen(kw_only=True)
class Storm:
    """What came of it."""

    asked: Counter[str]
    """Operations by the use case."""
    seconds: float
    samples: int
    conflicts: int
    refused: Counter[str]
    charged: int
    """Charges that took money."""
    refunds: int
    entries: int
    """Lines of the provider's balance, each of them compared with the ledger."""
    violations: tuple[str, ...]

    @property
    def operations(self) -> int:
        """How many there were in all."""
        return self.asked.total()

    def lines(self) -> list[str]:
        """Tell people."""
        rate = self.operations / self.seconds
        compared = f"{self.charged} charges, {self.refunds} refunds and {self.entries} lines"
        return [
            f"{self.operations} operations from {PROCESSES} processes in {self.seconds:.1f} s",
            f"{rate:.0f} operations a second: {_counted(self.asked)}",
            f"{self.samples} samples while they ran",
            f"{self.conflicts} conflicts (409); refused in all: {_counted(self.refused)}",
            f"{compared} of the balance compared with the provider's books",
            f"{len(self.violations)} violations",
            *self.violations,
        ]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "none"


async def storm(database_url: str, *, operations: int, seed: int = 1) -> Storm:
    """Let eight processes do so many operations, and look at them while they do."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with running_provider() as stripe_url:
        task = Task(
            database_url=database_url,
            stripe_url=stripe_url,
            operations=operations,
            processes=PROCESSES,
            seed=seed,
        )
        async with sampling(database_url) as sampler:
            report = await lived(task)
            samples = sampler.samples
            container = build_container(settings_of(database_url, stripe_url))
            clock = ClockAhead()
            container.clock.override(providers.Object(clock))
            try:
                left = await come_to_rest(container, clock, stripe_url)
            finally:
                await container.carrier().close()
                await container.store().close()
        truth = await truth_of(stripe_url)
    different = await differences(database_url, truth)
    return Storm(
        asked=report.asked,
        seconds=report.seconds,
        samples=samples,
        conflicts=report.conflicts,
        refused=report.refused,
        charged=sum(map(len, truth.paid_charges_of_order.values())),
        refunds=len(truth.refunds),
        entries=len(truth.lines),
        violations=(*sampler.violations, *report.unforeseen, *left, *different),
    )
