"""Webhook endpoints: kept and answered as Stripe does, and delivered to by nobody.

The account's events go to the core beside it whatever endpoints there are, so that development
needs none. Which event types exist is not known here: any that could be one is taken.
Source: Stripe's API reference, "Webhook endpoints".
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from markethub.adapters.fake import errors
from markethub.adapters.fake.errors import ApiError
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.listing import LIST, page
from markethub.adapters.fake.parameters import Param, Spec, each, flag, merged, metadata, text
from markethub.adapters.fake.store import JsonObject

KIND: Final = "webhook_endpoint"
MAXIMUM: Final = 16
"""How many an account may have in each mode. Source: Stripe's page "Set up a webhook endpoint"."""

_TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")
_HERE: Final = frozenset({"localhost", "127.0.0.1", "0.0.0.0", "::1"})  # noqa: S104 - refused


def _url(name: str, value: Param) -> str:
    """Parse an address that the internet could reach. Whether it does is not asked."""
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiError(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            code="url_invalid",
            param=name,
        )
    if parts.hostname in _HERE:
        raise ApiError("Invalid URL: URL must be publicly accessible.", param=name)
    return str(value)


def _types(name: str, value: Param) -> list[str]:
    """Parse event types: some, or ``*`` alone."""
    found: list[str] = each(text())(name, value)
    if not found:
        raise ApiError("You must listen to at least one event.", param=name)
    for place, type_ in enumerate(found):
        if type_ != "*" and not _TYPE.fullmatch(type_):
            raise ApiError(f"Invalid {name}[{place}]: {type_[:64]}", param=f"{name}[{place}]")
    if "*" in found and len(found) > 1:
        raise ApiError("You cannot listen to other events along with '*'.", param=name)
    return list(dict.fromkeys(found))


def _version(name: str, value: Param) -> str:
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        raise ApiError(f"Invalid API version: {str(value)[:64]}", param=name)
    return value


_WRITE: Final[Spec] = {
    "description": text(unsettable=True),
    "enabled_events": _types,
    "metadata": metadata,
    "url": _url,
}
CREATE: Final[Spec] = {**_WRITE, "api_version": _version}
UPDATE: Final[Spec] = {**_WRITE, "disabled": flag}
LIST_PARAMS: Final[Spec] = {name: LIST[name] for name in LIST if name != "created"}


def create(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``POST /v1/webhook_endpoints``: the only answer with the secret. Raises ApiError."""
    if len(list(execution.newest(KIND))) >= MAXIMUM:
        mode = "live" if execution.options.livemode else "test"
        raise ApiError(f"You have reached the maximum of {MAXIMUM} {mode} webhook endpoints.")
    if execution.options.livemode and urlsplit(given["url"]).scheme != "https":
        raise ApiError("Invalid URL: URL must be HTTPS in live mode.", param="url")
    id_ = execution.new_id("we")
    endpoint = execution.save(
        {
            "id": id_,
            "object": KIND,
            "api_version": given.get("api_version"),
            "application": None,
            "created": execution.now,
            "description": given.get("description"),
            "enabled_events": given["enabled_events"],
            "livemode": execution.options.livemode,
            "metadata": merged({}, given.get("metadata", {})),
            "status": "enabled",
            "url": given["url"],
        }
    )
    return {**endpoint, "secret": f"whsec_{execution.derived(f'webhook:{id_}', length=32)}"}


def retrieve(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    """``GET /v1/webhook_endpoints/{id}``. Raises ApiError 404."""
    endpoint = execution.find(KIND, id)
    if endpoint is None:
        raise errors.missing(KIND, id, param=KIND)
    return endpoint


def listed(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    """``GET /v1/webhook_endpoints``, the newest first."""
    return page(execution, KIND, given, url="/v1/webhook_endpoints")


def update(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:
    """``POST /v1/webhook_endpoints/{id}``. Raises ApiError."""
    endpoint = retrieve(execution, {}, id)
    names = ("description", "enabled_events", "url")
    changes = {name: given[name] for name in names if name in given}
    if "metadata" in given:
        changes["metadata"] = merged(endpoint["metadata"], given["metadata"])
    if "disabled" in given:
        changes["status"] = "disabled" if given["disabled"] else "enabled"
    return execution.change(endpoint, **changes)


def delete(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - it takes none
    """``DELETE /v1/webhook_endpoints/{id}``. Raises ApiError 404."""
    retrieve(execution, {}, id)
    execution.store.delete(KIND, id)
    return {"id": id, "object": KIND, "deleted": True}
