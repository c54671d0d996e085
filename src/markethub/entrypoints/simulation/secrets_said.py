"""Finds what must never be said: in a log line, in an answer, in the text of an exception.

It has patterns of its own: what production takes out of its log lines is not asked here. A typed
secret masks itself, so that nothing is left for that net to catch, and the simulation looks at
the lines from before it.
"""

import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

import structlog

if TYPE_CHECKING:
    from structlog.typing import BindableLogger

Said = Callable[[str], None]
"""Hears a text that somebody can read."""

_SUSPECT: Final = re.compile(
    r"(?:sk|rk)_(?:test|live)_\w|whsec_\w|_secret_\w|\bpm_[A-Za-z0-9]{8}|\beyJ\w"
    r"|(?<![0-9A-Za-z_])\d[\d -]{11,}\d(?![0-9A-Za-z_])"
)
"""A key, a signing secret, an object's client secret, a saved card, a token of a customer's, or
what may be a card's number. Digits in a word are a part of an id."""
_LENGTHS: Final = range(13, 20)
"""How many digits a card's number has: ISO/IEC 7812."""


def secret_in(text: str) -> str | None:
    """Return the beginning of the first secret in a text."""
    for match in _SUSPECT.finditer(text):
        found = match.group()
        if not found[0].isdigit() or _is_card_number(found):
            return found[:8]
    return None


def _is_card_number(found: str) -> bool:
    """Tell whether digits with gaps between are as many as a card's, and pass Luhn's check."""
    digits = [int(each) for each in found if each.isdigit()]
    if len(digits) not in _LENGTHS:
        return False
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def texts_of(error: BaseException | None) -> str:
    """Return what a traceback would say of an error and of all that led to it."""
    texts = []
    while error is not None:
        texts.append(f"{type(error).__name__}: {error}")
        if isinstance(error, BaseExceptionGroup):
            texts.extend(texts_of(each) for each in error.exceptions)
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


class Listening:
    """A logger of structlog's that lets somebody hear each line instead of writing it."""

    def __init__(self, said: Said) -> None:
        """Tell ``said``."""
        self._said = said

    def bind(self, **_: object) -> "Listening":
        """Be the same logger: what is bound is ours, and no line is written."""
        return self

    new = bind

    def info(self, event: str, *args: object, **values: object) -> None:
        """Hear a line."""
        self._said(f"{event} {args} {values}")

    debug = warning = error = critical = info

    def exception(self, event: str, *args: object, **values: object) -> None:
        """Hear a line, and what its error says."""
        self._said(f"{event} {args} {values} {texts_of(sys.exception())}")


def listen(said: Said) -> None:
    """Let ``said`` hear each line that this process logs from now on."""
    heard = Listening(said)

    def made(*_: object, **__: object) -> Listening:
        return heard

    # structlog calls it as it would call the class.
    structlog.configure(wrapper_class=cast("type[BindableLogger]", made))
