"""A witness from outside: Stripe's own parameter types judge what we put on the wire.

The SDK declares the parameters of each method as TypedDicts, at the exact API version. A form
body, taken apart again, must fit them: no unknown name at any depth, nothing required missing,
every closed set of words respected.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from types import UnionType
from typing import (
    Any,
    Final,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)
from urllib.parse import parse_qsl

import stripe
from stripe import params

_OPTIONS = frozenset(stripe.RequestOptions.__annotations__)  # of a call, never of the wire
_NAMES: Final = {"StripeContext": object, "Mapping": Mapping}  # missing where the SDK names them
_INTENT = r"/v1/payment_intents/\w+"
_DISPUTE = r"/v1/disputes/\w+"
_TYPES: tuple[tuple[str, str, Any], ...] = (
    ("POST", r"/v1/payment_intents", params.PaymentIntentCreateParams),
    ("POST", _INTENT, params.PaymentIntentUpdateParams),
    ("POST", _INTENT + "/confirm", params.PaymentIntentConfirmParams),
    ("POST", _INTENT + "/capture", params.PaymentIntentCaptureParams),
    ("POST", _INTENT + "/cancel", params.PaymentIntentCancelParams),
    ("GET", _INTENT, params.PaymentIntentRetrieveParams),
    ("GET", r"/v1/payment_intents", params.PaymentIntentListParams),
    ("GET", r"/v1/balance_transactions", params.BalanceTransactionListParams),
    ("POST", _DISPUTE, params.DisputeUpdateParams),
    ("POST", _DISPUTE + "/close", params.DisputeCloseParams),
    ("GET", _DISPUTE, params.DisputeRetrieveParams),
    ("GET", r"/v1/radar/early_fraud_warnings/\w+", params.radar.EarlyFraudWarningRetrieveParams),
    ("POST", r"/v1/customers", params.CustomerCreateParams),
    ("GET", r"/v1/customers", params.CustomerListParams),
    ("GET", r"/v1/customers/\w+", params.CustomerRetrieveParams),
    ("POST", r"/v1/setup_intents", params.SetupIntentCreateParams),
    ("GET", r"/v1/payment_methods/\w+", params.PaymentMethodRetrieveParams),
    ("POST", r"/v1/payment_methods/\w+/detach", params.PaymentMethodDetachParams),
    ("POST", r"/v1/refunds", params.RefundCreateParams),
    ("GET", r"/v1/refunds", params.RefundListParams),
    ("GET", r"/v1/events", params.EventListParams),
    ("POST", r"/v1/webhook_endpoints", params.WebhookEndpointCreateParams),
    ("POST", r"/v1/webhook_endpoints/\w+", params.WebhookEndpointUpdateParams),
    ("GET", r"/v1/webhook_endpoints", params.WebhookEndpointListParams),
    ("DELETE", r"/v1/webhook_endpoints/\w+", params.WebhookEndpointDeleteParams),
    ("GET", r"/v1/account", params.AccountRetrieveCurrentParams),
)


def decode_form(form: str) -> dict[str, Any]:
    """Take a form apart: ``a[b]=1`` is ``{"a": {"b": "1"}}``; lists have their indices as keys."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        *parents, leaf = re.findall(r"[^\[\]]+", name)
        inner = root
        for key in parents:
            inner = inner.setdefault(key, {})
        inner[leaf] = value
    return root


def problems(method: str, path: str, form: str) -> list[str]:
    """Say what Stripe's types have against a request; nothing, if it is right."""
    for known_method, pattern, kind in _TYPES:
        if method == known_method and re.fullmatch(pattern, path):
            return list(_judge(decode_form(form), kind, "request"))
    return [f"{method} {path} is no method of Stripe's that we know"]


def _judge(value: Any, kind: Any, where: str) -> Iterator[str]:
    origin = get_origin(kind)
    if origin in (NotRequired, Required):
        yield from _judge(value, get_args(kind)[0], where)
    elif hasattr(kind, "__required_keys__"):
        yield from _judge_members(value, kind, where)
    elif origin in (Union, UnionType):
        yield from _judge_arms(value, get_args(kind), where)
    elif origin is Literal:
        if value not in get_args(kind):
            yield f"{where}: {value!r} is none of {get_args(kind)}"
    elif origin is list:
        yield from _judge_items(value, get_args(kind)[0], where)
    elif not _IS_PLAIN.get(origin or kind, _never)(value):
        yield f"{where}: {value!r} is no {(origin or kind).__name__}"


def _judge_arms(value: Any, arms: tuple[Any, ...], where: str) -> Iterator[str]:
    if any(get_origin(arm) is Literal for arm in arms):
        arms = tuple(arm for arm in arms if arm is not str)  # the SDK leaves its enums open
    found = [list(_judge(value, arm, where)) for arm in arms]
    if all(found):
        yield from min(found, key=len)


def _judge_items(value: Any, kind: Any, where: str) -> Iterator[str]:
    if not isinstance(value, Mapping) or set(value) != {str(i) for i in range(len(value))}:
        yield f"{where}: is no list"
        return
    for index, each in value.items():
        yield from _judge(each, kind, f"{where}[{index}]")


def _judge_members(value: Any, kind: Any, where: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{where}: is no object"
        return
    hints = get_type_hints(kind, localns=_NAMES, include_extras=True)
    known = {name: hint for name, hint in hints.items() if name not in _OPTIONS}
    yield from (f"{where}.{name}: unknown" for name in value if name not in known)
    required = (name for name, hint in known.items() if get_origin(hint) is not NotRequired)
    yield from (f"{where}.{name}: missing" for name in required if name not in value)
    for name in value:
        if name in known:
            yield from _judge(value[name], known[name], f"{where}.{name}")


def _is_texts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(each, str) for each in value.values())


def _never(_: Any) -> bool:
    return False  # an object of the SDK's own, which has no form


def _matches(pattern: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


_IS_PLAIN: Final[dict[Any, Callable[[Any], bool]]] = {
    str: _matches(r"(?s).*"),
    int: _matches(r"-?\d+"),
    float: _matches(r"-?\d+(\.\d+)?"),
    bool: _matches("true|false"),
    dict: _is_texts,  # metadata is the only one
}
