"""``markethub audit``, and what the other commands write down."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from markethub.domain.audit import Act, AuditAction
from markethub.entrypoints.container import Container
from tests.support.shell import Shell, log_restored


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    with log_restored():
        yield Shell.in_folder(tmp_path, capsys)


def audit(shell: Shell, *words: str) -> list[dict[str, Any]]:
    ran = shell.markethub("--json", "audit", *words)
    assert 0 == ran.code
    return list(json.loads(ran.out))


def record(shell: Shell, *actors: str) -> None:
    async def story(container: Container) -> None:
        for actor in actors:
            await container.record_audit()(
                Act(actor=actor, reason="a reason"),
                AuditAction.CONSOLE_EXPORT,
                subject="payments",
                detail={"rows": "7"},
            )

    shell.within(story)


def test_an_empty_log_is_a_table_without_rows(shell: Shell) -> None:
    ran = shell.markethub("audit")

    assert (0, "at\tactor\tfrom\taction\tof\twhy\tdetail\n") == (ran.code, ran.out)


def test_lines_are_shown_the_last_first(shell: Shell) -> None:
    record(shell, "ada", "bob")

    [header, last, first] = shell.markethub("audit").out.splitlines()
    assert ["bob", "api", "console.export", "payments", "a reason", "rows 7"] == (
        last.split("\t")[1:]
    )
    assert "ada" == first.split("\t")[1]
    assert header.startswith("at")


def test_a_reason_is_no_line_of_its_own_and_commands_no_terminal(shell: Shell) -> None:
    forged = "ok\n2026-11-02\tbob\tcli\x1b[2J\u202e"
    act = Act(actor="ada", reason=forged)
    shell.within(lambda container: container.record_audit()(act, AuditAction.KEYS_ROTATE))
    ran = shell.markethub("audit")

    assert [r"ok\n2026-11-02\tbob\tcli\x1b[2J\u202e"] == [
        line.split("\t")[5] for line in ran.out.splitlines()[1:]
    ]
    assert forged == audit(shell)[0]["reason"]


def test_lines_are_chosen(shell: Shell) -> None:
    record(shell, "ada", "bob", "ada")

    assert ["ada", "ada"] == [line["actor"] for line in audit(shell, "--actor", "ada")]
    assert ["ada"] == [line["actor"] for line in audit(shell, "--limit", "1")]
    assert [] == audit(shell, "--action", "keys.rotate")
    assert [] == audit(shell, "--subject", "refunds")
    assert 3 == len(audit(shell, "--since", "1h"))


def test_more_lines_than_a_page_are_listed(shell: Shell) -> None:
    record(shell, *("ada" for _ in range(105)))

    assert 105 == len(audit(shell, "--limit", "200"))


@pytest.mark.parametrize("option", ["--why", "--actor"])
def test_a_card_number_is_no_reason_and_no_name(shell: Shell, option: str) -> None:
    ran = shell.markethub("keys", "rotate", option, "4242 4242 4242 4242")

    assert (2, []) == (ran.code, audit(shell))
    assert "4242 4242" not in ran.err


def test_an_order_that_staff_create_is_written_down_with_who_and_why(
    shell: Shell, tmp_path: Path
) -> None:
    order = {
        "id": "o-9",
        "customer_id": "c-1",
        "currency": "usd",
        "lines": [{"sku": "tea", "title": "Tea", "unit_price": 2500, "quantity": 2}],
    }
    file = tmp_path / "order.json"
    file.write_text(json.dumps(order))
    words = ("orders", "create", str(file), "--actor", "ada", "--why", "by phone")

    assert 0 == shell.markethub(*words).code
    assert [("ada", "order.register", "o-9", "by phone")] == [
        (line["actor"], line["action"], line["subject"], line["reason"]) for line in audit(shell)
    ]


def test_commands_of_operators_are_written_down_with_who_gave_them(shell: Shell) -> None:
    assert 0 == shell.markethub("events", "backfill", "--since", "1d", "--actor", "ada").code
    assert 0 == shell.markethub("keys", "rotate", "--actor", "bob").code

    assert [("bob", "cli", "keys.rotate"), ("ada", "cli", "event.backfill")] == [
        (line["actor"], line["channel"], line["action"]) for line in audit(shell)
    ]
