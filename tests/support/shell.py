"""The command line in this process, over a shop in one SQLite file."""

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import attrs
import pytest
import structlog
from dependency_injector import providers

from markethub.domain.ports.dispute_desk import DisputeDesk
from markethub.domain.ports.gateway import GatewayOutcome
from markethub.domain.ports.system import Clock
from markethub.domain.usecases.receive_event import ReceiveEventCommand
from markethub.entrypoints.cli import main
from markethub.entrypoints.cli.demo_world import World
from markethub.entrypoints.container import Container, build_container
from markethub.entrypoints.lifecycle import running
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.faults import Fault, FaultyGateway
from tests.support.processes import OURS
from tests.support.world import signed

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Ran:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


class Shell:
    """Runs commands; each has a container of its own, as each process has."""

    def __init__(self, capsys: pytest.CaptureFixture[str], settings: Settings) -> None:
        self._capsys = capsys
        self.settings = settings
        self.faults: list[Fault] = []
        """What happens to the next calls of the gateway."""
        self.answers: list[GatewayOutcome] = []
        """What the provider answers them."""
        self.desk: DisputeDesk | None = None
        """Who disputes, where it is not the simulated account."""
        self.clock: Clock | None = None
        """The time that commands see, where it is not the machine's."""

    @classmethod
    def in_folder(cls, folder: Path, capsys: pytest.CaptureFixture[str]) -> "Shell":
        return cls(capsys, Settings(database=Database(url=f"sqlite:///{folder / 'shop.db'}")))

    def markethub(self, *words: str) -> Ran:
        self._capsys.readouterr()
        code = main(words, compose=self._compose)
        printed = self._capsys.readouterr()
        return Ran(code=code, out=printed.out, err=printed.err)

    def happens(self, story: Callable[[World], Awaitable[T]]) -> T:
        """Let something happen at the shop, between two commands."""
        return self.within(lambda container: story(World(container)))

    def within(self, story: Callable[[Container], Awaitable[T]]) -> T:
        """Let something happen in a process beside the commands'."""
        container = self._compose()

        async def run() -> T:
            async with running(container):
                return await story(container)

        return asyncio.run(run())

    def hears(self, event: Mapping[str, Any]) -> None:
        """Let an event of the provider arrive and be processed."""
        body = json.dumps(event).encode()

        async def run() -> None:
            container = self._compose()
            async with running(container):
                signature = signed(body, at=container.clock().now())
                await container.receive_event()(ReceiveEventCommand(body=body, signature=signature))
                await container.process_inbox()()

        asyncio.run(run())

    def _compose(self) -> Container:
        container = build_container(self.settings)
        gateway = FaultyGateway(container.gateway())
        gateway.faults = self.faults
        gateway.answers = self.answers
        container.gateway.override(providers.Object(gateway))
        if self.desk is not None:
            container.dispute_desk.override(providers.Object(self.desk))
        if self.clock is not None:
            container.clock.override(providers.Object(self.clock))
        return container


def without_settings(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Begin in an empty folder, with no setting of ours in the environment."""
    monkeypatch.chdir(folder)
    for name in os.environ:
        if name.startswith(OURS):
            monkeypatch.delenv(name)


@contextmanager
def log_restored() -> Iterator[None]:
    """Undo what a command does to the log of its process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
