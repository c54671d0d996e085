"""Two outside witnesses of what the simulated account answers.

Every kind of object, in several states, is parsed by Stripe's own SDK and compared with the types
that the SDK declares for it at the pinned version; and, where Stripe's published fixtures are
there (STRIPE_OPENAPI_DIR), has their fields and JSON types.
"""

import functools
import json
import operator
import os
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import stripe

from markethub.adapters.fake import network
from markethub.adapters.fake.bank import Bank
from markethub.adapters.fake.files import uploaded
from tests.unit.adapters.fake.shop import START, VISA, Shop, card
from tests.unit.adapters.fake.shop import shop as open_shop

FIXTURES = "fixtures3-2026-07-29.json"

CLASSES: dict[str, type[stripe.StripeObject]] = {
    "account": stripe.Account,
    "balance_transaction": stripe.BalanceTransaction,
    "charge": stripe.Charge,
    "customer": stripe.Customer,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "file": stripe.File,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "setup_attempt": stripe.SetupAttempt,
    "setup_intent": stripe.SetupIntent,
    "radar.early_fraud_warning": stripe.radar.EarlyFraudWarning,
    "refund": stripe.Refund,
    "webhook_endpoint": stripe.WebhookEndpoint,
}

# Fields of the published fixtures that the account does not answer, each with its reason.
LEFT_OUT = {
    "charge.refunds": "included only when it is expanded, since 2022-11-15",
    "event.data.object.": "the fixture's event is about another kind of object",
}


def witnesses() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every kind of object in every state that the account can bring it into."""
    yield from plain_charges(open_shop())
    yield from challenges(open_shop())
    yield from held(open_shop())
    yield from refunds(open_shop())
    yield from disputes(open_shop(dispute_countered_fee=1500))
    yield "converted", in_euro(open_shop(settlement_currency="usd", exchange_rate=(11, 10)))
    yield "processing", open_shop(settles_later=True).charge()
    yield from saved(open_shop(deletion_tells_of_methods=True))
    yield from setups(open_shop())
    yield from endpoints(open_shop())
    processing = open_shop(settles_later=True)
    settling = processing.set_up()
    processing.browser_sets_up(settling)
    yield "processing setup", processing.read(f"setup_intents/{settling['id']}")


def endpoints(shop: Shop) -> Iterator[tuple[str, dict[str, Any]]]:
    address = {"url": "https://shop.example.com/hook", "enabled_events": ["charge.failed"]}
    made = shop.post("webhook_endpoints", address).body
    yield "new endpoint", made
    yield "endpoint", shop.read(f"webhook_endpoints/{made['id']}")


def plain_charges(shop: Shop) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "account", shop.read("account")
    customer = shop.post("customers", {"email": "a@example.com", "name": "Ada"}).body
    yield "customer", customer
    address = {"line1": "1 Main St", "city": "Springfield", "country": "US"}
    described = {
        "customer": customer["id"],
        "description": "Tea",
        "metadata": {"order": "o-1"},
        "receipt_email": "a@example.com",
        "shipping": {"name": "Ada", "address": address},
        "setup_future_usage": "off_session",
        "statement_descriptor_suffix": "TEA",
    }
    yield "new intent", shop.create()
    yield "intent to confirm", shop.create(payment_method="pm_card_visa", **described)
    yield from paid("paid", shop, shop.charge(**described))
    yield from paid("paid by amex", shop, pay(shop, "pm_card_amex"))
    declined = shop.charge("4000000000000002")
    yield "declined intent", declined
    yield "declined charge", shop.read(f"charges/{declined['latest_charge']}")
    blocked = shop.charge("4100000000000019")
    yield "blocked charge", shop.read(f"charges/{blocked['latest_charge']}")
    canceled = shop.create()
    shop.post(f"payment_intents/{canceled['id']}/cancel", {"cancellation_reason": "duplicate"})
    yield "canceled intent", shop.read(f"payment_intents/{canceled['id']}")
    yield "method", shop.post("payment_methods", card()).body
    shop.post(f"customers/{customer['id']}", {"name": "Grace"})
    for event in shop.event_objects():
        yield f"event {event['type']}", event


def pay(shop: Shop, method: str) -> dict[str, Any]:
    return shop.confirm(shop.create(), payment_method=method).body


def paid(name: str, shop: Shop, intent: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    charge = shop.read(f"charges/{intent['latest_charge']}")
    yield f"{name}: intent", intent
    yield f"{name}: charge", charge
    yield f"{name}: method", shop.read(f"payment_methods/{intent['payment_method']}")
    yield f"{name}: line", shop.read(f"balance_transactions/{charge['balance_transaction']}")
    path = f"payment_intents/{intent['id']}"
    yield f"{name}: expanded", shop.read(path, "latest_charge.balance_transaction", "customer")


def challenges(shop: Shop) -> Iterator[tuple[str, dict[str, Any]]]:
    method = "pm_card_authenticationRequired"
    for how in ({}, {"return_url": "https://shop.example.com"}):
        intent = shop.create()
        yield "challenge", shop.confirm(intent, payment_method=method, **how).body
        shop.answers(intent)
        yield from paid("authenticated", shop, shop.read(f"payment_intents/{intent['id']}"))
    intent = shop.create()
    shop.confirm(intent, payment_method=method)
    shop.answers(intent, authenticated=False)
    yield "failed challenge", shop.read(f"payment_intents/{intent['id']}")


def held(shop: Shop) -> Iterator[tuple[str, dict[str, Any]]]:
    intents = [shop.charge(capture_method="manual") for _ in range(3)]
    yield "held intent", intents[0]
    yield "held charge", shop.read(f"charges/{intents[0]['latest_charge']}")
    shop.post(f"payment_intents/{intents[0]['id']}/capture", {"amount_to_capture": 700})
    shop.post(f"payment_intents/{intents[1]['id']}/cancel")
    shop.account.advance(START + 30 * 86_400)
    for name, intent in zip(("captured", "released", "expired"), intents, strict=True):
        yield f"{name} intent", shop.read(f"payment_intents/{intent['id']}")
        yield f"{name} charge", shop.read(f"charges/{intent['latest_charge']}")
    for line in shop.get("balance_transactions").body["data"]:
        yield f"line of a partial capture: {line['type']}", line


def saved(shop: Shop) -> Iterator[tuple[str, dict[str, Any]]]:
    customer, method = shop.saved()
    yield "saved method", shop.read(f"payment_methods/{method}", "customer")
    shop.post(f"payment_methods/{method}", {"card": {"exp_month": 6}, "metadata": {"a": "b"}})
    network.update_card(shop.account, method, exp_year=2034, last4="8431")
    yield "updated method", shop.read(f"payment_methods/{method}")
    chosen = {"invoice_settings": {"default_payment_method": method}}
    yield "customer with a default", shop.post(f"customers/{customer}", chosen).body
    asks = shop.saved("4000002760003184", customer=customer)[1]
    intent = shop.create(customer=customer, payment_method=asks)
    shop.confirm(intent, off_session=True)
    yield "refused off-session", shop.read(f"payment_intents/{intent['id']}")
    yield "detached method", shop.post(f"payment_methods/{method}/detach").body
    network.delete_customer(shop.account, customer)
    yield "deleted customer", shop.read(f"customers/{customer}")
    for event in shop.event_objects():
        yield f"event {event['type']}", event


def setups(shop: Shop) -> Iterator[tuple[str, dict[str, Any]]]:
    customer = shop.post("customers").body["id"]
    given = {"customer": customer, "description": "Card", "metadata": {"user": "u-1"}}
    yield "new setup", shop.set_up(**given)
    yield "setup to confirm", shop.set_up(payment_method="pm_card_visa", usage="on_session")
    for how in ({}, {"return_url": "https://shop.example.com"}):
        intent = shop.set_up(**given)
        path = f"setup_intents/{intent['id']}"
        shop.browser_sets_up(intent, "4000002760003184", **how)
        yield "setup with a challenge", shop.read(path, "latest_attempt")
        shop.answers(intent)
        yield "succeeded setup", shop.read(path)
        yield "expanded setup", shop.read(path, "customer", "latest_attempt", "payment_method")
    failed = shop.set_up(**given)
    shop.browser_sets_up(failed, "4000000000009995")
    yield "declined setup", shop.read(f"setup_intents/{failed['id']}")
    shop.browser_sets_up(failed, "4000002760003184")
    shop.answers(failed, authenticated=False)
    yield "failed setup", shop.read(f"setup_intents/{failed['id']}")
    reason = {"cancellation_reason": "abandoned"}
    yield "canceled setup", shop.post(f"setup_intents/{failed['id']}/cancel", reason).body
    attempts = shop.get("setup_attempts", {"setup_intent": failed["id"]}).body["data"]
    for attempt in attempts:
        yield f"attempt {attempt['status']}", attempt
    for event in shop.event_objects():
        yield f"event {event['type']}", event


def refunds(shop: Shop) -> Iterator[tuple[str, dict[str, Any]]]:
    bank = Bank(shop.account)
    whole, partly, pending, failing = (
        shop.charge(number, description="Tea")
        for number in (VISA, VISA, "4000000000007726", "4000000000005126")
    )
    made = shop.post("refunds", {"payment_intent": whole["id"], "reason": "duplicate"}).body
    yield "refund", made
    yield from refunded("refunded", shop, whole)
    shop.post("refunds", {"payment_intent": partly["id"], "amount": 1, "metadata": {"a": "1"}})
    yield from refunded("partly refunded", shop, partly)
    for name, intent in (("pending refund", pending), ("failing refund", failing)):
        yield name, shop.post("refunds", {"payment_intent": intent["id"]}).body
    bank.start_next_refund(partly["latest_charge"], "requires_action")
    asked = shop.post("refunds", {"payment_intent": partly["id"], "amount": 2}).body
    yield "refund that needs the customer", asked
    yield "canceled refund", shop.post(f"refunds/{asked['id']}/cancel").body
    shop.account.advance(START + 60)
    yield from refunded("refunded later", shop, pending)
    yield from refunded("not refunded after all", shop, failing)
    for line in shop.get("balance_transactions").body["data"]:
        yield f"line of refunds: {line['type']}", line
    yield from events_about(shop, "refund")


def refunded(name: str, shop: Shop, intent: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield f"{name}: charge", shop.read(f"charges/{intent['latest_charge']}", "refunds")
    refund = shop.get("refunds", {"payment_intent": intent["id"]}).body["data"][0]
    path = f"refunds/{refund['id']}"
    yield f"{name}: refund", shop.read(path, "charge", "balance_transaction", "payment_method")
    yield f"{name}: failed", shop.read(path, "failure_balance_transaction", "payment_intent")


def disputes(shop: Shop) -> Iterator[tuple[str, dict[str, Any]]]:
    bank = Bank(shop.account)
    content = b"%PDF-1.7"
    file = shop.post(
        "files", {"purpose": "dispute_evidence", "file": uploaded("receipt.pdf", content)}
    ).body
    yield "file", file
    names = ("259", "2685", "1976", "5423")
    chargeback, lost, inquiry, warned = (shop.charge(f"400000000000{n:0>4}") for n in names)
    several = shop.charge("4000000404000079")
    shop.account.advance(START + 60)
    evidence = {"receipt": file["id"], "uncategorized_text": "winning_evidence"}
    for name, intent in (("chargeback", chargeback), ("lost", lost), ("inquiry", inquiry)):
        dispute = shop.get("disputes", {"payment_intent": intent["id"]}).body["data"][0]
        yield f"{name}: new dispute", dispute
        yield f"{name}: charge", shop.read(f"charges/{intent['latest_charge']}")
        path = f"disputes/{dispute['id']}"
        if name == "lost":
            yield "accepted dispute", shop.post(f"{path}/close").body
        else:
            yield f"{name}: answered", shop.post(path, {"evidence": evidence}).body
            shop.account.advance(shop.account.now + 60)
        yield f"{name}: closed", shop.read(path, "charge", "payment_intent")
    for status in ("lost", "prevented"):
        yield f"born {status}", dict(bank.open_dispute(several["latest_charge"], status=status))
    shop.post("refunds", {"payment_intent": warned["id"]})
    path = "radar/early_fraud_warnings"
    warning = shop.get(path).body["data"][0]
    yield "warning", warning
    yield "expanded warning", shop.read(f"{path}/{warning['id']}", "charge", "payment_intent")
    for line in shop.get("balance_transactions").body["data"]:
        yield (
            f"line of disputes: {line['reporting_category']}",
            shop.read(f"balance_transactions/{line['id']}", "source"),
        )
    yield from events_about(shop, "dispute")


def events_about(shop: Shop, word: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for event in shop.event_objects():
        if word in event["type"] or "fraud" in event["type"]:
            yield f"event {event['type']}", event


def in_euro(shop: Shop) -> dict[str, Any]:
    charge = shop.read(f"charges/{shop.charge(currency='eur')['latest_charge']}")
    return shop.read(f"balance_transactions/{charge['balance_transaction']}")


WITNESSES = list(witnesses())
IDS = [name for name, _ in WITNESSES]


# --- the SDK ----------------------------------------------------------------------------------


def misfits(where: str, value: object, declared: Any) -> Iterator[str]:
    """Yield what does not fit a type as the SDK declares it."""
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if origin in (typing.Union, types.UnionType):
        attempts = [list(misfits(where, value, argument)) for argument in arguments]
        if all(attempts):
            # Told is what is wrong with the alternative that the value comes closest to.
            yield from max(attempts, key=lambda attempt: where + "." in attempt[0])
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{where}: {value!r} is none of {arguments}"
    elif origin is list and isinstance(value, list):
        for item in value:
            yield from misfits(f"{where}[]", item, arguments[0])
    elif isinstance(declared, type) and issubclass(declared, stripe.StripeObject):
        yield from object_misfits(where, value, declared)
    elif not is_plainly(origin or declared, value):
        yield f"{where}: {value!r} is no {declared}"


def is_plainly(declared: Any, value: object) -> bool:
    if declared is float:
        return type(value) in (int, float)
    if declared not in (bool, int, str, dict, list, types.NoneType):
        # With free keys, such as metadata, or a list object.
        return issubclass(declared, stripe.StripeObject) and isinstance(value, dict)
    return type(value) is declared


def object_misfits(where: str, value: object, declared: type[stripe.StripeObject]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is no object"
        return
    kind = getattr(declared, "OBJECT_NAME", None)
    if kind is not None and value.get("object") != kind:
        yield f"{where}: is no {kind}"
        return
    hints = hints_of(declared)
    for name, item in value.items():
        if name in ("object", "deleted"):
            continue
        if name not in hints:
            yield f"{where}.{name}: is unknown to the SDK"
        else:
            yield from misfits(f"{where}.{name}", item, hints[name])
    for name, hint in hints.items():
        is_optional = type(None) in typing.get_args(hint)
        if name not in value and not is_optional and typing.get_origin(hint) is not typing.ClassVar:
            yield f"{where}.{name}: is missing"


def hints_of(declared: type[stripe.StripeObject]) -> dict[str, Any]:
    """Return the fields that a class of the SDK declares; names in strings are looked up."""
    module = sys.modules[declared.__module__]
    own = {
        name: hint
        for name, hint in vars(declared).get("__annotations__", {}).items()
        if not name.startswith("_")
    }
    return {name: resolved(hint, vars(module)) for name, hint in own.items()}


class Elsewhere(stripe.StripeObject):
    """A class that the SDK names and does not show: none of ours, so nothing fits it."""

    OBJECT_NAME = "elsewhere"


RENAMED = {"DisputeResource": stripe.Dispute}
"""What one of the SDK's modules imports under another name."""


class Names(dict[str, Any]):
    """What the SDK's annotations may name: some of it only its type checker imports."""

    def __missing__(self, name: str) -> Any:
        plain = getattr(typing, name, None) or getattr(stripe, name, Elsewhere)
        return RENAMED.get(name, plain)


def resolved(hint: Any, names: Mapping[str, Any]) -> Any:
    if isinstance(hint, typing.ForwardRef):
        hint = hint.__forward_arg__
    if isinstance(hint, str):
        return resolved(eval(hint, {}, Names(names)), names)  # noqa: S307 - the SDK's own words
    arguments = typing.get_args(hint)
    if not arguments or typing.get_origin(hint) is typing.Literal:
        return hint
    inner = tuple(resolved(argument, names) for argument in arguments)
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return functools.reduce(operator.or_, inner)
    return list[inner] if origin is list else hint  # type: ignore[valid-type]  # known only now


@pytest.mark.parametrize(("_name", "value"), WITNESSES, ids=IDS)
def test_the_sdk_reads_it_back_as_it_was(_name: str, value: dict[str, Any]) -> None:
    parsed = CLASSES[value["object"]].construct_from(value, "sk_test_dev")

    assert value == parsed.to_dict(recursive=True)


# The SDK has no class for what is left of a deleted object.
WHOLE = [(name, value) for name, value in WITNESSES if not value.get("deleted")]


@pytest.mark.parametrize(("_name", "value"), WHOLE, ids=[name for name, _ in WHOLE])
def test_the_sdk_declares_every_field_and_type_of_it(_name: str, value: dict[str, Any]) -> None:
    kind = value["object"]

    assert [] == list(misfits(kind, value, CLASSES[kind]))


@pytest.mark.parametrize(
    "broken",
    [
        {"amount": "100"},
        {"amount": None},
        {"amount": True},
        {"colour": "red"},
        {"latest_charge": {"object": "customer"}},
        {"payment_method_types": "card"},
        {"automatic_payment_methods": {"enabled": "yes"}},
    ],
)
def test_the_comparison_notices_what_is_wrong(broken: dict[str, Any]) -> None:
    value = {**open_shop().charge(), **broken}

    assert [] != list(misfits("payment_intent", value, stripe.PaymentIntent))


def test_the_sdk_builds_an_event_from_its_json() -> None:
    shop = open_shop()
    shop.charge()
    body = json.dumps(shop.event_objects()[-1])

    event = stripe.Event.construct_from(json.loads(body), "sk_test_dev")

    assert isinstance(event.data.object, stripe.PaymentIntent)
    assert "succeeded" == event.data.object.status


# --- the fixtures -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fixtures() -> dict[str, Any]:
    folder = os.environ.get("STRIPE_OPENAPI_DIR")
    if not folder or not (Path(folder) / FIXTURES).is_file():
        pytest.skip(f"STRIPE_OPENAPI_DIR names no folder with {FIXTURES}: Stripe's published data")
    found: dict[str, Any] = json.loads((Path(folder) / FIXTURES).read_text())["resources"]
    return found


def differences(where: str, ours: Any, theirs: Any) -> Iterator[str]:
    """Yield where ours lacks a field of theirs, or has another JSON type. Null says nothing."""
    if ours is None or theirs is None:
        return
    if isinstance(ours, dict) and isinstance(theirs, str):
        return  # expanded
    if json_type(ours) != json_type(theirs):
        yield f"{where}: {json_type(ours)}, not {json_type(theirs)}"
    elif isinstance(ours, dict) and f"{where}." not in LEFT_OUT and theirs:
        for name in sorted(theirs.keys() - ours.keys()):
            if f"{where}.{name}" not in LEFT_OUT:
                yield f"{where}.{name}: is missing"
        for name in sorted(theirs.keys() & ours.keys()):
            yield from differences(f"{where}.{name}", ours[name], theirs[name])


def json_type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {int: "number", float: "number", str: "string", dict: "object", list: "array"}
    return names[type(value)]


@pytest.mark.parametrize(("_name", "value"), WITNESSES, ids=IDS)
def test_it_has_the_fields_and_types_of_stripes_fixture(
    _name: str, value: dict[str, Any], fixtures: dict[str, Any]
) -> None:
    kind = value["object"]
    theirs = fixtures["deleted_customer" if value.get("deleted") else kind]

    if kind == "payment_intent" and value["metadata"]:
        theirs = {**theirs, "metadata": {}}
    if kind == "payment_method":
        theirs = {**theirs, "metadata": {}}
    assert [] == list(differences(kind, value, theirs))
