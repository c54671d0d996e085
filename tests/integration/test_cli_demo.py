"""``markethub demo``: the whole story, told and checked."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from markethub.entrypoints.cli import main
from markethub.entrypoints.cli.demo_world import World
from tests.support.shell import log_restored, without_settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in, which holds the temporary files too."""
    without_settings(monkeypatch, tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with log_restored():
        yield tmp_path


def test_the_demo_ends_well_and_leaves_nothing_behind(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 0 == main(["demo"])

    printed = capsys.readouterr()
    assert "" == printed.err
    assert "WRONG" not in printed.out
    assert "11. The books are compared" in printed.out
    assert [] == list(folder.iterdir())


def test_the_demo_does_not_touch_the_database_that_is_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{folder / 'real.db'}")

    assert 0 == main(["demo"])

    assert [] == list(folder.iterdir())


def test_the_demo_as_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["--json", "demo"])

    document = json.loads(capsys.readouterr().out)
    assert document["ok"]
    assert [] == [step for step in document["steps"] if not step["ok"]]
    assert {"charge": 8, "fee": 8, "refund": 2, "refund_returned": 1, "dispute_reinstated": 1} == {
        kind: sum(entry["kind"] == kind for entry in document["ledger"])
        for kind in ("charge", "fee", "refund", "refund_returned", "dispute_reinstated")
    }


def test_the_demo_ends_with_1_when_a_step_goes_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pay = World.pay

    def always_declined(self: World, started: object, card: str) -> int:
        return pay(self, started, "4000000000000002")  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(World, "pay", always_declined)

    assert 1 == main(["demo"])

    assert "WRONG  the browser's card: 402, and should be 200" in capsys.readouterr().out
