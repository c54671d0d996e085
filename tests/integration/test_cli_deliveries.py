"""``markethub deliveries``, on SQLite."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from markethub.domain.delivery import Answer
from markethub.domain.secret import Secret
from markethub.domain.target import Target
from markethub.entrypoints.cli.demo_world import World
from markethub.entrypoints.container import Container
from tests.support.shell import Shell, log_restored
from tests.support.storefront import Storefront
from tests.support.told import paid, tell

TARGET = Target.parse("https://shop.example/hooks", allow_loopback=False)
SECRET = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
HEADER = ["id", "type", "of", "status", "attempts", "last answer", "next attempt"]


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    with log_restored():
        shell = Shell.in_folder(tmp_path, capsys)
        shell.settings = attrs.evolve(
            shell.settings, out_webhook=TARGET, out_webhook_secrets=(SECRET,)
        )
        yield shell


def happened(shell: Shell, *order_ids: str, status: int | None = None) -> Storefront:
    """Let orders be paid, and the storefront be told of it where it gives a status."""
    storefront = Storefront(endpoint_id=TARGET.id)
    storefront.answer = lambda message: Answer(status=status, duration_ms=7)

    async def story(world: World) -> None:
        container: Container = world._core
        for order_id in order_ids:
            await tell(container.store(), order_id, paid(order_id, at=datetime.now(UTC)))
        if status is not None:
            relay = container.relay_outbox()
            await attrs.evolve(relay, publisher=storefront)()

    shell.happens(story)
    return storefront


def listed(shell: Shell, *options: str) -> dict[str, Any]:
    document = json.loads(shell.markethub("--json", "deliveries", "list", *options).out)
    assert isinstance(document, dict)
    return document


def test_deliveries_are_listed_for_people(shell: Shell) -> None:
    [message] = happened(shell, "o-1", status=200).told
    ran = shell.markethub("deliveries", "list")

    assert (0, "") == (ran.code, ran.err)
    header, row = (line.split("\t") for line in ran.out.splitlines())
    assert HEADER == header
    assert [message.id, "order.paid", "o-1", "delivered", "1", "http_200", ""] == row


def test_deliveries_are_listed_with_their_log_for_programs(shell: Shell) -> None:
    [message] = happened(shell, "o-1", status=500).told
    document = listed(shell)
    [item] = document["items"]

    assert (message.id, "pending", 1, "http_500") == (
        item["id"],
        item["status"],
        item["attempts"],
        item["reason"],
    )
    assert [(500, None, 7)] == [
        (line["status"], line["error"], line["duration_ms"]) for line in item["log"]
    ]
    assert (1, 0, None) == (document["waiting"], document["dead"], document["disabled"])


def test_deliveries_are_listed_by_status_in_pages(shell: Shell) -> None:
    happened(shell, "o-1", status=200)
    happened(shell, "o-2", "o-3")
    first = listed(shell, "--status", "pending", "--limit", "1")
    second = listed(shell, "--status", "pending", "--limit", "1", "--cursor", first["next_cursor"])

    assert ["o-3", "o-2"] == [page["items"][0]["aggregate_id"] for page in (first, second)]
    assert second["next_cursor"] is None


def test_a_disabled_endpoint_is_shown_with_what_to_do(shell: Shell) -> None:
    happened(shell, "o-1", status=410)
    ran = shell.markethub("deliveries", "list")

    assert "The endpoint is disabled since" in ran.err
    assert "deliveries replay --waiting" in ran.err
    assert "gone" == listed(shell)["disabled"]


def test_a_list_says_that_no_address_is_configured(shell: Shell) -> None:
    shell.settings = attrs.evolve(shell.settings, out_webhook=None)
    happened(shell, "o-1")
    ran = shell.markethub("deliveries", "list")

    assert 0 == ran.code
    assert "MARKETHUB_OUT_WEBHOOK_URL is not set" in ran.err
    assert "pending" in ran.out


def test_a_delivered_message_is_sent_again_when_it_is_replayed(shell: Shell) -> None:
    [message] = happened(shell, "o-1", status=200).told
    ran = shell.markethub("deliveries", "replay", message.id, "--actor", "ada")
    [again] = happened(shell, status=200).told

    assert (0, "1 will be sent again.\n") == (ran.code, ran.out)
    assert message.id == again.id


def test_a_disabled_endpoint_is_enabled_for_what_waits(shell: Shell) -> None:
    happened(shell, "o-1", status=410)
    ran = shell.markethub("deliveries", "replay", "--waiting")
    told = happened(shell, "o-2", status=200).told

    assert (0, "The endpoint will be tried again.\n") == (ran.code, ran.out)
    assert listed(shell)["disabled"] is None
    assert 1 == len(told)


def test_a_replay_answers_programs_with_what_it_did(shell: Shell) -> None:
    [message] = happened(shell, "o-1", status=200).told
    ran = shell.markethub("--json", "deliveries", "replay", message.id, message.id)

    assert {"replayed": [message.id], "enabled": True} == json.loads(ran.out)


def test_an_unknown_message_is_not_found(shell: Shell) -> None:
    assert 3 == shell.markethub("deliveries", "replay", "msg_1_0123456789abcdef").code


@pytest.mark.parametrize("words", [(), ("--waiting", "msg_1_a")])
def test_a_replay_of_nothing_or_of_both_is_wrong_usage(
    shell: Shell, words: tuple[str, ...]
) -> None:
    assert 2 == shell.markethub("deliveries", "replay", *words).code


def test_a_cursor_that_is_not_ours_is_refused(shell: Shell) -> None:
    assert 1 == shell.markethub("deliveries", "list", "--cursor", "x").code
