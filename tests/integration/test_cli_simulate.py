"""``markethub simulate``: the seed decides, failures are told so that they can be seen again."""

import json
from pathlib import Path

import pytest

from markethub.entrypoints.cli.root import main
from markethub.entrypoints.simulation.bugs import BUGS
from markethub.entrypoints.simulation.campaign import Lost, campaign
from markethub.entrypoints.simulation.faults import Fault
from markethub.entrypoints.simulation.plan import Plan

OFTEN = "fee_twice"
"""A planted mistake that most histories trip over."""
SELDOM = "key_age_ignored"
"""One that the first does not."""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_clean_run_says_how_much_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["simulate", "--seeds", "4", "--from-seed", "100", "--jobs", "1"])

    printed = capsys.readouterr().out
    assert printed.startswith("4 histories in ")
    assert printed.endswith("\n0 violations\n")


def test_a_run_can_be_read_by_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["--json", "simulate", "--seeds", "2", "--jobs", "1"])

    document = json.loads(capsys.readouterr().out)
    assert 2 == document["histories"]
    assert {} == document["violations"]
    assert set(document["faults"]) <= {fault.value for fault in Fault}


def test_one_seed_is_told_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["simulate", "--seed", "12", "--only", "webhooks"])

    printed = capsys.readouterr().out
    assert printed.startswith("seed 12, webhooks, memory, digest ")
    assert "--- the faults stop" in printed


def test_the_same_seed_is_told_in_the_same_words(capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for _ in range(2):
        assert 0 == main(["simulate", "--seed", "13"])
        told.append(capsys.readouterr().out)

    assert told[0] == told[1]


def test_what_failed_is_made_small_and_can_be_seen_again(
    capsys: pytest.CaptureFixture[str], elsewhere: Path
) -> None:
    # Exit code 1: an invariant did not hold.
    assert 1 == main(["simulate", "--seeds", "3", "--bug", OFTEN, "--jobs", "1"])

    printed = capsys.readouterr().out
    (kept,) = elsewhere.glob("*.json")
    again = next(line for line in printed.splitlines() if line.startswith("To see it again: "))
    assert f"Written to {kept.name}" in printed
    assert 1 == main(again.removeprefix("To see it again: markethub ").split())
    assert "I5 at " in capsys.readouterr().out
    assert 1 == main(["simulate", "--plan", kept.name])
    assert "I5 at " in capsys.readouterr().out
    assert len(Plan.from_json(kept.read_bytes()).clicks) <= 2


def test_power_says_how_soon_a_mistake_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["simulate", "--power", "--bug", OFTEN, "--seeds", "50", "--jobs", "1"])

    assert f"| `{OFTEN}` |" in capsys.readouterr().out


def test_a_mistake_that_is_not_found_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert 1 == main(["simulate", "--power", "--bug", SELDOM, "--seeds", "1", "--jobs", "1"])

    assert "none in 1" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--bug", "no such"], ["--only", "no such"], ["--seeds", "0"]])
def test_what_it_does_not_know_is_refused(words: list[str]) -> None:
    assert 2 == main(["simulate", *words])


def test_twenty_mistakes_and_more_can_be_planted() -> None:
    assert len(BUGS) >= 20


def test_however_many_processes_the_tally_is_the_same() -> None:
    alone = campaign(range(25), jobs=1)

    assert alone == campaign(range(25), jobs=2)
    assert 25 == alone.histories


def test_the_death_of_a_process_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")  # no interpreter starts like this

    with pytest.raises(Lost):
        campaign(range(3), jobs=1)
