"""What the log shows, and what it never shows."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
import structlog

from markethub.domain.secret import Secret
from markethub.entrypoints.card_numbers import MASK
from markethub.entrypoints.logging import REDACTED, configure_logging
from markethub.entrypoints.setting_values import LogFormat

SECRETS = {
    "a secret key": "sk_test_51AbCdEf",
    "a saved card's token": "pm_1AbCdEfGhIj",
    "the door's secret key": "sk_test_dev",
    "a restricted key": "rk_live_51AbCdEf",
    "a signing secret": "whsec_a1b2C3+/d4=",
    "a payment intent's client secret": "pi_3Mtw_secret_YrKJUKribcBjcG8HVhfZluoGH",
    "a setup intent's client secret": "seti_1Mm8_secret_Nj2V4Lnk5Gn2Wq",
    "a bearer token": "Bearer storefront-key-1",
    "a customer token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjIn0.c2lnbmF0dXJl",
    "a database password": "postgresql://shop:hunter2@db/shop",
    "a card number": "4242424242424242",
    "a spaced card number": "4000 0000 0000 0002",
    "an old card number": "4222222222222",
}
BARE = {
    "a bearer token": "storefront-key-1",
    "a database password": "hunter2",
}


@attrs.frozen
class Talkative:
    """Prints what it holds."""

    text: str


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Put back what configure_logging changes for the whole process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail(text: str) -> None:
    raise ValueError(text)


def logged(log_format: LogFormat = "json", level: str = "DEBUG") -> io.StringIO:
    stream = io.StringIO()
    configure_logging(level=level, log_format=log_format, stream=stream)
    return stream


def only_line(stream: io.StringIO) -> dict[str, Any]:
    (line,) = stream.getvalue().splitlines()
    parsed: dict[str, Any] = json.loads(line)
    return parsed


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("what", SECRETS)
def test_no_secret_is_logged_wherever_it_stands(what: str, log_format: LogFormat) -> None:
    secret = SECRETS[what]
    stream = logged(log_format)
    log = structlog.get_logger("test")
    log.info("said %s", secret, text=f"x {secret} y", nested={"a": [{"b": (secret,)}]})
    log.info("named", **{f"field {secret}": 1}, thing=Talkative(secret), raw=secret.encode())
    try:
        fail(secret)
    except ValueError:
        log.exception("failed")
    logging.getLogger("library").warning("about %s", secret, extra={"more": secret})
    logging.getLogger("library").error("broke", exc_info=ValueError(secret), stack_info=True)

    assert 5 <= stream.getvalue().count("\n")
    assert BARE.get(what, secret) not in stream.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Authorization",
        "client_secret",
        "Stripe-Signature",
        "set-cookie",
        "webhook_secrets",
        "password",
        "api_key",
        "customer_token",
        "number",
        "cvc",
    ],
)
def test_what_is_named_a_secret_is_never_shown(name: str) -> None:
    stream = logged()
    structlog.get_logger("test").info("seen", request={"headers": {name: "plain"}})

    assert {"headers": {name: REDACTED}} == only_line(stream)["request"]


def test_a_card_number_given_as_a_number_is_masked() -> None:
    stream = logged()
    structlog.get_logger("test").info("seen", card=4242424242424242, amount=4242)

    line = only_line(stream)

    assert (MASK, 4242) == (line["card"], line["amount"])


def test_the_rest_of_an_event_stays_as_it_is() -> None:
    stream = logged()
    fields = {
        "order_id": "A-1001",
        "payment_id": "pay_01jd9zq3n6e2q8r0v5b1c7x4ym",
        "payment_intent_id": "pi_3MtwBwLkdIwHu7ix28a3tqPa",
        "idempotency_key": "charge-op_01jd9zq3n6e2q8r0v5b1c7x4ym-1",
        "publishable_key": "pk_test_dev",
        "amount_minor": 1999,
        "ratio": 0.5,
        "paid": True,
        "error": None,
        "token_count": 3,
    }
    structlog.get_logger("test").info("order.paid", **fields)

    assert fields == {name: only_line(stream)[name] for name in fields}


def test_a_line_tells_when_who_and_how_grave() -> None:
    stream = logged()
    structlog.get_logger("markethub.test").warning("order.paid")

    line = only_line(stream)

    assert ("order.paid", "warning", "markethub.test") == (
        line["event"],
        line["level"],
        line["logger"],
    )
    assert line["timestamp"].endswith("Z")


def test_a_librarys_line_looks_like_ours() -> None:
    stream = logged()
    logging.getLogger("uvicorn.error").info("Started on %s", "port 8000")

    line = only_line(stream)

    assert ("Started on port 8000", "info", "uvicorn.error") == (
        line["event"],
        line["level"],
        line["logger"],
    )


def test_uvicorns_own_handlers_are_taken_off() -> None:
    own = io.StringIO()
    logging.getLogger("uvicorn.access").addHandler(logging.StreamHandler(own))
    stream = logged()
    logging.getLogger("uvicorn.access").info("GET /")

    assert ("", "GET /") == (own.getvalue(), only_line(stream)["event"])


@pytest.mark.parametrize("name", ["httpx", "httpcore", "stripe", "sqlalchemy.engine", "aiosqlite"])
def test_talkative_libraries_are_heard_from_warning_on(name: str) -> None:
    stream = logged(level="DEBUG")
    logging.getLogger(name).info("each request")
    logging.getLogger(name).warning("trouble")

    assert "trouble" == only_line(stream)["event"]


def test_the_level_is_a_floor() -> None:
    stream = logged(level="ERROR")
    structlog.get_logger("test").warning("quiet")
    logging.getLogger("httpx").warning("quiet too")
    structlog.get_logger("test").error("loud")

    assert "loud" == only_line(stream)["event"]


def test_what_is_no_terminal_gets_json() -> None:
    stream = io.StringIO()
    configure_logging(stream=stream)
    structlog.get_logger("test").info("seen")

    assert "seen" == only_line(stream)["event"]


def test_a_terminal_gets_lines_for_people() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    configure_logging(stream=stream)
    structlog.get_logger("test").info("seen")

    assert not stream.getvalue().startswith("{")


def test_a_value_that_holds_itself_is_cut() -> None:
    stream = logged()
    circle: list[object] = []
    circle.append(circle)
    structlog.get_logger("test").info("seen", circle=circle)

    assert "..." in str(only_line(stream)["circle"])


def test_a_wrapped_secret_stays_wrapped() -> None:
    stream = logged()
    structlog.get_logger("test").info("seen", given=Secret("hunter2"))

    assert "Secret('***')" == only_line(stream)["given"]
