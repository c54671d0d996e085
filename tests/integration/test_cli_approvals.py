"""``markethub approvals``, on SQLite with the simulated account."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from markethub.domain.approval import ApprovalLimit
from markethub.domain.money import Money
from markethub.entrypoints.cli.demo import GOOD_CARD
from markethub.entrypoints.cli.demo_world import World
from tests.support.shell import Ran, Shell, log_restored


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    with log_restored():
        shell = Shell.in_folder(tmp_path, capsys)
        limit = ApprovalLimit({"usd": Money.of(2000, "usd")})
        shell.settings = attrs.evolve(shell.settings, refund_approval_limit=limit)
        yield shell


def paid(shell: Shell) -> str:
    async def story(world: World) -> str:
        await world.register("o-1", 50_00)
        started = await world.charge("o-1")
        world.pay(started, GOOD_CARD)
        return str((await world.confirm(started)).payment.id)

    return shell.happens(story)


def refund(shell: Shell, payment: str, *words: str) -> Ran:
    return shell.markethub(
        "--json", "refund", "--payment-id", payment, "--amount", "30.00", "--actor", "ada", *words
    )


def document(ran: Ran) -> Any:
    return json.loads(ran.out)


def test_too_much_for_one_person_names_what_waits(shell: Shell) -> None:
    ran = refund(shell, paid(shell))

    error = document(ran)["error"]
    assert (1, "approval_required") == (ran.code, error["code"])
    assert error["approval_id"] in shell.markethub("approvals", "list").out
    assert error["approval_id"] in error["message"]


def test_another_agrees_and_the_money_is_given_back(shell: Shell) -> None:
    waiting = document(refund(shell, paid(shell)))["error"]["approval_id"]
    alone = shell.markethub("approvals", "approve", waiting, "--actor", "ada")
    agreed = shell.markethub(
        "--json", "approvals", "approve", waiting, "--actor", "bob", "--why", "seen it"
    )

    assert 1 == alone.code
    assert (0, "approved", "bob", "seen it") == (
        agreed.code,
        document(agreed)["status"],
        document(agreed)["decided_by"],
        document(agreed)["why"],
    )
    [made] = document(shell.markethub("--json", "refunds", "list"))["items"]
    assert (document(agreed)["refund_id"], 3000) == (made["id"], made["amount"])


def test_another_refuses(shell: Shell) -> None:
    waiting = document(refund(shell, paid(shell)))["error"]["approval_id"]
    rejected = shell.markethub("approvals", "reject", waiting, "--actor", "bob")

    assert 0 == rejected.code
    assert "rejected" in shell.markethub("approvals", "show", waiting).out
    assert [] == document(shell.markethub("--json", "refunds", "list"))["items"]


@pytest.mark.parametrize("id", ["apr_none", "no id at all"])
@pytest.mark.parametrize("verb", ["show", "approve", "reject"])
def test_what_never_waited_is_not_found(shell: Shell, verb: str, id: str) -> None:
    assert 3 == shell.markethub("approvals", verb, id).code
