"""``markethub recover``: what was left behind is finished, and what is still unknown is said."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from markethub.domain.errors import GatewayUnavailable
from markethub.entrypoints.cli.demo_world import World
from tests.support.faults import Fault
from tests.support.shell import Shell, log_restored
from tests.support.world import ManualClock


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    with log_restored():
        shell = Shell.in_folder(tmp_path, capsys)
        shell.clock = ManualClock(datetime.now(UTC))
        yield shell


def left_behind(shell: Shell, *orders: str, seconds: float) -> None:
    """Let the requests of charges be lost, so long ago."""
    shell.faults += [Fault.LOST_REQUEST] * len(orders)

    async def story(world: World) -> None:
        for order_id in orders:
            await world.register(order_id, 50_00)
            with pytest.raises(GatewayUnavailable):
                await world.charge(order_id)

    shell.happens(story)
    assert isinstance(shell.clock, ManualClock)
    shell.clock.advance(seconds=seconds)


def recovered(shell: Shell, *options: str) -> tuple[int, dict[str, Any]]:
    ran = shell.markethub("--json", "recover", *options)
    document: dict[str, Any] = json.loads(ran.out)
    return ran.code, document


def statuses(shell: Shell) -> list[str]:
    ran = shell.markethub("--json", "payments", "list")
    return [payment["status"] for payment in json.loads(ran.out)["items"]]


@pytest.mark.parametrize("options", [(), ("--once",)])
def test_it_finishes_what_was_lost(shell: Shell, options: tuple[str, ...]) -> None:
    left_behind(shell, "o-1", "o-2", seconds=10)

    code, document = recovered(shell, *options)

    assert (0, 2, 0) == (code, document["resolved"], document["unresolved"])
    assert ["requires_payment_method"] * 2 == statuses(shell)


def test_it_does_not_wait_for_the_next_turn(shell: Shell) -> None:
    left_behind(shell, "o-1", seconds=10)
    shell.faults.append(Fault.LOST_REQUEST)
    first, second = recovered(shell, "--once"), recovered(shell, "--once")

    assert (4, 0, 1) == (first[0], first[1]["resolved"], first[1]["unresolved"])
    assert (0, 1, 0) == (second[0], second[1]["resolved"], second[1]["unresolved"])


def test_it_exits_with_4_while_an_outcome_is_unknown(shell: Shell) -> None:
    left_behind(shell, "o-1", "o-2", seconds=10)
    shell.faults += [Fault.LOST_REQUEST] * 9

    code, document = recovered(shell)

    assert (4, 0, 2) == (code, document["resolved"], document["unresolved"])
    assert ["pending"] * 2 == statuses(shell)


def test_what_a_request_has_just_begun_is_left_to_it(shell: Shell) -> None:
    left_behind(shell, "o-1", seconds=9)

    code, document = recovered(shell)

    assert (0, 0, 0) == (code, document["resolved"], document["unresolved"])
    assert ["pending"] == statuses(shell)


def test_people_are_told_in_words(shell: Shell) -> None:
    left_behind(shell, "o-1", seconds=10)

    ran = shell.markethub("recover")

    assert 0 == ran.code
    told = dict(line.rsplit(maxsplit=1) for line in ran.out.splitlines())
    assert ("1", "0") == (told["resolved"], told["still unknown"])
