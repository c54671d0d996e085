"""The table of what is found, and how soon."""

from pathlib import Path

import pytest

from markethub.entrypoints.simulation import power
from markethub.entrypoints.simulation.power import Power


def test_a_planted_mistake_is_looked_for_until_it_was_found_often_enough() -> None:
    row = power.measured("fee_twice", enough=2)

    assert row.found == 2
    assert row.histories < 20
    assert row.first_seed is not None
    assert "I5" in row.invariants


def test_a_mistake_that_is_not_found_costs_the_budget() -> None:
    row = power.measured("fee_twice", budget=0)

    assert row == Power(bug="fee_twice", histories=0, found=0, first_seed=None, invariants=())


ROWS = (
    Power(bug="key_age_ignored", histories=2000, found=0, first_seed=None, invariants=()),
    Power(bug="fee_twice", histories=8, found=5, first_seed=1, invariants=("I5", "I4")),
)


def test_the_table_names_what_is_found_first() -> None:
    _, _, first, last = power.table(ROWS)

    assert first.startswith("| `fee_twice` |")
    assert first.endswith("| both | 62.5 | 1 | I5, I4 |")
    assert last.endswith("| recovery | none in 2,000 |  |  |")


def test_the_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    document = tmp_path / "simulation.md"
    document.write_text(f"before\n{power.BEGIN}\nold\n{power.END}\nafter\n", encoding="utf-8")
    power.write_table(document, ROWS)

    assert "old" not in document.read_text(encoding="utf-8")
    assert document.read_text(encoding="utf-8").startswith(f"before\n{power.BEGIN}\n\n| planted")
    assert document.read_text(encoding="utf-8").endswith(f"|\n\n{power.END}\nafter\n")


def test_a_document_without_a_place_for_it_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "simulation.md"
    document.write_text("nothing here\n", encoding="utf-8")

    with pytest.raises(ValueError, match="no place for the table"):
        power.write_table(document, ROWS)


OFTEN = (
    "ack_before_durable",
    "authorized_is_paid",
    "closing_moves_money",
    "dead_at_once",
    "fee_twice",
    "id_per_attempt",
    "known_by_subject",
    "last_event_wins",
    "mark_before_effect",
    "marked_before_told",
    "unreadable_dropped",
)
"""What strikes at least one history in ten. The others are for ``--power``."""


@pytest.mark.parametrize("bug", OFTEN)
def test_a_mistake_that_strikes_often_is_found_soon(bug: str) -> None:
    assert power.measured(bug, budget=60, enough=1).found == 1
