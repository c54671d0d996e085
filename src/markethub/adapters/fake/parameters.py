"""Reading parameters as Stripe does: strings of a form, refused by name when they are wrong.

Everything raised here is a validation failure: the endpoint has not begun, so nothing is saved
under the request's idempotency key.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from markethub.adapters.fake.currencies import CURRENCIES
from markethub.adapters.fake.errors import ApiError

Param = str | dict[str, "Param"] | list["Param"]
"""A decoded form: strings, nested."""

Parser = Callable[[str, Param], Any]
"""Takes the parameter's full name and its value; returns what the endpoint works with."""

Spec = Mapping[str, Parser]

_WHOLE = re.compile(r"-?[0-9]{1,18}")
METADATA_KEYS_MAXIMUM: Final = 50


def decoded(params: Mapping[str, object]) -> dict[str, Param]:
    """Turn a direct caller's integers, booleans and tuples into what a form would have said."""
    return {str(name): _decoded(value) for name, value in params.items()}


def _decoded(value: object) -> Param:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case None:
            return ""
        case Mapping():
            return decoded(value)
        case list() | tuple():
            return [_decoded(item) for item in value]
        case _:
            return str(value)


def parsed(
    params: Mapping[str, Param], spec: Spec, *, required: Sequence[str] = ()
) -> dict[str, Any]:
    """Read the parameters of an endpoint. Raises ApiError for the first that is wrong."""
    return _fields("", params, spec, required)


def _fields(
    prefix: str, params: Mapping[str, Param], spec: Spec, required: Sequence[str]
) -> dict[str, Any]:
    unknown = [_name(prefix, name) for name in params if name not in spec]
    if unknown:
        noun = "parameter" if len(unknown) == 1 else "parameters"
        raise ApiError(
            f"Received unknown {noun}: {', '.join(unknown)}",
            code="parameter_unknown",
            param=unknown[0],
        )
    for name in required:
        if name not in params:
            full = _name(prefix, name)
            raise ApiError(f"Missing required param: {full}.", code="parameter_missing", param=full)
    return {name: spec[name](_name(prefix, name), value) for name, value in params.items()}


def _name(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name


# --- parsers ----------------------------------------------------------------------------------


def fields(spec: Spec, *, required: Sequence[str] = ()) -> Parser:
    """A nested object with these fields and no others."""

    def parse(name: str, value: Param) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ApiError("Invalid object", param=name)
        return _fields(name, value, spec, required)

    return parse


def unsettable(parser: Parser) -> Parser:
    """Anything, or the empty string for None."""

    def parse(name: str, value: Param) -> object:
        return None if value == "" else parser(name, value)

    return parse


def each(parser: Parser) -> Parser:
    """A list; a form's numbered keys are one, too."""

    def parse(name: str, value: Param) -> list[Any]:
        if isinstance(value, dict) and all(key.isdigit() for key in value):
            value = [value[key] for key in sorted(value, key=int)]
        if not isinstance(value, list):
            raise ApiError("Invalid array", param=name)
        return [parser(f"{name}[{place}]", item) for place, item in enumerate(value)]

    return parse


def text(*, maximum: int = 5000, unsettable: bool = False) -> Parser:
    """A string. The empty one unsets (None) where that is allowed, and is refused elsewhere."""

    def parse(name: str, value: Param) -> str | None:
        if not isinstance(value, str):
            raise ApiError(f"Invalid string: {_shown(value)}", param=name)
        if not value:
            if unsettable:
                return None
            raise _empty(name)
        if len(value) > maximum:
            raise ApiError(f"Invalid string: must be at most {maximum} characters", param=name)
        return value

    return parse


def whole(*, minimum: int = 1, maximum: int | None = None) -> Parser:
    """An integer within bounds."""

    def parse(name: str, value: Param) -> int:
        if not isinstance(value, str) or not _WHOLE.fullmatch(value):
            raise _invalid_integer(f"Invalid integer: {_shown(value)}", name)
        number = int(value)
        if number < minimum:
            raise _invalid_integer(f"This value must be greater than or equal to {minimum}.", name)
        if maximum is not None and number > maximum:
            raise _invalid_integer(f"This value must be less than or equal to {maximum}.", name)
        return number

    return parse


def flag(name: str, value: Param) -> bool:
    """Parse ``true`` or ``false``."""
    if value not in ("true", "false"):
        raise ApiError(f"Invalid boolean: {_shown(value)}", param=name)
    return value == "true"


def one_of(*choices: str, unsettable: bool = False) -> Parser:
    """One of a closed list of words."""

    def parse(name: str, value: Param) -> str | None:
        if value == "" and unsettable:
            return None
        if value == "":
            raise _empty(name)
        if value not in choices:
            listed = ", ".join(choices[:-1]) + f", or {choices[-1]}" if choices[1:] else choices[0]
            raise ApiError(f"Invalid {name}: must be one of {listed}", param=name)
        return str(value)

    return parse


def currency(name: str, value: Param) -> str:
    """Parse a currency that the account takes; upper case is taken, too."""
    if value == "":
        raise _empty(name)
    code = value.lower() if isinstance(value, str) else ""
    if code not in CURRENCIES:
        raise ApiError(
            f"Invalid currency: {_shown(value)}. Stripe currently supports these currencies: "
            f"{', '.join(CURRENCIES)}",
            param=name,
        )
    return code


def metadata(name: str, value: Param) -> dict[str, str]:
    """Parse metadata to merge: an empty value unsets its key, an empty string unsets all.

    All keys unset is told by the key ``""``, which Stripe does not allow otherwise.
    """
    if value == "":
        return {"": ""}
    if not isinstance(value, dict):
        raise ApiError("Invalid object", param=name)
    result = {}
    for key, item in value.items():
        if not isinstance(item, str):
            raise ApiError(f"Invalid string: {_shown(item)}", param=f"{name}[{key}]")
        if not 0 < len(key) <= 40 or "[" in key or "]" in key:
            raise ApiError(
                "Metadata keys have 1 to 40 characters and no square brackets. "
                f"Invalid key: {key[:48]}",
                param=name,
            )
        if len(item) > 500:
            raise ApiError(
                "Metadata values can have up to 500 characters, but you passed in a value that "
                f"is {len(item)} characters.",
                param=name,
            )
        result[key] = item
    return result


def merged(current: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Merge metadata as an update does. Raises ApiError above 50 keys."""
    base = {} if "" in given else dict(current)
    base.update(given)
    result = {key: value for key, value in base.items() if value}
    if len(result) > METADATA_KEYS_MAXIMUM:
        raise ApiError(
            f"You can only have up to {METADATA_KEYS_MAXIMUM} metadata keys.", param="metadata"
        )
    return result


def moment(name: str, value: Param) -> dict[str, int]:
    """Parse a time filter: seconds, or ``gt``, ``gte``, ``lt``, ``lte`` of them."""
    bound = whole(minimum=0)
    if isinstance(value, dict):
        found: dict[str, int] = fields(dict.fromkeys(("gt", "gte", "lt", "lte"), bound))(
            name, value
        )
        return found
    exactly = bound(name, value)
    return {"gte": exactly, "lte": exactly}


def refused(message: str, *, code: str) -> Parser:
    """A parameter that the API knows and refuses."""

    def parse(name: str, value: Param) -> None:  # noqa: ARG001 - whatever its value
        raise ApiError(message, code=code, param=name)

    return parse


def _invalid_integer(message: str, name: str) -> ApiError:
    return ApiError(message, code="parameter_invalid_integer", param=name)


def _empty(name: str) -> ApiError:
    return ApiError(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset "
        f"a parameter; however '{name}' cannot be unset. You should remove '{name}' from your "
        "request or supply a non-empty value.",
        code="parameter_invalid_empty",
        param=name,
    )


def _shown(value: Param) -> str:
    return value[:64] if isinstance(value, str) else "a structure"
