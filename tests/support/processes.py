"""The command line as a process of its own, as people and supervisors start it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

MARKETHUB: Final = str(Path(sys.executable).with_name("markethub"))
"""The console script beside the interpreter that runs the tests."""
STOP_S_MAXIMUM: Final = 30
"""Far above what a stop takes: only a process that hangs needs more."""
OURS: Final = ("MARKETHUB_", "STRIPE_", "DATABASE_URL", "PAYMENT_ENV")
"""How the names of our settings begin."""


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without settings of ours but the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**kept, **settings}


@contextmanager
def started_markethub(
    *words: str,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    log_name: str = "log",
) -> Iterator["subprocess.Popen[str]"]:
    """Start a command that runs until it is stopped; what it logs goes to ``folder/log_name``.

    Whatever the test did not stop is stopped in the end.
    """
    with (
        (folder / log_name).open("w") as log,
        subprocess.Popen(  # noqa: S603 - our own program
            [MARKETHUB, *words],
            cwd=folder,
            env=clean_environment(settings or {}),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            stop(process)


def stop(process: "subprocess.Popen[str]", number: int = signal.SIGTERM) -> int:
    """Ask a process to end, wait for it and return its exit code."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        return process.wait(timeout=STOP_S_MAXIMUM)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def announced(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """Read the document that ``--json serve`` prints."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line == "}\n":
            break
    document: dict[str, Any] = json.loads(text)
    return document


@contextmanager
def speaking(module: str, *words: str) -> Iterator[Any]:
    """Start ``python -m module``, yield the JSON of its first line, and end it.

    Such a process serves until its standard input ends.
    """
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", module, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()
