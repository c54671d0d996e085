"""Stripe's request encoding: form fields whose names spell out nested maps and lists.

``card[number]=4242`` is a map, ``expand[]=customer`` a list, and
``items[][price]=a&items[][quantity]=2`` a list of maps that begins a new map whenever a field
comes again: so does Rack read them, whose notation this is. Values stay text, and
``expand[0]=customer`` a map with the key ``0``: whether a parameter is a number or a list is
known to the account alone.
"""

import re
from typing import Final, TypeAlias
from urllib.parse import unquote_to_bytes

FIELDS_MAXIMUM: Final = 1_000
"""Far above what any of Stripe's requests has."""
DEPTH_MAXIMUM: Final = 10
"""Stripe's deepest parameters nest six names."""

Value: TypeAlias = "str | list[Value] | dict[str, Value]"

_NAME = re.compile(r"(?P<root>[^\[\]]+)(?P<rest>(?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class FormError(ValueError):
    """The encoding is wrong; the message may be shown to the caller."""


def decode(*encoded: bytes) -> dict[str, Value]:
    """Read url-encoded forms as one. Of a field given twice the last counts.

    Raises FormError for what is not UTF-8, has broken escapes, a NUL or names that contradict
    each other, and for more fields or a deeper nesting than the limits.
    """
    pairs = [pair for form in encoded for pair in form.split(b"&") if pair]
    if len(pairs) > FIELDS_MAXIMUM:
        raise FormError(f"Too many parameters: at most {FIELDS_MAXIMUM} are accepted.")
    tree: dict[str, Value] = {}
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        _set(tree, _path(_text(name)), _text(value))
    return tree


def _text(encoded: bytes) -> str:
    if _BROKEN_ESCAPE.search(encoded):
        raise FormError("Invalid parameters: a percent escape is broken.")
    try:
        text = unquote_to_bytes(encoded.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise FormError("Invalid parameters: the encoding must be UTF-8.") from None
    if "\0" in text:
        raise FormError("Invalid parameters: a NUL character is not allowed.")
    return text


def _path(name: str) -> tuple[str, ...]:
    """Split ``a[b][]`` into ``a``, ``b`` and an empty name."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise FormError(f"Invalid parameter name: {name[:100]}")
    path = (match["root"], *_PART.findall(match["rest"]))
    if len(path) > DEPTH_MAXIMUM:
        raise FormError(f"Parameters are nested too deeply: {DEPTH_MAXIMUM} levels are accepted.")
    return path


def _set(tree: dict[str, Value], path: tuple[str, ...], value: str) -> None:
    name, rest = path[0], path[1:]
    if not rest:
        if isinstance(tree.get(name), dict | list):
            raise _contradiction(name)
        tree[name] = value
    elif rest[0] == "":
        items = tree.setdefault(name, [])
        if not isinstance(items, list):
            raise _contradiction(name)
        _append(items, rest[1:], value)
    else:
        below = tree.setdefault(name, {})
        if not isinstance(below, dict):
            raise _contradiction(name)
        _set(below, rest, value)


def _append(items: list[Value], rest: tuple[str, ...], value: str) -> None:
    if not rest:
        items.append(value)
        return
    if rest[0] == "":
        raise FormError("Invalid parameters: a list directly inside a list is not supported.")
    last = items[-1] if items else None
    if not isinstance(last, dict) or _holds(last, rest):
        last = {}
        items.append(last)
    _set(last, rest, value)


def _holds(tree: dict[str, Value], path: tuple[str, ...]) -> bool:
    """Tell whether a value stands at the path; a list at its end takes one more."""
    node: Value = tree
    for name in path:
        if not isinstance(node, dict) or name not in node:
            return False
        node = node[name]
    return True


def _contradiction(name: str) -> FormError:
    return FormError(f"Invalid parameters: `{name[:100]}` is given in two contradicting ways.")
