"""``markethub methods`` and ``markethub keys``, on SQLite with the simulated account."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from markethub.domain.ids import CustomerId
from markethub.domain.secret import Secret
from markethub.entrypoints.cli.demo_world import World
from markethub.entrypoints.container import Container
from markethub.entrypoints.lifecycle import running
from tests.support.shell import Shell, log_restored

OLD, NEW = Secret("the older key, 32 characters long"), Secret("the newer key, 32 characters long")


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    with log_restored():
        yield Shell.in_folder(tmp_path, capsys)


def saved(shell: Shell, card: str = "pm_card_visa") -> str:
    """Let customer ada save a card, and return its id."""

    async def story(world: World) -> str:
        container: Container = world._core
        setup = await container.start_setup()(CustomerId("ada"))
        container.account().request(
            method="POST",
            path=f"/v1/setup_intents/{setup.id}/confirm",
            params={"client_secret": setup.client_secret.reveal(), "payment_method": card},
            auth="pk_test_dev",
        )
        await container.pump()()
        await container.process_inbox()()
        newest = list(await container.queries().methods(CustomerId("ada")))[-1]
        return str(newest.id)

    return shell.happens(story)


def listed(shell: Shell) -> list[dict[str, Any]]:
    document = json.loads(shell.markethub("--json", "methods", "list", "ada").out)
    return list(document["items"])


def test_saved_methods_are_listed_as_over_http(shell: Shell) -> None:
    method_id = saved(shell)

    assert [
        {
            "id": method_id,
            "brand": "visa",
            "last4": "4242",
            "exp_month": 12,
            "exp_year": 2099,
            "is_default": True,
            "is_active": True,
        }
    ] == listed(shell)


def test_saved_methods_are_listed_for_people(shell: Shell) -> None:
    method_id = saved(shell)
    ran = shell.markethub("methods", "list", "ada")

    assert 0 == ran.code
    assert ["method", "brand", "last4", "expires", "default", "active"] == (
        ran.out.splitlines()[0].split("\t")
    )
    assert [method_id, "visa", "4242", "12/2099", "yes", "yes"] == (
        ran.out.splitlines()[1].split("\t")
    )


def test_a_customer_without_methods_has_none(shell: Shell) -> None:
    ran = shell.markethub("--json", "methods", "list", "nobody")

    assert (0, {"items": [], "next_cursor": None}) == (ran.code, json.loads(ran.out))


def test_what_is_no_customer_number_is_wrong_usage(shell: Shell) -> None:
    assert 2 == shell.markethub("methods", "list", "ada/../bob").code


def test_a_method_is_removed_for_good(shell: Shell) -> None:
    method_id = saved(shell)
    ran = shell.markethub("methods", "remove", method_id, "--actor", "grace")
    again = shell.markethub("methods", "remove", method_id)

    assert (0, f"{method_id} is removed.") == (ran.code, ran.out.strip())
    assert "grace" in ran.err
    assert 3 == again.code
    assert [] == listed(shell)


@pytest.mark.parametrize("method_id", ["mth_unknown", "../etc", "ä"])
def test_an_unknown_method_ends_with_3(shell: Shell, method_id: str) -> None:
    ran = shell.markethub("--json", "methods", "remove", method_id)

    assert 3 == ran.code
    assert "not_found" == json.loads(ran.out)["error"]["code"]


def test_keys_are_rotated_and_the_older_one_retired(shell: Shell) -> None:
    shell.settings = attrs.evolve(shell.settings, encryption_keys=(OLD,))
    method_id = saved(shell)
    shell.settings = attrs.evolve(shell.settings, encryption_keys=(NEW, OLD))
    ran = shell.markethub("--json", "keys", "rotate")
    again = shell.markethub("--json", "keys", "rotate")
    shell.settings = attrs.evolve(shell.settings, encryption_keys=(NEW,))

    assert 0 == ran.code
    assert 0 < json.loads(ran.out)["rotated"]
    assert 0 == json.loads(again.out)["rotated"]
    assert [method_id] == [method["id"] for method in listed(shell)]
    assert 0 == shell.markethub("methods", "remove", method_id).code


def test_keys_are_rotated_for_people_too(shell: Shell) -> None:
    saved(shell)
    ran = shell.markethub("keys", "rotate")

    assert 0 == ran.code
    assert ["looked", "rotated"] == [line.split()[0] for line in ran.out.splitlines()]


def test_a_database_under_another_key_is_not_touched(shell: Shell) -> None:
    saved(shell)
    shell.settings = attrs.evolve(shell.settings, encryption_keys=(NEW,))
    ran = shell.markethub("keys", "rotate")

    assert 5 == ran.code
    assert "MARKETHUB_ENCRYPTION_KEYS" in ran.err


def test_a_row_under_a_key_that_is_gone_is_told(shell: Shell) -> None:
    shell.settings = attrs.evolve(shell.settings, encryption_keys=(OLD,))
    saved(shell)
    shell.settings = attrs.evolve(shell.settings, encryption_keys=(NEW, OLD))

    async def only_the_first(world: World) -> None:
        container: Container = world._core
        async with running(container):
            await container.rotation().batch(None, limit=1)

    shell.happens(only_the_first)
    shell.settings = attrs.evolve(shell.settings, encryption_keys=(NEW,))
    ran = shell.markethub("keys", "rotate")

    assert 5 == ran.code
    assert "MARKETHUB_ENCRYPTION_KEYS: encrypted under a key that is not known" in ran.err
