"""``markethub disputes``, on SQLite, against a bank that disputes a charge."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from markethub.domain.operation import KEY_LIFE
from markethub.domain.payment import Payment
from markethub.entrypoints.cli.demo_world import World
from tests.support.bank import Bank, dispute_object, movement
from tests.support.disputed import PDF
from tests.support.faults import Fault
from tests.support.shell import Shell, log_restored
from tests.support.stripe_objects import event
from tests.support.world import ManualClock

GOOD_CARD = "4242424242424242"
WEEK_S = 7 * 24 * 3600


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    with log_restored():
        yield Shell.in_folder(tmp_path, capsys)


@pytest.fixture
def bank(shell: Shell) -> Bank:
    shell.desk = bank = Bank()
    return bank


def disputed(shell: Shell, bank: Bank, id: str = "dp_1", **changes: Any) -> str:
    """Let the bank dispute the charge of a paid order; return our dispute's id."""

    async def story(world: World) -> Payment:
        await world.register(f"o-{id}", 50_00)
        started = await world.charge(f"o-{id}")
        world.pay(started, GOOD_CARD)
        return (await world.confirm(started)).payment

    payment = shell.happens(story)
    details = {"due_by": int(time.time()) + WEEK_S, "submission_count": 0}
    about = {"charge": payment.charge_id, "payment_intent": payment.intent_id}
    taken = movement(f"txn_{id}", -5000, fee=1500)
    shown = {"balance_transactions": [taken], "evidence_details": details, **about, **changes}
    bank.put(dispute_object(id, **shown))
    shell.hears(event(bank.disputes[id], "charge.dispute.created", id=f"evt_{id}"))
    listed = _json(shell, "disputes", "list", "--payment", payment.id)
    found: str = listed["items"][0]["id"]
    return found


def _json(shell: Shell, *words: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(shell.markethub("--json", *words).out)
    return document


def fields_file(folder: Path, content: object) -> str:
    path = folder / "evidence.json"
    path.write_text(json.dumps(content))
    return str(path)


def test_a_dispute_is_shown_as_over_http(shell: Shell, bank: Bank) -> None:
    dispute_id = disputed(shell, bank)

    document = _json(shell, "disputes", "show", dispute_id)

    assert {
        "id": dispute_id,
        "order_id": "o-dp_1",
        "status": "needs_response",
        "amount": 5000,
        "amount_withdrawn": 5000,
        "fees": {"usd": 1500},
    }.items() <= document.items()


def test_a_dispute_is_shown_to_people_in_major_units(shell: Shell, bank: Bank) -> None:
    dispute_id = disputed(shell, bank)

    ran = shell.markethub("disputes", "show", dispute_id)

    assert ["withdrawn", "50.00", "USD"] in [line.split() for line in ran.out.splitlines()]


def test_payment_and_order_show_what_is_in_dispute(shell: Shell, bank: Bank) -> None:
    dispute = _json(shell, "disputes", "show", disputed(shell, bank))

    payment = shell.markethub("payments", "show", dispute["payment_id"]).out
    order = shell.markethub("orders", "show", dispute["order_id"]).out

    in_dispute = ["in", "dispute", "50.00", "USD"]
    assert in_dispute in [line.split() for line in payment.splitlines()]
    assert ["chargeback", "open"] in [line.split() for line in payment.splitlines()]
    assert in_dispute in [line.split() for line in order.splitlines()]


def test_disputes_are_listed_by_status(shell: Shell, bank: Bank) -> None:
    open_id = disputed(shell, bank)
    disputed(shell, bank, "dp_2", status="won")

    ran = shell.markethub("disputes", "list", "--status", "needs_response")

    _, row = ran.out.splitlines()
    assert [open_id, "needs_response", "fraudulent", "50.00 USD"] == [
        row.split("\t")[column] for column in (0, 2, 3, 4)
    ]


def test_evidence_is_drafted_attached_and_submitted(
    shell: Shell, bank: Bank, tmp_path: Path
) -> None:
    dispute_id = disputed(shell, bank)
    texts = fields_file(tmp_path, {"uncategorized_text": "it was sent"})
    receipt = tmp_path / "receipt.pdf"
    receipt.write_bytes(PDF)

    drafted = _json(
        shell,
        "disputes",
        "evidence",
        dispute_id,
        "--file",
        texts,
        "--attach",
        f"receipt={receipt}",
    )
    submitted = _json(shell, "disputes", "submit", dispute_id)

    evidence = {"uncategorized_text": "it was sent", "receipt": "file_1"}
    [(request, _)] = bank.executed
    assert evidence == drafted["evidence"] == request.params["evidence"]
    assert ("under_review", 1) == (submitted["status"], submitted["submission_count"])


def test_a_dispute_is_accepted_and_the_log_names_who_did(shell: Shell, bank: Bank) -> None:
    dispute_id = disputed(shell, bank)

    ran = shell.markethub("--json", "disputes", "accept", dispute_id, "--actor", "ann")

    assert (0, "lost") == (ran.code, json.loads(ran.out)["status"])
    assert "dispute.accept_asked" in ran.err
    assert "ann" in ran.err


def test_what_the_rules_refuse_ends_with_1(shell: Shell, bank: Bank) -> None:
    dispute_id = disputed(shell, bank, status="under_review")

    assert 1 == shell.markethub("disputes", "accept", dispute_id).code
    assert 1 == shell.markethub("disputes", "submit", dispute_id).code


def test_an_unknown_outcome_ends_with_4_and_the_repetition_finds_it_done_once(
    shell: Shell, bank: Bank, tmp_path: Path
) -> None:
    dispute_id = disputed(shell, bank)
    texts = fields_file(tmp_path, {"uncategorized_text": "it was sent"})
    shell.markethub("disputes", "evidence", dispute_id, "--file", texts)
    bank.faults = [Fault.LOST_REPLY]

    unknown = shell.markethub("disputes", "submit", dispute_id)
    known = shell.markethub("disputes", "submit", dispute_id)

    assert (4, 0, 1) == (unknown.code, known.code, len(bank.executed))


def test_a_submission_that_never_happened_in_time_ends_with_1_and_can_be_asked_for_anew(
    shell: Shell, bank: Bank, tmp_path: Path
) -> None:
    shell.clock = clock = ManualClock(datetime.now(UTC))
    dispute_id = disputed(shell, bank)
    texts = fields_file(tmp_path, {"uncategorized_text": "it was sent"})
    shell.markethub("disputes", "evidence", dispute_id, "--file", texts)
    bank.faults = [Fault.LOST_REQUEST]
    shell.markethub("disputes", "submit", dispute_id)
    clock.advance(seconds=KEY_LIFE.total_seconds() + 1)

    late = shell.markethub("disputes", "submit", dispute_id)
    anew = _json(shell, "disputes", "submit", dispute_id)

    assert (1, 1) == (late.code, anew["submission_count"])


@pytest.mark.parametrize("dispute_id", ["dsp_none", "../x", ""])
def test_an_unknown_dispute_ends_with_3(shell: Shell, bank: Bank, dispute_id: str) -> None:
    for command in ("show", "submit", "accept"):
        assert 3 == shell.markethub("disputes", command, dispute_id).code
    assert [] == bank.executed


@pytest.mark.parametrize(
    "content", [["a list"], {"uncategorized_text": 1}, {"customer_name": "4242 4242 4242 4242"}]
)
def test_a_file_that_holds_no_texts_is_wrong_usage(
    shell: Shell, bank: Bank, tmp_path: Path, content: object
) -> None:
    dispute_id = disputed(shell, bank)

    ran = shell.markethub(
        "disputes", "evidence", dispute_id, "--file", fields_file(tmp_path, content)
    )

    assert 2 == ran.code


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="nothing"),
        pytest.param(["--attach", "selfie=x.pdf"], id="an unknown field"),
        pytest.param(["--attach", "receipt=missing.pdf"], id="a missing file"),
    ],
)
def test_evidence_without_anything_usable_is_wrong_usage(
    shell: Shell, bank: Bank, words: list[str]
) -> None:
    dispute_id = disputed(shell, bank)

    assert 2 == shell.markethub("disputes", "evidence", dispute_id, *words).code


def test_a_field_that_stripe_does_not_know_is_refused_with_1(
    shell: Shell, bank: Bank, tmp_path: Path
) -> None:
    dispute_id = disputed(shell, bank)

    texts = fields_file(tmp_path, {"selfie": "x"})

    assert 1 == shell.markethub("disputes", "evidence", dispute_id, "--file", texts).code
