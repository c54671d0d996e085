"""The command line itself: what it loads, how it fails, and with which code."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from markethub.domain import errors
from markethub.domain.errors import PaymentsError
from markethub.entrypoints.cli import main
from markethub.entrypoints.cli.failure import exit_code
from markethub.entrypoints.container import Container
from tests.support.processes import clean_environment
from tests.support.shell import log_restored, without_settings

HEAVY = (
    "alembic",
    "attr",
    "attrs",
    "dependency_injector",
    "litestar",
    "msgspec",
    "rich",
    "sqlalchemy",
    "stripe",
    "structlog",
    "uvicorn",
)


def test_help_loads_nothing_but_click(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from markethub.entrypoints.cli import main\n"
        "code = main(['--help'])\n"
        f"print('loaded:', [name for name in {HEAVY!r} if name in sys.modules], code)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=clean_environment({}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert "loaded: [] 0" == done.stdout.splitlines()[-1]


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["--help"])

    printed = capsys.readouterr().out
    words = {line.split()[0] for line in printed.partition("Commands:")[2].splitlines() if line}
    assert {
        "approvals",
        "audit",
        "db",
        "deliveries",
        "demo",
        "disputes",
        "events",
        "keys",
        "methods",
        "orders",
        "payments",
        "recover",
        "refund",
        "refunds",
        "serve",
        "simulate",
        "webhooks",
        "worker",
    } == words


@pytest.mark.parametrize(
    "words",
    [
        ["db", "--help"],
        ["db", "upgrade", "--help"],
        ["db", "current", "--help"],
        ["demo", "--help"],
        ["orders", "show", "--help"],
        ["orders", "create", "--help"],
        ["payments", "list", "--help"],
        ["payments", "show", "--help"],
        ["payments", "capture", "--help"],
        ["payments", "cancel", "--help"],
        ["events", "--help"],
        ["events", "list", "--help"],
        ["events", "show", "--help"],
        ["events", "replay", "--help"],
        ["events", "backfill", "--help"],
        ["webhooks", "--help"],
        ["webhooks", "plan", "--help"],
        ["webhooks", "apply", "--help"],
        ["webhooks", "rotate", "--help"],
        ["serve", "--help"],
        ["simulate", "--help"],
        ["worker", "--help"],
    ],
)
def test_every_command_explains_itself(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == main(words)

    assert capsys.readouterr().out.startswith(f"Usage: markethub {' '.join(words[:-1])}")


@pytest.mark.parametrize(
    "words",
    [
        ["refound"],
        ["payments", "show"],
        ["payments", "list", "--status", "lost"],
        ["payments", "list", "--since", "yesterday"],
        ["payments", "list", "--order", "no spaces"],
        ["payments", "cancel", "pay_1", "--reason", "boredom"],
        ["orders", "create", "no-such-file.json"],
        ["--no-such-option"],
    ],
)
def test_wrong_usage_ends_with_2_and_says_so_on_standard_error(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert 2 == main(words)

    printed = capsys.readouterr()
    assert "" == printed.out
    assert "Error: " in printed.err


@pytest.mark.parametrize("words", [["--json", "refound"], ["--json", "--no-such-option"]])
def test_wrong_usage_with_json_is_one_document(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert 2 == main(words)

    printed = capsys.readouterr()
    assert "wrong_usage" == json.loads(printed.out)["error"]["code"]
    assert "" == printed.err


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in, and no settings."""
    without_settings(monkeypatch, tmp_path)
    with log_restored():
        yield tmp_path


def test_a_wrong_setting_ends_with_5_and_names_the_variable(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MARKETHUB_PORT", "eighty")

    assert 5 == main(["payments", "list"])

    printed = capsys.readouterr()
    assert "" == printed.out
    assert "MARKETHUB_PORT" in printed.err
    assert "eighty" not in printed.err
    assert [] == list(bare.iterdir())


def test_a_wrong_setting_in_the_folders_env_file_is_found(
    bare: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bare / ".env").write_text("DATABASE_URL=mysql://nowhere\n")

    assert 5 == main(["--json", "db", "current"])

    error = json.loads(capsys.readouterr().out)["error"]
    assert "configuration_error" == error["code"]
    assert "DATABASE_URL" in error["message"]


def test_a_crash_ends_with_4_and_its_traceback_goes_to_standard_error(
    bare: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash() -> Container:
        raise RuntimeError("a bug")

    assert 4 == main(["--json", "payments", "list"], compose=crash)

    assert "internal_error" == json.loads(capsys.readouterr().out)["error"]["code"]


def subclasses(kind: type[PaymentsError]) -> Iterator[type[PaymentsError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from subclasses(below)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.Refused, 1),
        (errors.ValidationFailed, 1),
        (errors.AmountTooSmall, 1),
        (errors.InvalidTransition, 1),
        (errors.OrderAlreadyPaid, 1),
        (errors.GatewayRejected, 1),
        (errors.NotFound, 3),
        (errors.RequestInProgress, 4),
        (errors.GatewayUnavailable, 4),
        (errors.CommitUnknown, 4),
        (errors.ConfigurationError, 5),
        (errors.ForeignDatabase, 5),
        (RuntimeError, 4),
    ],
)
def test_the_nearest_class_decides_the_exit_code(kind: type[Exception], code: int) -> None:
    assert code == exit_code(kind.__new__(kind))


def test_no_error_of_the_core_is_taken_for_success_or_wrong_usage() -> None:
    codes = {exit_code(kind.__new__(kind)) for kind in subclasses(PaymentsError)}

    assert {1, 3, 4, 5} == codes
