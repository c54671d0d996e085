"""The account's endpoints: method and path, who may call, what it takes, what answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypedDict

import attrs

from markethub.adapters.fake import (
    balance,
    customers,
    disputes,
    errors,
    events,
    files,
    fraud_warnings,
    payment_intents,
    payment_methods,
    profile,
    refunds,
    saved_methods,
    setup_intents,
    webhook_endpoints,
)
from markethub.adapters.fake import payment_intent_parameters as intent_specs
from markethub.adapters.fake.execution import Execution
from markethub.adapters.fake.listing import LIST, page
from markethub.adapters.fake.parameters import Spec, each, one_of, text
from markethub.adapters.fake.store import JsonObject

Handler = Callable[..., JsonObject]
"""Takes the execution, the parsed parameters and, where the path names one, an object's id."""

_EXPAND: Final[Spec] = {"expand": each(text())}


@attrs.frozen(kw_only=True)
class Route:
    """One endpoint. ``path`` is split at the slashes; ``{id}`` stands for any id."""

    method: str
    path: tuple[str, ...]
    handler: Handler
    spec: Spec
    required: Sequence[str] = ()
    publishable: bool = False
    """Whether a publishable key may call it."""
    secret_of: str | None = None
    """With a publishable key: the kind of object whose ``client_secret`` must come along."""


def _charges(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    wanted = {name: given[name] for name in ("customer", "payment_intent") if name in given}
    return page(
        execution,
        "charge",
        given,
        url="/v1/charges",
        matches=lambda charge: all(charge[name] == wanted[name] for name in wanted),
    )


def _charge(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    return _found(execution, "charge", id)


def _lines(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    wanted = {name: given[name] for name in ("currency", "source", "type") if name in given}
    return page(
        execution,
        "balance_transaction",
        given,
        url="/v1/balance_transactions",
        matches=lambda line: balance.matches(line, wanted),
        view=lambda line: balance.view(line, execution.now),
    )


def _line(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    return balance.view(_found(execution, "balance_transaction", id), execution.now)


def _method(execution: Execution, given: Mapping[str, Any], id: str) -> JsonObject:  # noqa: ARG001 - expansion is the entrance's
    return payment_methods.load(execution, id)


def _create_method(execution: Execution, given: Mapping[str, Any]) -> JsonObject:
    return payment_methods.create(execution, given)


def _found(execution: Execution, kind: str, id: str) -> JsonObject:
    value = execution.find(kind, id)
    if value is None:
        raise errors.missing(kind, id, param="id")
    return value


def _route(
    method: str,
    path: str,
    handler: Handler,
    spec: Spec,
    *,
    required: Sequence[str] = (),
    publishable: bool = False,
    secret_of: str | None = None,
) -> Route:
    own: Spec = {"client_secret": text()} if secret_of else {}
    return Route(
        method=method,
        path=tuple(path.split("/")),
        handler=handler,
        spec={**spec, **_EXPAND, **own},
        required=required,
        publishable=publishable,
        secret_of=secret_of,
    )


class _ByBrowser(TypedDict):
    publishable: bool
    secret_of: str


_BY_BROWSER: Final[_ByBrowser] = {"publishable": True, "secret_of": payment_intents.KIND}

_SETUP_BY_BROWSER: Final[_ByBrowser] = {"publishable": True, "secret_of": setup_intents.KIND}

ROUTES: Final[tuple[Route, ...]] = (
    _route(
        "POST",
        "payment_intents",
        payment_intents.create,
        intent_specs.CREATE,
        required=("amount", "currency"),
    ),
    _route("GET", "payment_intents", payment_intents.listed, intent_specs.LIST_PARAMS),
    _route("GET", "payment_intents/{id}", payment_intents.retrieve, {}, **_BY_BROWSER),
    _route("POST", "payment_intents/{id}", payment_intents.update, intent_specs.UPDATE),
    _route(
        "POST",
        "payment_intents/{id}/confirm",
        payment_intents.confirm,
        intent_specs.CONFIRM,
        **_BY_BROWSER,
    ),
    _route(
        "POST",
        "payment_intents/{id}/capture",
        payment_intents.capture,
        intent_specs.CAPTURE,
    ),
    _route(
        "POST",
        "payment_intents/{id}/cancel",
        payment_intents.cancel,
        intent_specs.CANCEL,
    ),
    _route("GET", "charges", _charges, {**LIST, "customer": text(), "payment_intent": text()}),
    _route("GET", "charges/{id}", _charge, {}),
    _route("POST", "customers", customers.create, customers.CREATE),
    _route("GET", "customers", customers.listed, customers.LIST_PARAMS),
    _route("GET", "customers/{id}", customers.retrieve, {}),
    _route("POST", "customers/{id}", customers.update, customers.WRITE),
    _route("DELETE", "customers/{id}", customers.delete, {}),
    _route(
        "GET",
        "balance_transactions",
        _lines,
        {**LIST, "currency": text(), "source": text(), "type": one_of(*balance.TYPES)},
    ),
    _route("GET", "balance_transactions/{id}", _line, {}),
    _route("GET", "events", events.listed, events.LIST_PARAMS),
    _route("GET", "events/{id}", events.retrieve, {}),
    _route(
        "POST",
        "payment_methods",
        _create_method,
        payment_methods.CREATE,
        required=("type", "card"),
        publishable=True,
    ),
    _route("GET", "payment_methods/{id}", _method, {}),
    _route("GET", "payment_methods", saved_methods.listed, saved_methods.LIST_PARAMS),
    _route("POST", "payment_methods/{id}", saved_methods.update, saved_methods.UPDATE),
    _route("POST", "payment_methods/{id}/attach", saved_methods.attach, saved_methods.ATTACH),
    _route("POST", "payment_methods/{id}/detach", saved_methods.detach, {}),
    _route(
        "GET",
        "customers/{id}/payment_methods",
        saved_methods.of_customer,
        saved_methods.OF_CUSTOMER,
    ),
    _route("GET", "customers/{id}/payment_methods/{id}", saved_methods.one_of_customer, {}),
    _route("POST", "setup_intents", setup_intents.create, setup_intents.CREATE),
    _route("GET", "setup_intents", setup_intents.listed, setup_intents.LIST_PARAMS),
    _route("GET", "setup_intents/{id}", setup_intents.retrieve, {}, **_SETUP_BY_BROWSER),
    _route("POST", "setup_intents/{id}", setup_intents.update, setup_intents.UPDATE),
    _route(
        "POST",
        "setup_intents/{id}/confirm",
        setup_intents.confirm,
        setup_intents.CONFIRM,
        **_SETUP_BY_BROWSER,
    ),
    _route("POST", "setup_intents/{id}/cancel", setup_intents.cancel, setup_intents.CANCEL),
    _route(
        "GET",
        "setup_attempts",
        setup_intents.attempts,
        setup_intents.ATTEMPTS,
        required=("setup_intent",),
    ),
    _route("POST", "refunds", refunds.create, refunds.CREATE),
    _route("GET", "refunds", refunds.listed, refunds.LIST_PARAMS),
    _route("GET", "refunds/{id}", refunds.retrieve, {}),
    _route("POST", "refunds/{id}", refunds.update, refunds.UPDATE),
    _route("POST", "refunds/{id}/cancel", refunds.cancel, {}),
    _route("GET", "disputes", disputes.listed, disputes.LIST_PARAMS),
    _route("GET", "disputes/{id}", disputes.retrieve, {}),
    _route("POST", "disputes/{id}", disputes.update, disputes.UPDATE),
    _route("POST", "disputes/{id}/close", disputes.close, {}),
    _route("GET", "radar/early_fraud_warnings", fraud_warnings.listed, fraud_warnings.LIST_PARAMS),
    _route("GET", "radar/early_fraud_warnings/{id}", fraud_warnings.retrieve, {}),
    _route("POST", "files", files.create, files.CREATE, required=("file", "purpose")),
    _route("GET", "files", files.listed, files.LIST_PARAMS),
    _route("GET", "files/{id}", files.retrieve, {}),
    _route(
        "POST",
        "webhook_endpoints",
        webhook_endpoints.create,
        webhook_endpoints.CREATE,
        required=("enabled_events", "url"),
    ),
    _route("GET", "webhook_endpoints", webhook_endpoints.listed, webhook_endpoints.LIST_PARAMS),
    _route("GET", "webhook_endpoints/{id}", webhook_endpoints.retrieve, {}),
    _route("POST", "webhook_endpoints/{id}", webhook_endpoints.update, webhook_endpoints.UPDATE),
    _route("DELETE", "webhook_endpoints/{id}", webhook_endpoints.delete, {}),
    _route("GET", "account", profile.retrieve, {}),
)


def match(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """Find the endpoint and the ids in its path. Raises ApiError 404."""
    parts = tuple(path.strip("/").split("/"))
    if parts[0] == "v1":
        for route in ROUTES:
            if route.method == method and len(route.path) == len(parts) - 1:
                pairs = list(zip(route.path, parts[1:], strict=True))
                if all(pattern in ("{id}", part) for pattern, part in pairs):
                    return route, tuple(part for pattern, part in pairs if pattern == "{id}")
    raise errors.unrecognized_url(method, path)
