"""How a command fails: the exit code of every error, and what is printed of it."""

import json
import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import click

from markethub.domain.errors import (
    ApprovalRequired,
    Misconfigured,
    NotFound,
    PaymentsError,
    Refused,
    TryAgain,
    ValidationFailed,
)

REFUSED: Final = 1
WRONG_USAGE: Final = 2
NOT_FOUND: Final = 3
UNKNOWN_OUTCOME: Final = 4
CONFIGURATION: Final = 5

EXIT_CODES: Final[Mapping[type[BaseException], int]] = MappingProxyType(
    {
        Refused: REFUSED,
        NotFound: NOT_FOUND,
        TryAgain: UNKNOWN_OUTCOME,
        Misconfigured: CONFIGURATION,
        click.UsageError: WRONG_USAGE,
        # Our own bug, maybe halfway through moving money: whoever called must look, not assume.
        BaseException: UNKNOWN_OUTCOME,
    }
)
"""The nearest class in an error's line of descent decides."""

# The standard library's: before the log is configured it goes to standard error, structlog's to
# standard output.
_log = logging.getLogger(__name__)


def exit_code(error: BaseException) -> int:
    """Return the exit code of an error."""
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)


def report(error: Exception, *, as_json: bool) -> int:
    """Print an error: as JSON on standard output, else as a sentence on standard error.

    Returns the exit code.
    """
    if as_json:
        click.echo(json.dumps({"error": _described(error)}, ensure_ascii=False, indent=2))
    elif isinstance(error, click.ClickException):
        error.show()
    elif isinstance(error, PaymentsError):
        click.echo(f"Error: {error}", err=True)
    if not isinstance(error, (click.ClickException, PaymentsError)):
        _log.error("The command crashed.", exc_info=error)
    return exit_code(error)


def _described(error: Exception) -> dict[str, str]:
    match error:
        case ValidationFailed(field=field, message=message):
            return {"code": error.code, "field": field, "message": message}
        case ApprovalRequired(approval_id=approval_id):
            return {"code": error.code, "message": str(error), "approval_id": approval_id}
        case PaymentsError():
            return {"code": error.code, "message": str(error)}
        case click.UsageError():
            return {"code": "wrong_usage", "message": error.format_message()}
        case _:
            return {"code": "internal_error", "message": "something went wrong; see the log"}
