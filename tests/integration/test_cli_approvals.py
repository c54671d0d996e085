"""``markethub approvals``, on SQLite with the simulated account."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from markethub.domain.approval import ApprovalLimit
from markethub.domain.money import Money
from markethub.domain.secret import Secret
from markethub.entrypoints.cli.demo import GOOD_CARD
from markethub.entrypoints.cli.demo_world import World
from markethub.entrypoints.setting_values import OpsKey, Role
from tests.support.shell import Ran, Shell, log_restored


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    with log_restored():
        shell = Shell.in_folder(tmp_path, capsys)
        limit = ApprovalLimit({"usd": Money.of(2000, "usd")})
        keys = (
            OpsKey(name="ada", role=Role.REFUNDER, secret=Secret("adas-key")),
            OpsKey(name="bob", role=Role.ADMIN, secret=Secret("bobs-key")),
            OpsKey(name="sue", role=Role.SUPPORT, secret=Secret("sues-key")),
        )
        shell.settings = attrs.evolve(shell.settings, refund_approval_limit=limit, ops_keys=keys)
        yield shell


def sits_down(shell: Shell, key: str | None) -> None:
    """Let whoever has that key, or nobody's, type the next commands."""
    shell.settings = attrs.evolve(shell.settings, ops_key=None if key is None else Secret(key))


def paid(shell: Shell) -> str:
    async def story(world: World) -> str:
        await world.register("o-1", 50_00)
        started = await world.charge("o-1")
        world.pay(started, GOOD_CARD)
        return str((await world.confirm(started)).payment.id)

    return shell.happens(story)


def refund(shell: Shell, payment: str, *words: str, key: str | None = "adas-key") -> Ran:
    sits_down(shell, key)
    return shell.markethub("--json", "refund", "--payment-id", payment, "--amount", "30.00", *words)


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
    alone = shell.markethub("approvals", "approve", waiting)
    sits_down(shell, "bobs-key")
    agreed = shell.markethub("--json", "approvals", "approve", waiting, "--why", "seen it")

    assert 1 == alone.code
    assert (0, "approved", "bob", "seen it") == (
        agreed.code,
        document(agreed)["status"],
        document(agreed)["decided_by"],
        document(agreed)["why"],
    )
    [made] = document(shell.markethub("--json", "refunds", "list"))["items"]
    assert (document(agreed)["refund_id"], 3000) == (made["id"], made["amount"])


@pytest.mark.parametrize("key", [None, "sues-key"])
def test_a_name_is_no_second_person_nor_is_a_key_that_may_not_refund(
    shell: Shell, key: str | None
) -> None:
    waiting = document(refund(shell, paid(shell)))["error"]["approval_id"]
    sits_down(shell, key)
    words = ("--actor", "bob") if key is None else ()
    said = shell.markethub("--json", "approvals", "approve", waiting, *words)

    assert (1, "second_person_required") == (said.code, document(said)["error"]["code"])
    assert [] == document(shell.markethub("--json", "refunds", "list"))["items"]


def test_a_name_asks_for_nothing_that_another_has_to_agree_to(shell: Shell) -> None:
    payment = paid(shell)
    said = refund(shell, payment, "--actor", "ada", key=None)
    small = shell.markethub("--json", "refund", "--payment-id", payment, "--amount", "20.00")

    assert (1, "second_person_required") == (said.code, document(said)["error"]["code"])
    assert (0, 2000) == (small.code, document(small)["amount"])


def test_a_dry_run_says_that_another_has_to_agree(shell: Shell) -> None:
    words = ("refund", "--payment-id", paid(shell), "--dry-run", "--amount")

    assert "second person  has to agree" in shell.markethub(*words, "20.01").out
    assert "second person" not in shell.markethub(*words, "20.00").out


def test_who_has_a_key_acts_under_its_name_alone(shell: Shell) -> None:
    ran = refund(shell, paid(shell), "--actor", "bob")

    assert (2, "wrong_usage") == (ran.code, document(ran)["error"]["code"])


def test_another_refuses(shell: Shell) -> None:
    waiting = document(refund(shell, paid(shell)))["error"]["approval_id"]
    sits_down(shell, "bobs-key")
    rejected = shell.markethub("approvals", "reject", waiting)

    assert 0 == rejected.code
    assert "rejected" in shell.markethub("approvals", "show", waiting).out
    assert [] == document(shell.markethub("--json", "refunds", "list"))["items"]


@pytest.mark.parametrize("id", ["apr_none", "no id at all"])
@pytest.mark.parametrize("verb", ["show", "approve", "reject"])
def test_what_never_waited_is_not_found(shell: Shell, verb: str, id: str) -> None:
    assert 3 == shell.markethub("approvals", verb, id).code
