"""``markethub serve`` and ``markethub worker`` as processes, and the story that README tells."""

import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import pytest

from markethub.domain.secret import Secret
from markethub.entrypoints.cli import main
from markethub.entrypoints.cli.story import DEFAULT_URL, has_story, story
from markethub.entrypoints.setting_values import StorefrontKey
from markethub.entrypoints.settings import Settings
from tests.support.processes import announced, started_markethub, stop
from tests.support.shell import Shell, log_restored, without_settings

ROOT: Final = Path(__file__).parents[2]
ANYWHERE: Final = {"MARKETHUB_PORT": "0"}
PATIENCE_S: Final = 30
"""Far above what anything here takes: only a process that hangs needs more."""


@attrs.frozen(kw_only=True)
class Server:
    """A running ``markethub serve``."""

    process: "subprocess.Popen[str]"
    url: str
    places: Mapping[str, str]

    def connect(self) -> socket.socket:
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_S)

    def get(self, path: str) -> tuple[int, Mapping[str, str], bytes]:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, dict(response.headers), response.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that only ask it something."""
    folder = tmp_path_factory.mktemp("server")
    with started_markethub("--json", "serve", folder=folder, settings=ANYWHERE) as process:
        places = announced(process)
        yield Server(process=process, url=places["url"], places=places)


def until(is_so: Callable[[], bool]) -> bool:
    """Wait for what another process does; tell whether it came to be."""
    deadline = time.monotonic() + PATIENCE_S
    while not (so := is_so()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return so


# --- the story --------------------------------------------------------------------------------


def readme_story() -> str:
    chapter = (ROOT / "README.md").read_text().partition("## The story in curl")[2]
    fenced = re.search(r"```sh\n(.*?)\n```", chapter, re.DOTALL)
    assert fenced is not None
    return fenced[1]


def test_readme_tells_the_story_that_serve_prints() -> None:
    assert story(DEFAULT_URL) == readme_story()


def tell(shell: str, url: str) -> "subprocess.CompletedProcess[str]":
    """Paste README's story into a shell, for the server at ``url``."""
    return subprocess.run(  # noqa: S603 - our own story
        [shell, "-eu"],
        input=readme_story().replace(DEFAULT_URL, url),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_story_runs_as_it_is_printed(server: Server, shell: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("the story is told in curl, which is not installed here")

    told = tell(shell, server.url)

    assert (0, "") == (told.returncode, told.stderr)
    answers = [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]
    registered, declined, paid, order = answers
    assert ("open", 5000) == (registered["status"], registered["total"])
    assert ("requires_payment_method", "card_declined", "open") == (
        declined["status"],
        declined["error"]["code"],
        declined["order_status"],
    )
    assert ("succeeded", "paid") == (paid["status"], paid["order_status"])
    assert ("paid", 5000, 1) == (order["status"], order["amount_paid"], len(order["payments"]))
    statuses = re.findall(r"answered with HTTP (\d+)", told.stdout)
    assert ["402", "200"] == statuses


def test_serve_prints_the_story_for_its_own_address_and_stops_gracefully(tmp_path: Path) -> None:
    with started_markethub("serve", folder=tmp_path, settings=ANYWHERE) as process:
        assert process.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert address is not None
        told = story(address[0])
        printed = ""
        for line in process.stdout:
            printed += line
            if told in printed:
                break
        live = Server(process=process, url=address[0], places={}).get("/health/live")
        code = stop(process)

    assert told in printed
    assert (200, 0) == (live[0], code)
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    "settings",
    [
        Settings(gateway="stripe"),
        Settings(storefront_keys=(StorefrontKey(name="shop", secret=Secret("another")),)),
    ],
    ids=["a real gateway", "another key"],
)
def test_no_story_is_told_that_would_not_work(settings: Settings) -> None:
    assert not has_story(settings)


def test_the_story_of_the_default_is_told() -> None:
    assert has_story(Settings())


# --- the server -------------------------------------------------------------------------------


def test_serve_does_not_say_what_it_runs_on(server: Server) -> None:
    status, headers, _ = server.get("/health/ready")

    assert 200 == status
    assert "server" not in {name.lower() for name in headers}


def test_every_place_that_serve_names_can_be_opened(server: Server) -> None:
    statuses = {
        name: server.get(urlsplit(server.places[name]).path)[0] for name in ("interface", "health")
    }

    assert {"interface": 200, "health": 200} == statuses
    assert f"{server.url}/fake-stripe/v1" == server.places["fake_stripe"]


def flood(client: socket.socket) -> None:
    """Send 64 MiB of one header."""
    for _ in range(1024):
        client.sendall(b"x" * 64 * 1024)


def test_an_endless_head_is_cut_off(server: Server) -> None:
    with server.connect() as client:
        client.sendall(b"GET /health/live HTTP/1.1\r\nHost: here\r\nX-Long: ")

        with pytest.raises(OSError, match=r"reset|pipe"):
            flood(client)


def test_several_processes_serve_together_and_stop_together(tmp_path: Path) -> None:
    settings = {**ANYWHERE, "MARKETHUB_WORKERS": "2"}
    with started_markethub("--json", "serve", folder=tmp_path, settings=settings) as process:
        places = announced(process)
        several = Server(process=process, url=places["url"], places=places)

        assert 200 == several.get("/health/ready")[0]
        assert 0 == stop(process, signal.SIGINT)

    assert "Traceback" not in (tmp_path / "log").read_text()


# --- what stops the start ---------------------------------------------------------------------


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in, and no settings."""
    without_settings(monkeypatch, tmp_path)
    with log_restored():
        yield tmp_path


def test_a_port_in_use_stops_the_start_with_one_message(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("MARKETHUB_PORT", str(port))
        code = main(["serve"])

    printed = capsys.readouterr()
    assert (5, "") == (code, printed.out)
    assert f"Error: MARKETHUB_PORT: port {port} of 127.0.0.1 is in use by another program.\n" == (
        printed.err
    )


def test_an_address_that_is_not_ours_stops_the_start(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MARKETHUB_HOST", "192.0.2.1")  # RFC 5737: nobody's
    monkeypatch.setenv("MARKETHUB_ALLOW_DEV_SECRETS", "true")

    assert 5 == main(["serve"])

    assert "Error: MARKETHUB_HOST: cannot listen on port 8000 of 192.0.2.1.\n" == (
        capsys.readouterr().err
    )


def test_a_key_of_the_wrong_mode_stops_the_start_unseen(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STRIPE_SECRET_KEY_TEST", "sk_live_1")

    assert 5 == main(["serve"])

    printed = capsys.readouterr()
    assert "STRIPE_SECRET_KEY_TEST: Is a key of live mode." in printed.err
    assert "sk_live_1" not in printed.err + printed.out


def test_a_database_of_another_account_stops_the_start(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MARKETHUB_PORT", "0")
    main(["payments", "list"])
    for file in bare.glob("*.fake-stripe*"):
        file.unlink()
    capsys.readouterr()

    assert 5 == main(["--json", "serve"])

    assert "foreign_database" == json.loads(capsys.readouterr().out)["error"]["code"]


# --- the worker -------------------------------------------------------------------------------


def test_the_worker_alone_delivers_and_processes_events_and_stops_gracefully(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell.in_folder(tmp_path, capsys)

    async def confirm_and_leave(world: Any) -> None:
        await world.register("o-1", 50_00)
        started = await world.charge("o-1")
        world.pay(started, "4242424242424242")

    async def status(world: Any) -> str:
        found: str = await world.status("o-1")
        return found

    shell.happens(confirm_and_leave)
    before = shell.happens(status)

    with started_markethub(
        "worker", folder=tmp_path, settings={"DATABASE_URL": shell.settings.database.url}
    ) as process:
        paid = until(lambda: shell.happens(status) == "paid")
        code = stop(process)

    assert ("open", True, 0) == (before, paid, code)
    assert "Traceback" not in (tmp_path / "log").read_text()
