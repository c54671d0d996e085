"""``markethub events``, on SQLite."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from markethub.domain.ids import EventId
from markethub.domain.inbox_event import InboxEvent
from markethub.entrypoints.cli.demo_world import World
from markethub.entrypoints.container import Container
from tests.support.shell import Ran, Shell, log_restored
from tests.support.stores import START, event

TOKEN = "pm_1Nv0FGQ9RKHgCVdK"


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    with log_restored():
        yield Shell.in_folder(tmp_path, capsys)


def store(shell: Shell, *taken: InboxEvent) -> None:
    async def story(container: Container) -> None:
        for each in taken:
            await container.inbox().store(each)

    shell.within(story)


def dead(id: str) -> InboxEvent:
    payload = f'{{"id":"{id}","payment_method":"{TOKEN}","client_secret":"***"}}'
    failed = event(id, payload=payload).fail("broken", error="Traceback: oh!\n", now=START)
    return failed.bury("broken", now=START)


def document(ran: Ran) -> Any:
    return json.loads(ran.out)


def statuses(shell: Shell) -> dict[str, str]:
    items = document(shell.markethub("--json", "events", "list"))["items"]
    return {item["id"]: item["status"] for item in items}


class TestTheList:
    def test_is_a_table_with_the_last_received_first(self, shell: Shell) -> None:
        later = attrs.evolve(event("evt_2"), received_at=START.replace(hour=13))
        store(shell, dead("evt_1"), later)

        ran = shell.markethub("events", "list")

        assert [
            "event\ttype\tstatus\treason\tattempts\treceived",
            "evt_2\tpayment_intent.succeeded\tpending\t\t0\t2026-11-01 13:00:00Z",
            "evt_1\tpayment_intent.succeeded\tdead\tbroken\t2\t2026-11-01 12:00:00Z",
        ] == ran.out.splitlines()

    def test_is_restricted_by_status_type_and_length(self, shell: Shell) -> None:
        store(shell, dead("evt_1"), dead("evt_2"), event("evt_3"))

        by_status = shell.markethub("events", "list", "--status", "dead", "--limit", "1")
        by_type = shell.markethub("events", "list", "--type", "charge.refunded")

        assert (2, 1) == (len(by_status.out.splitlines()), len(by_type.out.splitlines()))


class TestAnEvent:
    def test_is_shown_with_its_traceback_and_without_tokens(self, shell: Shell) -> None:
        store(shell, dead("evt_1"))

        text = shell.markethub("events", "show", "evt_1").out
        shown = document(shell.markethub("--json", "events", "show", "evt_1"))

        assert "Traceback: oh!" in text
        assert ("dead", "broken", 2) == (shown["status"], shown["reason"], shown["attempts"])
        assert {"id": "evt_1", "payment_method": "***", "client_secret": "***"} == shown["payload"]
        assert TOKEN not in text

    @pytest.mark.parametrize("id", ["evt_9", "not/an-id"])
    def test_that_never_came_is_not_found(self, shell: Shell, id: str) -> None:
        assert 3 == shell.markethub("events", "show", id).code


class TestAReplay:
    def test_makes_the_named_events_pending_again(self, shell: Shell) -> None:
        store(shell, dead("evt_1"), dead("evt_2"), event("evt_3").process(now=START))

        ran = shell.markethub("events", "replay", "evt_1", "evt_3")

        assert 0 == ran.code
        assert "markethub worker" in ran.out
        assert {"evt_1": "pending", "evt_2": "dead", "evt_3": "pending"} == statuses(shell)

    def test_goes_on_past_an_event_that_never_came(self, shell: Shell) -> None:
        store(shell, dead("evt_1"))

        ran = shell.markethub("--json", "events", "replay", "evt_9", "evt_1")

        states = [item["state"] for item in document(ran)["items"]]
        assert (3, ["not_found", "pending"]) == (ran.code, states)

    def test_refuses_an_event_of_the_other_mode(self, shell: Shell) -> None:
        store(shell, InboxEvent.receive(event("evt_1").event, livemode=True, now=START))

        ran = shell.markethub("events", "replay", "evt_1")

        assert 1 == ran.code
        assert "other mode" in ran.out

    def test_of_all_dead_events_asks_first(self, shell: Shell) -> None:
        store(shell, dead("evt_1"), dead("evt_2"), event("evt_3").process(now=START))

        unasked = shell.markethub("events", "replay", "--dead")
        assert 2 == unasked.code
        assert {"evt_1": "dead", "evt_2": "dead", "evt_3": "processed"} == statuses(shell)

        assert 0 == shell.markethub("events", "replay", "--dead", "--yes").code
        assert {"evt_1": "pending", "evt_2": "pending", "evt_3": "processed"} == statuses(shell)

    @pytest.mark.parametrize("words", [[], ["--dead", "evt_1"]])
    def test_says_which_events_one_way_or_the_other(self, shell: Shell, words: list[str]) -> None:
        assert 2 == shell.markethub("events", "replay", *words).code

    def test_of_no_dead_events_does_nothing(self, shell: Shell) -> None:
        assert 0 == shell.markethub("events", "replay", "--dead").code
        assert EventId("evt_1") not in statuses(shell)


class TestABackfill:
    def test_stores_what_never_arrived_and_once_only(self, shell: Shell) -> None:
        # The account's pump does not run here: nothing has been delivered.
        async def story(container: Container) -> None:
            account = container.account()
            account.advance(int(container.clock().now().timestamp()))
            world = World(container)
            await world.register("o-1", 50_00)
            world.pay(await world.charge("o-1"), "4242424242424242")

        shell.within(story)

        first = document(shell.markethub("--json", "events", "backfill", "--since", "1d"))
        again = shell.markethub("events", "backfill", "--since", "1d")

        assert first["new"] > 1
        assert (0, 0, 0) == (first["known"], first["other_mode"], first["unreadable"])
        lines = [line.split() for line in again.out.splitlines()]
        assert [["new", "0"], ["known", str(first["new"])]] == lines[:2]
        assert {"pending"} == set(statuses(shell).values())

    @pytest.mark.parametrize("since", ["31d", "2020-01-01"])
    def test_beyond_thirty_days_is_refused_by_a_sentence(self, shell: Shell, since: str) -> None:
        ran = shell.markethub("events", "backfill", "--since", since)

        assert 1 == ran.code
        assert "the provider lists events of the last 30 days only" in ran.err

    @pytest.mark.parametrize("since", ["yesterday", "7w", "-1d"])
    def test_a_time_that_is_none_is_wrong_usage(self, shell: Shell, since: str) -> None:
        assert 2 == shell.markethub("events", "backfill", f"--since={since}").code

    @pytest.mark.parametrize("since", ["30d", "12h", "5m"])
    def test_takes_how_long_ago_it_was(self, shell: Shell, since: str) -> None:
        assert 0 == shell.markethub("events", "backfill", "--since", since).code
