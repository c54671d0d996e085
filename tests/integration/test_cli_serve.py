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
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import pytest

from markethub.entrypoints.cli.story import DEFAULT_URL, story
from tests.support.processes import announced, run_markethub, started_markethub, stop
from tests.support.shell import Shell

ROOT: Final = Path(__file__).parents[2]
ANYWHERE: Final = {"MARKETHUB_PORT": "0"}
PATIENCE_S: Final = 30
"""Far above what anything here takes: only a process that hangs needs more."""


@attrs.frozen(kw_only=True)
class Server:
    """A running ``markethub serve``."""

    process: "subprocess.Popen[str]"
    url: str

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


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Server]:
    with started_markethub(
        "--json", "serve", folder=folder, settings={**ANYWHERE, **settings}
    ) as process:
        yield Server(process=process, url=announced(process)["url"])


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


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_story_runs_as_it_is_printed(tmp_path: Path, shell: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("the story is told in curl, which is not installed here")
    with started_markethub("serve", folder=tmp_path, settings=ANYWHERE) as process:
        assert process.stdout is not None
        printed = ""
        for line in process.stdout:
            printed += line
            if "5. The order is paid" in printed and line.startswith("shop "):
                break
        url = re.search(r"http://127\.0\.0\.1:\d+", printed)
        assert url is not None
        assert story(url[0]) in printed

        told = subprocess.run(  # noqa: S603 - our own story
            [shell, "-eu"],
            input=readme_story().replace(DEFAULT_URL, url[0]),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

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


def test_a_real_gateways_server_prints_no_story(tmp_path: Path) -> None:
    with serving(tmp_path, MARKETHUB_STOREFRONT_KEYS="shop:not-the-development-key") as server:
        pass

    assert server.process.stdout is not None
    assert "curl" not in server.process.stdout.read()


# --- the server -------------------------------------------------------------------------------


def test_serve_answers_and_does_not_say_what_it_runs_on(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        status, headers, body = server.get("/health/ready")

    assert (200, {"status": "ready"}) == (status, json.loads(body))
    assert "server" not in {name.lower() for name in headers}


def test_every_place_that_serve_names_can_be_opened(tmp_path: Path) -> None:
    with started_markethub("--json", "serve", folder=tmp_path, settings=ANYWHERE) as process:
        places = announced(process)
        server = Server(process=process, url=places["url"])
        statuses = {
            name: server.get(urlsplit(place).path)[0]
            for name, place in places.items()
            if name in ("interface", "health")
        }

    assert {"interface": 200, "health": 200} == statuses
    assert f"{places['url']}/fake-stripe/v1" == places["fake_stripe"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_stops_gracefully(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path) as server:
        server.get("/health/live")

        assert 0 == stop(server.process, number)

    assert "Traceback" not in (tmp_path / "log").read_text()


def test_several_processes_serve_together_and_stop_together(tmp_path: Path) -> None:
    with serving(tmp_path, MARKETHUB_WORKERS="2") as server:
        assert 200 == server.get("/health/ready")[0]

        assert 0 == stop(server.process)


def test_a_port_in_use_stops_the_start_with_one_message(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ran = run_markethub("serve", folder=tmp_path, settings={"MARKETHUB_PORT": str(port)})

    assert (5, "") == (ran.returncode, ran.stdout)
    assert f"Error: MARKETHUB_PORT: port {port} of 127.0.0.1 is in use by another program.\n" == (
        ran.stderr
    )


def test_a_wrong_configuration_stops_the_start_with_one_message(tmp_path: Path) -> None:
    ran = run_markethub(
        "serve", folder=tmp_path, settings={**ANYWHERE, "STRIPE_SECRET_KEY_TEST": "sk_live_1"}
    )

    assert (5, "") == (ran.returncode, ran.stdout)
    assert "STRIPE_SECRET_KEY_TEST: Is a key of live mode." in ran.stderr
    assert "sk_live_1" not in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_database_of_another_account_stops_the_start(tmp_path: Path) -> None:
    run_markethub("payments", "list", folder=tmp_path)
    for file in tmp_path.glob("*.fake-stripe*"):
        file.unlink()

    ran = run_markethub("--json", "serve", folder=tmp_path, settings=ANYWHERE)

    assert (5, "foreign_database") == (ran.returncode, json.loads(ran.stdout)["error"]["code"])


def flood(client: socket.socket) -> None:
    """Send 64 MiB of one header."""
    for _ in range(1024):
        client.sendall(b"x" * 64 * 1024)


def test_an_endless_head_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as server, server.connect() as client:
        client.sendall(b"GET /health/live HTTP/1.1\r\nHost: here\r\nX-Long: ")

        with pytest.raises(OSError, match=r"reset|pipe"):
            flood(client)

        assert 200 == server.get("/health/live")[0]


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
