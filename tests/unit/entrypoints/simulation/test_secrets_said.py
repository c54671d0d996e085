"""What must not be said is found, wherever it is said, and nothing else is."""

from collections.abc import Iterator

import pytest
import structlog

from markethub.entrypoints.simulation.secrets_said import listen, secret_in, texts_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the key sk_test_51H was refused", "sk_test_"),
        ("rk_live_9", "rk_live_"),
        ("signed by whsec_abc", "whsec_a"),
        ("pi_123_secret_456 is shown", "_secret_"),
        ("charged pm_1NabcDEFgh", "pm_1Nabc"),
        ("Bearer eyJhbGci", "eyJh"),
        ("paid with 4242424242424242", "42424242"),
        ("paid with 4000 0027 6000 3184.", "4000 002"),
        ("paid with 3782-822463-10005", "3782-822"),
        ("order 1234567890123 paid with 5555555555554444", "55555555"),
    ],
)
def test_a_secret_is_found(text: str, found: str) -> None:
    said = secret_in(text)

    assert said is not None
    assert said.startswith(found[:4])


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",  # fails Luhn's check
        "424242424242",  # twelve digits
        "42424242424242424242",  # twenty
        "2026-11-23 12:00:00",
        "pi_3NabcDEFgh of pay_17936104736899434456",
        "msg_3_a9028827749195da",
        "client_secret=***",
        "Secret('***')",
        "pm_...",
        "sk_test_",
    ],
)
def test_what_is_no_secret_is_none(text: str) -> None:
    assert secret_in(text) is None


def test_an_error_is_read_with_all_that_led_to_it() -> None:
    both = ExceptionGroup("both", [ValueError("second"), OSError("third")])
    both.__context__ = KeyError("first")

    texts = texts_of(both)

    assert [each in texts for each in ("both", "first", "second", "third")] == [True] * 4
    assert texts_of(None) == ""


@pytest.fixture
def heard() -> Iterator[list[str]]:
    before = structlog.get_config()
    lines: list[str] = []
    listen(lines.append)
    yield lines
    structlog.configure(**before)


def test_each_line_that_is_logged_is_heard(heard: list[str]) -> None:
    log = structlog.get_logger("anything")
    log.bind(bound=1).warning("with %s", "words", value="thing")
    log.new().debug("again")

    assert len(heard) == 2
    assert "with %s" in heard[0]
    assert "words" in heard[0]
    assert "'value': 'thing'" in heard[0]


def test_what_an_error_says_is_heard_where_it_is_logged(heard: list[str]) -> None:
    def fail() -> None:
        raise ValueError("whsec_guessed")

    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("failed")

    assert secret_in(heard[0]) is not None
