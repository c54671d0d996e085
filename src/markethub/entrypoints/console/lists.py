"""Lists: their filters in the address, and the addresses of their pages."""

import re
from enum import StrEnum
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from litestar import Request

from markethub.domain.errors import NotFound
from markethub.entrypoints.http.errors import invalid

PAGE: Final = 50
"""Rows of a page."""
_KEPT_OUT: Final = frozenset({"cursor", "done"})
_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,255}")

E = TypeVar("E", bound=StrEnum)


def chosen(request: Request[Any, Any, Any], name: str) -> str | None:
    """Return what a filter of the address is set to, without space around it."""
    return request.query_params.get(name, "").strip() or None


def chosen_of(request: Request[Any, Any, Any], name: str, kind: type[E]) -> E | None:
    """Return which of its values a filter is set to. Raises HttpProblem for another value."""
    text = chosen(request, name)
    try:
        return None if text is None else kind(text)
    except ValueError:
        raise invalid(name, "is none of the choices") from None


def options(kind: type[StrEnum]) -> list[tuple[str, str]]:
    """Return an enum's values with what a choice of them shows."""
    return [(each.value, each.value.replace("_", " ").capitalize()) for each in kind]


def addressed(path: str, **params: str | None) -> str:
    """Return an address with those of the parameters that are set."""
    query = urlencode({name: value for name, value in params.items() if value})
    return f"{path}?{query}" if query else path


def kept(request: Request[Any, Any, Any]) -> dict[str, str | None]:
    """Return what another page of this list has in its address, too."""
    return {name: value for name, value in request.query_params.items() if name not in _KEPT_OUT}


def pages(request: Request[Any, Any, Any], next_cursor: str | None) -> dict[str, Any]:
    """Return where the next page of this list is, and the first one, if this is another."""
    same, path = kept(request), request.url.path
    return {
        "next_url": addressed(path, **same, cursor=next_cursor) if next_cursor else None,
        "first_url": addressed(path, **same) if chosen(request, "cursor") else None,
    }


def looked_up(text: str, what: str) -> str:
    """Return an id from an address. Raises NotFound for what cannot be one."""
    if not _ID.fullmatch(text):
        raise NotFound(f"no such {what}")
    return text
