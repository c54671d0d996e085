"""Request bodies, read strictly: what two parsers could understand differently is refused."""

import asyncio
import json
from typing import Any, Final, TypeVar

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException

from markethub.entrypoints.card_numbers import contains_card_number
from markethub.entrypoints.http.errors import HttpProblem, invalid

BODY_BYTES_MAXIMUM: Final = 64 * 1024
"""An order of 500 lines fits; a flood does not."""
WEBHOOK_BYTES_MAXIMUM: Final = 1024 * 1024
"""Far above Stripe's largest event."""
BODY_SECONDS_MAXIMUM: Final = 20.0
"""A mebibyte on a slow line; who needs longer only holds the connection."""
DEPTH_MAXIMUM: Final = 32
"""No body of ours nests deeper than three."""

T = TypeVar("T")


async def read_body(request: Request[Any, Any, Any]) -> bytes:
    """Return the raw body.

    Raises 413 once it exceeds the route's limit, before it is kept, and 408 for one that only
    trickles in.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS_MAXIMUM):
            return await request.body()
    except TimeoutError:
        raise HttpProblem(
            408, "request_timeout", "The body came too slowly.", headers={"Connection": "close"}
        ) from None
    except InternalServerException:
        # Litestar's word for a caller who hung up: nobody is there to read the answer.
        raise HttpProblem(400, "client_disconnected", "The body did not arrive.") from None


async def json_body(request: Request[Any, Any, Any], shape: type[T]) -> T:
    """Return the body as ``shape``; no body at all is an empty object."""
    return decode(await read_body(request) or b"{}", shape)


def decode(raw: bytes, shape: type[T]) -> T:
    """Decode strict JSON: no coercion, no unknown or duplicate key, no NUL, no card number.

    Raises HttpProblem with 400 ``validation_failed``, naming the offending field where known.
    """
    _check_text(raw)
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError as error:
        raise _shape_problem(str(error)) from None
    except msgspec.DecodeError:  # half of a surrogate pair: Python's own parser lets it pass
        raise invalid("", "the body is not JSON") from None


class _Duplicate(ValueError):
    """A key that appears twice: parsers disagree on which one counts (RFC 8259 section 4)."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        raise _Duplicate
    return unique


def _refuse_constant(_: str) -> object:
    raise ValueError


def _check_text(raw: bytes) -> None:
    """Refuse what msgspec would let through, or would report without a usable message."""
    try:
        document = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except _Duplicate:
        raise invalid("", "a key appears twice in one object") from None
    except RecursionError:
        raise invalid("", f"the body nests deeper than {DEPTH_MAXIMUM}") from None
    except ValueError:  # not UTF-8, not JSON, NaN, or an integer of thousands of digits
        raise invalid("", "the body is not JSON") from None
    _inspect(document, field="", depth=1)


def _inspect(value: object, *, field: str, depth: int) -> None:
    if depth > DEPTH_MAXIMUM:
        raise invalid("", f"the body nests deeper than {DEPTH_MAXIMUM}")
    match value:
        case str():
            check_text(value, field=field)
        case dict():
            for key, item in value.items():
                check_text(key, field=field)
                _inspect(item, field=f"{field}.{key}".lstrip("."), depth=depth + 1)
        case list():
            for position, item in enumerate(value):
                _inspect(item, field=f"{field}.{position}".lstrip("."), depth=depth + 1)
        case _:
            pass


def check_text(text: str, *, field: str) -> None:
    """Refuse text that a database or a log must never see."""
    if "\0" in text:
        raise invalid(field, "contains a NUL character")
    if contains_card_number(text):
        raise invalid(field, "contains a card number; card data must never be sent here")


def _shape_problem(message: str) -> HttpProblem:
    """Split msgspec's ``Expected `int`, got `str` - at `$.lines[0].tax``` into its parts."""
    what, _, path = message.partition(" - at `")
    field = path.rstrip("`").lstrip("$").replace("[", ".").replace("]", "").strip(".")
    for start in ("Object contains unknown field `", "Object missing required field `"):
        if what.startswith(start):
            name = what.removeprefix(start).rstrip("`")
            field = f"{field}.{name}" if field else name
            what = "is unknown" if "unknown" in start else "is required"
    return invalid(field, what)
