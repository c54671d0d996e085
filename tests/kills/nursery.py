"""Gives birth to our processes quickly: ``python -m tests.kills.nursery``.

It has imported everything, and has no thread; each child is a fork of it that runs one command of
the command line, as the console script would. What takes a second to import is so imported once,
and not two thousand times.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn, Self

import aiosqlite  # noqa: F401 - before the fork, as are those below
import h11  # noqa: F401 - likewise
import httpcore  # noqa: F401 - likewise
import stripe  # noqa: F401 - likewise
import uvloop  # noqa: F401 - likewise

import markethub.adapters.sqlalchemy.store
import markethub.adapters.stripe.client
import markethub.entrypoints.cli.serve  # noqa: F401 - likewise
from markethub.entrypoints.cli import main
from tests.support.processes import clean_environment

_READY: Final = "ready"


def _be(words: list[str], settings: Mapping[str, str], folder: str, log: str) -> NoReturn:
    """Become the process of a command."""
    os.setsid()
    os.chdir(folder)
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(source, target)
    environment = clean_environment(settings)
    os.environ.clear()
    os.environ.update(environment)
    code = 1
    try:
        code = main(words)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _serve() -> None:
    """Do what standard input asks, a line each, until it ends; then nobody is left."""
    alive: set[int] = set()
    print(json.dumps(_READY), flush=True)  # noqa: T201 - this is how it talks
    for line in sys.stdin:
        asked = json.loads(line)
        answer: Any
        if "words" in asked:
            pid = os.fork()
            if pid == 0:
                _be(asked["words"], asked["settings"], asked["folder"], asked["log"])
            alive.add(pid)
            answer = pid
        elif asked.get("patiently"):
            answer = os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1])
            alive.discard(asked["wait"])
        else:
            gone, status = os.waitpid(asked["wait"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if gone else None
            alive.discard(gone)
        print(json.dumps(answer), flush=True)  # noqa: T201 - likewise
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


class Nursery:
    """The other end of it."""

    def __init__(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kills.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == _READY

    def __enter__(self) -> Self:
        """It is ready."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it, and all whom it brought forth."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def start(self, *words: str, settings: Mapping[str, str], folder: Path, log: Path) -> int:
        """Start a command; return its process id."""
        return int(
            self._ask(
                {"words": words, "settings": settings, "folder": str(folder), "log": str(log)}
            )
        )

    def wait(self, pid: int) -> int:
        """Wait until a process is gone; return its exit code, negative for a signal."""
        return int(self._ask({"wait": pid, "patiently": True}))

    def poll(self, pid: int) -> int | None:
        """Return the exit code of a process, if it is gone."""
        code: int | None = self._ask({"wait": pid})
        return code

    def _ask(self, what: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


if __name__ == "__main__":
    _serve()
