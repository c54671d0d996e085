"""``markethub webhooks``, on SQLite and the simulated account."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from markethub.domain.secret import Secret
from tests.support.shell import Ran, Shell, log_restored

URL = "https://shop.example.com/api/stripe/webhook/"


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    with log_restored():
        yield Shell.in_folder(tmp_path, capsys)


def document(ran: Ran) -> Any:
    return json.loads(ran.out)


def accept(shell: Shell, *secrets: str) -> None:
    """Put secrets into the settings of every process to come."""
    accepted = tuple(map(Secret, secrets))
    shell.settings = attrs.evolve(shell.settings, stripe_webhook_secrets=accepted)


def set_up(shell: Shell) -> str:
    """Make an endpoint whose secret the settings know; return that."""
    secret: str = document(shell.markethub("--json", "webhooks", "apply", "--url", URL))["created"][
        "secret"
    ]
    accept(shell, secret)
    return secret


class TestAPlan:
    def test_without_an_endpoint_ends_with_three(self, shell: Shell) -> None:
        ran = shell.markethub("webhooks", "plan")

        assert 3 == ran.code
        assert "webhooks apply" in ran.out

    def test_that_fits_ends_with_zero(self, shell: Shell) -> None:
        set_up(shell)

        assert 0 == shell.markethub("webhooks", "plan").code
        assert document(shell.markethub("--json", "webhooks", "plan", "--url", URL))["is_equal"]

    def test_that_differs_ends_with_one_and_says_what_to_do(self, shell: Shell) -> None:
        set_up(shell)
        accept(shell, "whsec_other")

        ran = shell.markethub("webhooks", "plan")

        assert 1 == ran.code
        assert "unknown_secret" in ran.out
        assert "To do: " in ran.out

    @pytest.mark.parametrize("url", ["shop.example.com", "https://a b/"])
    def test_of_what_is_no_address_is_refused(self, shell: Shell, url: str) -> None:
        assert 1 == shell.markethub("webhooks", "plan", "--url", url).code


class TestApplying:
    def test_shows_the_secret_once_and_which_variable_takes_it(self, shell: Shell) -> None:
        first = shell.markethub("webhooks", "apply", "--url", URL)
        again = shell.markethub("webhooks", "apply", "--url", URL)

        assert (0, 0) == (first.code, again.code)
        assert 1 == first.out.count("whsec_")
        assert "STRIPE_WEBHOOK_SECRET_TEST" in first.out
        assert "whsec_" not in again.out + first.err + again.err
        assert "Nothing was changed." in again.out

    def test_what_the_provider_refuses_is_refused(self, shell: Shell) -> None:
        assert 1 == shell.markethub("webhooks", "apply", "--url", "http://localhost/hook").code


class TestARotation:
    def test_goes_from_one_secret_to_the_next(self, shell: Shell) -> None:
        old = set_up(shell)
        begun = document(shell.markethub("--json", "webhooks", "rotate"))["created"]
        assert 1 == shell.markethub("webhooks", "rotate", "--finish", "--yes").code

        accept(shell, begun["secret"], old)
        assert 2 == shell.markethub("webhooks", "rotate", "--finish").code
        finished = document(shell.markethub("--json", "webhooks", "rotate", "--finish", "--yes"))

        assert (begun["id"], 1) == (finished["kept"], len(finished["removed"]))
        assert 0 == shell.markethub("webhooks", "plan").code
        assert "Nothing to finish" in shell.markethub("webhooks", "rotate", "--finish").out

    def test_prints_the_new_secret_and_how_to_go_on(self, shell: Shell) -> None:
        set_up(shell)
        ran = shell.markethub("webhooks", "rotate")

        assert 1 == ran.out.count("whsec_")
        assert "whsec_" not in ran.err
        assert "--finish" in ran.out

    def test_waits_for_the_one_before_unless_its_secret_is_lost(self, shell: Shell) -> None:
        set_up(shell)
        shell.markethub("webhooks", "rotate")

        assert 1 == shell.markethub("webhooks", "rotate").code
        assert 0 == shell.markethub("webhooks", "rotate", "--restart").code

    def test_of_nothing_is_not_found(self, shell: Shell) -> None:
        assert 3 == shell.markethub("webhooks", "rotate").code

    def test_is_begun_anew_or_finished(self, shell: Shell) -> None:
        assert 2 == shell.markethub("webhooks", "rotate", "--finish", "--restart").code
