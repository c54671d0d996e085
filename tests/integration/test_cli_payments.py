"""``markethub payments`` and ``markethub orders``, on SQLite with the simulated account."""

import io
import json
import os
import pwd
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from markethub.domain.usecases.charge_order import ChargeStarted
from markethub.entrypoints.cli import output
from markethub.entrypoints.cli.demo_world import World
from tests.support.faults import Fault
from tests.support.shell import Shell, log_restored

GOOD_CARD = "4242424242424242"


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    with log_restored():
        yield Shell.in_folder(tmp_path, capsys)


def held(shell: Shell, order_id: str = "o-1", total: int = 100_00) -> str:
    """Let a card hold an order's money; return the payment's id."""

    async def story(world: World) -> ChargeStarted:
        await world.register(order_id, total)
        started = await world.charge(order_id, manual_capture=True)
        world.pay(started, GOOD_CARD)
        await world.confirm(started)
        return started

    return shell.happens(story).payment.id


def begun(shell: Shell, order_id: str = "o-1") -> str:
    """Begin a payment that nobody confirms; return its id."""

    async def story(world: World) -> ChargeStarted:
        await world.register(order_id, 50_00)
        return await world.charge(order_id)

    return shell.happens(story).payment.id


def shown(shell: Shell, payment_id: str) -> dict[str, Any]:
    ran = shell.markethub("--json", "payments", "show", payment_id)
    document: dict[str, Any] = json.loads(ran.out)
    return document


# --- looking ----------------------------------------------------------------------------------


def test_a_payment_is_shown_as_over_http(shell: Shell) -> None:
    payment_id = held(shell)

    document = shown(shell, payment_id)

    assert {
        "id": payment_id,
        "order_id": "o-1",
        "customer_id": "ada",
        "status": "authorized",
        "amount": 10000,
        "amount_captured": 0,
        "currency": "usd",
        "available_actions": ["capture", "cancel"],
    }.items() <= document.items()
    assert {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2034} == (
        document["method"]
    )


def test_a_payment_is_shown_to_people_in_major_units(shell: Shell) -> None:
    payment_id = held(shell)

    ran = shell.markethub("payments", "show", payment_id)

    assert 0 == ran.code
    lines = dict(line.split(maxsplit=1) for line in ran.out.splitlines())
    assert "100.00 USD" == lines["amount"]
    assert "authorized" == lines["status"]


@pytest.mark.parametrize("payment_id", ["pay_00000000000000000000000000", "../../etc", "ä"])
def test_an_unknown_payment_ends_with_3(shell: Shell, payment_id: str) -> None:
    ran = shell.markethub("--json", "payments", "show", payment_id)

    assert 3 == ran.code
    assert {"error": {"code": "not_found", "message": "no such payment"}} == json.loads(ran.out)


def test_an_unknown_order_ends_with_3_and_a_sentence(shell: Shell) -> None:
    ran = shell.markethub("orders", "show", "o-404")

    assert (3, "") == (ran.code, ran.out)
    assert "Error: no such order" == ran.err.splitlines()[-1]


def test_payments_are_listed_newest_first(shell: Shell) -> None:
    older, newer = begun(shell, "o-1"), begun(shell, "o-2")

    ran = shell.markethub("--json", "payments", "list")

    assert [newer, older] == [item["id"] for item in json.loads(ran.out)["items"]]


def test_more_payments_than_a_page_holds_are_listed(shell: Shell) -> None:
    async def story(world: World) -> list[str]:
        ids: list[str] = []
        for number in range(53):
            await world.register(f"o-{number}", 50_00)
            ids.append((await world.charge(f"o-{number}")).payment.id)
        return ids

    ids = shell.happens(story)

    ran = shell.markethub("--json", "payments", "list")

    assert ids[::-1] == [item["id"] for item in json.loads(ran.out)["items"]]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--status", "authorized"], ["o-1"]),
        (["--status", "succeeded"], []),
        (["--order", "o-2"], ["o-2"]),
        (["--since", "2026-01-01"], ["o-2", "o-1"]),
        (["--since", "2099-01-01T00:00:00Z"], []),
    ],
)
def test_payments_are_listed_by_what_is_asked(
    shell: Shell, words: list[str], expected: list[str]
) -> None:
    held(shell, "o-1")
    begun(shell, "o-2")

    ran = shell.markethub("--json", "payments", "list", *words)

    assert expected == [item["order_id"] for item in json.loads(ran.out)["items"]]


def test_a_list_for_other_programs_is_separated_by_tabs(shell: Shell) -> None:
    payment_id = begun(shell)

    ran = shell.markethub("payments", "list")

    head, row = ran.out.splitlines()
    assert ["payment", "order", "status", "amount", "captured", "created"] == head.split("\t")
    assert [payment_id, "o-1", "requires_payment_method", "50.00 USD", "0.00 USD"] == (
        row.split("\t")[:5]
    )


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_list_on_a_terminal_is_a_table_that_shows_brackets_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)

    output.print_table(("sku",), [("[bold]tea[/bold]",)])

    assert "┃" in terminal.getvalue()
    assert "[bold]tea[/bold]" in terminal.getvalue()


# --- capturing --------------------------------------------------------------------------------


def test_capture_takes_all_that_is_held(shell: Shell) -> None:
    payment_id = held(shell)

    ran = shell.markethub("--json", "payments", "capture", payment_id)

    document = json.loads(ran.out)
    assert (0, "succeeded", 10000) == (ran.code, document["status"], document["amount_captured"])


def test_capture_takes_a_part_typed_in_major_units(shell: Shell) -> None:
    payment_id = held(shell)

    ran = shell.markethub("--json", "payments", "capture", payment_id, "--amount", "60.50")

    assert (0, 6050) == (ran.code, json.loads(ran.out)["amount_captured"])


@pytest.mark.parametrize("amount", ["10.001", "1e3", "-5", "NaN", "10,00", "", "٣"])
def test_an_amount_that_the_currency_cannot_have_is_wrong_usage(shell: Shell, amount: str) -> None:
    payment_id = held(shell)

    ran = shell.markethub("payments", "capture", payment_id, "--amount", amount)

    assert (2, "") == (ran.code, ran.out)
    assert "authorized" == shown(shell, payment_id)["status"]


@pytest.mark.parametrize("amount", ["100.01", "0", "0.00"])
def test_more_or_less_than_can_be_taken_is_refused(shell: Shell, amount: str) -> None:
    payment_id = held(shell)

    ran = shell.markethub("--json", "payments", "capture", payment_id, "--amount", amount)

    assert (1, "validation_failed") == (ran.code, json.loads(ran.out)["error"]["code"])
    assert "authorized" == shown(shell, payment_id)["status"]


def test_a_payment_that_holds_nothing_cannot_be_captured(shell: Shell) -> None:
    payment_id = begun(shell)

    ran = shell.markethub("--json", "payments", "capture", payment_id)

    assert (1, "invalid_transition") == (ran.code, json.loads(ran.out)["error"]["code"])


def test_a_lost_reply_ends_with_4_and_the_repetition_finds_it_done_once(shell: Shell) -> None:
    payment_id = held(shell)
    shell.faults.append(Fault.LOST_REPLY)

    lost = shell.markethub("--json", "payments", "capture", payment_id, "--amount", "60.00")
    again = shell.markethub("--json", "payments", "capture", payment_id, "--amount", "60.00")

    assert (4, "gateway_unavailable") == (lost.code, json.loads(lost.out)["error"]["code"])
    assert (0, 6000) == (again.code, json.loads(again.out)["amount_captured"])


# --- canceling --------------------------------------------------------------------------------


def test_cancel_releases_the_card_and_leaves_the_order_open(shell: Shell) -> None:
    payment_id = held(shell)

    ran = shell.markethub("--json", "payments", "cancel", payment_id, "--reason", "abandoned")

    assert (0, "canceled") == (ran.code, json.loads(ran.out)["status"])
    order = json.loads(shell.markethub("--json", "orders", "show", "o-1").out)
    assert "open" == order["status"]


def test_a_captured_payment_cannot_be_canceled(shell: Shell) -> None:
    payment_id = held(shell)
    shell.markethub("payments", "capture", payment_id)

    ran = shell.markethub("payments", "cancel", payment_id)

    assert (1, "") == (ran.code, ran.out)
    assert "Error: a payment that is succeeded has no cancel" == ran.err.splitlines()[-1]


# --- who acts ---------------------------------------------------------------------------------


def actors(log: str) -> list[str]:
    return [entry["actor"] for entry in map(json.loads, log.splitlines()) if "actor" in entry]


def test_the_log_names_the_actor_that_was_given(shell: Shell) -> None:
    shell.settings = attrs.evolve(shell.settings, actor="set", log_format="json")
    payment_id = held(shell)

    ran = shell.markethub("--json", "payments", "cancel", payment_id, "--actor", "grace")

    assert ["grace"] == actors(ran.err)


def test_the_log_names_the_actor_of_the_settings(shell: Shell) -> None:
    shell.settings = attrs.evolve(shell.settings, actor="set", log_format="json")
    payment_id = held(shell)

    ran = shell.markethub("--json", "payments", "capture", payment_id)

    assert ["set"] == actors(ran.err)


def test_the_log_names_the_systems_user_where_no_actor_is_known(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")  # which anybody may say
    shell.settings = attrs.evolve(shell.settings, log_format="json")
    payment_id = held(shell)

    ran = shell.markethub("--json", "payments", "capture", payment_id)

    assert [pwd.getpwuid(os.getuid()).pw_name] == actors(ran.err)


# --- whose database ---------------------------------------------------------------------------


def test_a_database_of_another_account_is_refused_with_5(shell: Shell, tmp_path: Path) -> None:
    payment_id = held(shell)
    for file in tmp_path.glob("*.fake-stripe*"):
        file.unlink()

    ran = shell.markethub("--json", "payments", "capture", payment_id)

    assert (5, "foreign_database") == (ran.code, json.loads(ran.out)["error"]["code"])
