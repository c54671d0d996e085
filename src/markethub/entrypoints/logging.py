"""Logging: one line per event, ours and the libraries', with every secret taken out.

Redaction is the last step before rendering, and the only way to the output: whatever an event
holds by then, nested values and exception texts too, passes through it.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from markethub.entrypoints.card_numbers import mask_card_numbers
from markethub.entrypoints.setting_values import LogFormat

REDACTED: Final = "***"

_SECRET_NAMES: Final = frozenset(
    {
        "access_token",
        "api_key",
        "apikey",
        "authorization",
        "card_number",
        "cookie",
        "credentials",
        "cvc",
        "cvv",
        "number",
        "password",
        "passwd",
        "proxy_authorization",
        "secret",
        "secrets",
        "set_cookie",
        "stripe_signature",
        "token",
    }
)
_SECRET_ENDINGS: Final = ("_api_key", "_password", "_secret", "_secrets", "_token")

_SECRET_TEXTS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    # Stripe's API keys, signing secrets, and the client secrets of its objects.
    (re.compile(r"(?<![A-Za-z0-9])((?:sk|rk)_(?:test|live)_|whsec_)[\w+/=-]+"), rf"\1{REDACTED}"),
    (re.compile(r"(?<![A-Za-z0-9])([a-z]+_[A-Za-z0-9]+_secret_)\w+"), rf"\1{REDACTED}"),
    # What a saved card is charged by.
    (re.compile(r"(?<![A-Za-z0-9])(pm_)[A-Za-z0-9]{8,}"), rf"\1{REDACTED}"),
    (re.compile(r"\b(Bearer|Basic)\s+[^\s\"',;]+", re.IGNORECASE), rf"\1 {REDACTED}"),
    # JSON web tokens, which may also travel alone.
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), REDACTED),
    # The password in an address.
    (re.compile(r"(://[^\s/:@]*:)[^\s@]+@"), rf"\1{REDACTED}@"),
)

_DEPTH_MAXIMUM: Final = 8
"""Nesting beyond this is no log entry; it is cut, so that a cycle cannot loop for ever."""

_QUIET: Final = ("aiosqlite", "alembic", "httpcore", "httpx", "sqlalchemy", "stripe")
"""They log each request, statement, parameter or migration step below WARNING."""
_WITH_OWN_HANDLERS: Final = ("uvicorn", "uvicorn.access", "uvicorn.error")


def configure_logging(
    *, level: str = "INFO", log_format: LogFormat | None = None, stream: TextIO | None = None
) -> None:
    """Send everything that this process logs to ``stream`` (standard error) as one kind of line.

    ``log_format`` None means ``console`` on a terminal and ``json`` elsewhere. Start uvicorn with
    ``log_config=None``, or it installs its own handlers again.
    """
    stream = stream or sys.stderr
    on_terminal = stream.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if (log_format or ("console" if on_terminal else "json")) == "json"
        else structlog.dev.ConsoleRenderer(colors=on_terminal)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            # Without the libraries' extra fields: uvicorn's repeat each line with colours.
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _WITH_OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take secrets and card numbers out of an event (a structlog processor)."""
    return _redacted_mapping(event, depth=0)


def _redacted_mapping(mapping: Mapping[Any, Any], *, depth: int) -> dict[str, Any]:
    return {
        _redacted_text(str(name)): REDACTED
        if value is not None and _is_secret_name(str(name))
        else _redacted(value, depth=depth + 1)
        for name, value in mapping.items()
    }


def _is_secret_name(name: str) -> bool:
    folded = name.lower().replace("-", "_")
    return folded in _SECRET_NAMES or folded.endswith(_SECRET_ENDINGS)


def _redacted(value: object, *, depth: int) -> object:
    if value is None or isinstance(value, bool | float):
        return value
    if depth > _DEPTH_MAXIMUM:
        return "..."
    if isinstance(value, Mapping):
        return _redacted_mapping(value, depth=depth)
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(item, depth=depth + 1) for item in value]
    if isinstance(value, int):
        text = _redacted_text(str(value))
        return value if text == str(value) else text
    # Anything else is printed by its repr, which may hold what its owner did not mean to print.
    return _redacted_text(value if isinstance(value, str) else repr(value))


def _redacted_text(text: str) -> str:
    for pattern, replacement in _SECRET_TEXTS:
        text = pattern.sub(replacement, text)
    return mask_card_numbers(text)
