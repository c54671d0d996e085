"""``markethub db`` on both databases."""

import json
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.shell import Shell, log_restored


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in a folder of the test's own: with PostgreSQL the account lies in that."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def shell(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    url = (
        f"sqlite:///{tmp_path / 'shop.db'}"
        if request.param == "sqlite"
        else request.getfixturevalue("empty_postgres_url")
    )
    with log_restored():
        yield Shell(capsys, Settings(database=Database(url=url)))


def test_a_fresh_database_has_no_revision(shell: Shell) -> None:
    ran = shell.markethub("--json", "db", "current")

    assert 0 == ran.code
    assert {"revision": None, "is_current": False} == json.loads(ran.out)


def test_upgrade_makes_the_schema_current_and_again_changes_nothing(shell: Shell) -> None:
    first = shell.markethub("--json", "db", "upgrade")
    again = shell.markethub("--json", "db", "upgrade")
    now = shell.markethub("--json", "db", "current")

    assert (0, 0) == (first.code, again.code)
    assert json.loads(first.out)["is_current"]
    assert json.loads(first.out) == json.loads(again.out) == json.loads(now.out)


def test_upgrade_tells_people_the_revision(shell: Shell) -> None:
    shell.markethub("db", "upgrade")

    ran = shell.markethub("db", "current")

    assert ["revision", "current"] == [line.split()[0] for line in ran.out.splitlines()]
    assert ran.out.splitlines()[1].endswith("yes")


def test_a_database_of_the_other_mode_is_not_migrated(shell: Shell) -> None:
    if shell.settings.database.is_embedded:
        shell.markethub("payments", "list")
    else:
        shell.markethub("db", "upgrade")
        shell.markethub("payments", "list")
    shell.settings = attrs.evolve(shell.settings, mode="live")

    ran = shell.markethub("--json", "db", "upgrade")

    assert (5, "foreign_database") == (ran.code, json.loads(ran.out)["error"]["code"])


def test_commands_refuse_a_postgresql_that_is_not_upgraded(
    empty_postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with log_restored():
        ran = Shell(capsys, Settings(database=Database(url=empty_postgres_url))).markethub(
            "payments", "list"
        )

    assert (5, "") == (ran.code, ran.out)
    assert ran.err.endswith("run `markethub db upgrade`\n")


def test_a_database_out_of_reach_ends_with_5_and_one_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = "postgresql://nobody:hidden@127.0.0.1:1/nowhere"
    with log_restored():
        ran = Shell(capsys, Settings(database=Database(url=url))).markethub("payments", "list")

    assert (5, "") == (ran.code, ran.out)
    assert ran.err.startswith("Error: DATABASE_URL: ")
    assert 1 == len(ran.err.splitlines())
    assert "hidden" not in ran.err
