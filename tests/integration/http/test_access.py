"""Who may call what: every operation of the OpenAPI document, for every kind of caller."""

import json
from typing import Any, Final

import attrs
import jwt
import pytest
from httpx import ASGITransport, AsyncClient, Response
from litestar import Litestar, get

from markethub.entrypoints.http.auth import Authenticator
from markethub.entrypoints.http.entrance import Entrance
from markethub.entrypoints.http.errors import EXCEPTION_HANDLERS
from markethub.entrypoints.http.limits import Limits, RateLimiter
from markethub.entrypoints.setting_values import Role
from tests.support.app import SETTINGS, TOKEN_SECRET, Api, Headers, bearer, ops, order_body, serving

pytestmark = pytest.mark.anyio

NOBODY, FORGED, SHOP = "nobody", "forged", "storefront"
VIEWER, SUPPORT, REFUNDER, ADMIN = "viewer", "support", "refunder", "admin"
OWNER, STRANGER = "owner", "stranger"
CALLERS: Final = (NOBODY, FORGED, SHOP, VIEWER, SUPPORT, REFUNDER, ADMIN, OWNER, STRANGER)

METHODS: Final = "/api/customers/{customer_id}/payment-methods"
ORDER = "/api/orders/{order_id}"
PAYMENT = "/api/payments/{payment_id}"
DISPUTE = "/api/disputes/{dispute_id}"
APPROVAL = "/api/approvals/{approval_id}"
CREATE = "/api/stripe/create-payment-intent/{order_id}"
CONFIRM = "/api/stripe/confirm-payment"

_STOREFRONT_ONLY = {SHOP: 200}
_SHOP_AND_CUSTOMER = {SHOP: 200, OWNER: 200, STRANGER: 404}
_STAFF = {SHOP: 200, SUPPORT: 200, REFUNDER: 200, ADMIN: 200}
_OPS = {VIEWER: 200, SUPPORT: 200, REFUNDER: 200, ADMIN: 200}
_ANSWERING = (SUPPORT, REFUNDER, ADMIN)
_READERS = {**_OPS, SHOP: 200, OWNER: 200, STRANGER: 404}

MATRIX: Final[dict[tuple[str, str], dict[str, int]]] = {
    ("put", ORDER): _STOREFRONT_ONLY,
    ("get", ORDER): _SHOP_AND_CUSTOMER,
    ("delete", ORDER): _STOREFRONT_ONLY,
    ("post", CREATE): _SHOP_AND_CUSTOMER,
    ("post", CONFIRM): _SHOP_AND_CUSTOMER,
    ("post", "/api/stripe/webhook"): dict.fromkeys(CALLERS, 400),  # only a signature opens it
    ("get", "/api/payments"): {**_READERS, STRANGER: 200},  # an empty list
    ("get", PAYMENT): _READERS,
    ("post", f"{PAYMENT}/capture"): _STAFF,
    ("post", f"{PAYMENT}/cancel"): _STAFF,
    ("post", f"{PAYMENT}/refunds"): dict.fromkeys((SHOP, REFUNDER, ADMIN), 400),  # without a key
    ("get", "/api/refunds"): {**_OPS, SHOP: 200},
    ("get", "/api/refunds/{refund_id}"): dict.fromkeys((*_OPS, SHOP), 404),  # there is none
    ("get", "/api/approvals"): _OPS,
    ("get", APPROVAL): dict.fromkeys(_OPS, 404),
    ("post", f"{APPROVAL}/approve"): dict.fromkeys((REFUNDER, ADMIN), 404),
    ("post", f"{APPROVAL}/reject"): dict.fromkeys((REFUNDER, ADMIN), 404),
    ("get", "/api/disputes"): _OPS,
    # There is none: whoever may look is told so.
    ("get", DISPUTE): dict.fromkeys(_OPS, 404),
    ("put", f"{DISPUTE}/evidence"): dict.fromkeys(_ANSWERING, 404),
    ("post", f"{DISPUTE}/files"): dict.fromkeys(_ANSWERING, 415),  # no file is in this body
    ("post", f"{DISPUTE}/submit"): dict.fromkeys(_ANSWERING, 404),
    ("post", f"{DISPUTE}/accept"): dict.fromkeys((REFUNDER, ADMIN), 404),
    ("get", METHODS): _SHOP_AND_CUSTOMER,
    ("post", f"{METHODS}/setup-intent"): _SHOP_AND_CUSTOMER,
    ("post", f"{METHODS}/{{method_id}}/default"): _SHOP_AND_CUSTOMER,
    ("delete", f"{METHODS}/{{method_id}}"): {SHOP: 204, OWNER: 204, STRANGER: 404},
    ("get", "/health/live"): dict.fromkeys(CALLERS, 200),
    ("get", "/health/ready"): dict.fromkeys(CALLERS, 200),
    ("get", "/metrics"): _OPS,
}
"""What each caller is answered; who is not listed is unknown (401) or forbidden (403)."""


def _expected(operation: tuple[str, str], caller: str) -> int:
    unlisted = 401 if caller in (NOBODY, FORGED) else 403
    return MATRIX[operation].get(caller, unlisted)


def _headers(api: Api, caller: str) -> Headers:
    match caller:
        case "nobody":
            return {}
        case "forged":
            return bearer("storefront-kez")
        case "storefront":
            return bearer("storefront-key")
        case "owner":
            return api.customer("c-1")
        case "stranger":
            return api.customer("c-2")
        case role:
            return ops(Role(role))


async def _call(api: Api, operation: tuple[str, str], caller: str) -> Response:
    """Call an operation on an order of c-1 whose money is held."""
    held = operation[1].endswith(("capture", "cancel"))
    if held:
        payment = (await api.authorized()).payment
    else:
        await api.world.register()
        payment = (await api.world.charge()).payment
    method, template = operation
    body: Any = None
    if template == ORDER and method == "put":
        body = order_body()
    if template == f"{DISPUTE}/evidence":
        body = {}
    if template == CONFIRM:
        body = {"payment_intent_id": payment.intent_id}
    method_id = (await api.world.save_card()).id if template.startswith(METHODS) else None
    path = template.format(
        order_id="o-1",
        payment_id=payment.id,
        dispute_id="dsp_none",
        refund_id="ref_none",
        approval_id="apr_none",
        customer_id="c-1",
        method_id=method_id,
    )
    return await api.call(method.upper(), path, body, caller=_headers(api, caller))


async def test_the_matrix_holds_every_operation_of_the_document(api: Api) -> None:
    document = (await api.get("/schema/openapi.json")).json()

    assert set(MATRIX) == {
        (method, path) for path, item in document["paths"].items() for method in item
    }


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("operation", list(MATRIX), ids=" ".join)
async def test_a_caller_gets_what_is_theirs_and_nothing_else(
    api: Api, operation: tuple[str, str], caller: str
) -> None:
    answer = await _call(api, operation, caller)

    assert _expected(operation, caller) == answer.status_code


@pytest.mark.parametrize("operation", list(MATRIX), ids=" ".join)
async def test_a_refused_caller_changes_nothing(api: Api, operation: tuple[str, str]) -> None:
    refused = [caller for caller in CALLERS if _expected(operation, caller) in (401, 403, 404)]
    payment = (await api.authorized()).payment
    path = operation[1].format(
        order_id="o-1",
        payment_id=payment.id,
        dispute_id="dsp_none",
        refund_id="ref_none",
        approval_id="apr_none",
        customer_id="c-1",
        method_id=(await api.world.save_card()).id,
    )
    before = await api.state()

    for caller in refused:
        body = {"payment_intent_id": payment.intent_id} if path == CONFIRM else {}
        await api.call(operation[0].upper(), path, body, caller=_headers(api, caller))

    assert before == await api.state()


async def test_somebody_elses_payment_looks_like_one_that_does_not_exist(api: Api) -> None:
    await api.world.register()
    payment = (await api.world.charge()).payment

    foreign = await api.get(f"/api/payments/{payment.id}/", caller=api.customer("c-2"))
    missing = await api.get("/api/payments/pay_missing/", caller=api.customer("c-2"))

    assert foreign.content == missing.content


async def test_how_an_order_is_captured_is_not_the_customers_to_say(api: Api) -> None:
    await api.world.register()

    answer = await api.call(
        "POST", CREATE.format(order_id="o-1"), {"capture": "manual"}, caller=api.customer()
    )

    assert (403, "forbidden") == (answer.status_code, answer.json()["code"])
    assert [] == api.world.intents()


async def test_a_route_that_names_nobody_is_closed_to_everybody(api: Api) -> None:
    @get("/forgotten")
    async def forgotten() -> None: ...

    clock = api.world.clock
    authenticator = Authenticator(
        storefront_keys=SETTINGS.storefront_keys,
        ops_keys=SETTINGS.ops_keys,
        customer_token_secret=SETTINGS.customer_token_secret,
        clock=clock,
    )
    app = Litestar(
        [forgotten],
        middleware=[
            Entrance(
                authenticator,
                RateLimiter(Limits(), clock=clock),
                api.world.container.record_audit(),
            )
        ],
        exception_handlers=EXCEPTION_HANDLERS,
    )
    transport = ASGITransport(app=app)  # type: ignore[arg-type]  # narrower types, same protocol
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        callers = (bearer("storefront-key"), api.customer(), ops(Role.ADMIN))
        answers = [await client.get("/forgotten", headers=caller) for caller in callers]

    assert [403, 403, 403] == [answer.status_code for answer in answers]


async def test_a_missing_token_is_asked_for(api: Api) -> None:
    answer = await api.get("/api/orders/o-1/", caller={})

    assert (401, "unauthorized") == (answer.status_code, answer.json()["code"])
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header",
    [
        "storefront-key",
        "Basic storefront-key",
        "Bearer",
        "Bearer ",
        "Bearer storefront-key,storefront-key",
        "Bearer STOREFRONT-KEY",
        "Bearer " + "x" * 5000,
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer shop:storefront-key",
    ],
)
async def test_a_header_that_is_no_bearer_token_of_ours_opens_nothing(
    api: Api, header: str
) -> None:
    answer = await api.get("/api/payments/", caller={"Authorization": header})

    assert 401 == answer.status_code


async def test_the_schemes_name_is_case_insensitive(api: Api) -> None:
    answer = await api.get("/api/payments/", caller={"Authorization": "bearer storefront-key"})

    assert 200 == answer.status_code


# --- customers' tokens ------------------------------------------------------------------------


async def test_a_token_opens_until_the_moment_it_expires(api: Api) -> None:
    token = api.customer()
    api.world.clock.advance(seconds=3599)
    assert 200 == (await api.get("/api/payments/", caller=token)).status_code

    api.world.clock.advance(seconds=1)

    assert 401 == (await api.get("/api/payments/", caller=token)).status_code


async def test_a_token_may_live_for_a_day_at_most(api: Api) -> None:
    now = int(api.world.clock.now().timestamp())

    day = await api.get("/api/payments/", caller=api.customer(exp=now + 24 * 3600))
    longer = await api.get("/api/payments/", caller=api.customer(exp=now + 24 * 3600 + 1))

    assert (200, 401) == (day.status_code, longer.status_code)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"aud": None},
        {"aud": "elsewhere"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "c 1"},
        {"sub": "c-1\0"},
        {"sub": "x" * 65},
        {"nbf": 4_000_000_000},
        {"nbf": "yesterday"},
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_claim_opens_nothing(api: Api, claims: dict[str, Any]) -> None:
    try:
        token = api.customer(**claims)
    except TypeError:
        # PyJWT refuses to issue a subject that is no text; a forger's library may not.
        token = _signed_by_hand({**_claims(api), **claims})

    answer = await api.get("/api/payments/", caller=token)

    assert 401 == answer.status_code


@pytest.mark.parametrize("algorithm", ["HS384", "HS512", "none"])
async def test_a_token_of_another_algorithm_opens_nothing(api: Api, algorithm: str) -> None:
    secret = "" if algorithm == "none" else TOKEN_SECRET * 2
    token = jwt.encode(_claims(api), secret, algorithm=algorithm)

    answer = await api.get("/api/payments/", caller=bearer(token))

    assert 401 == answer.status_code


async def test_a_token_of_another_secret_opens_nothing(api: Api) -> None:
    token = jwt.encode(_claims(api), "x" * 32, algorithm="HS256")

    answer = await api.get("/api/payments/", caller=bearer(token))

    assert 401 == answer.status_code


async def test_without_a_secret_there_are_no_customers() -> None:

    async with serving(attrs.evolve(SETTINGS, customer_token_secret=None)) as api:
        answer = await api.get("/api/payments/", caller=api.customer())

    assert 401 == answer.status_code


def _claims(api: Api) -> dict[str, Any]:
    now = int(api.world.clock.now().timestamp())
    return {"sub": "c-1", "aud": "markethub", "exp": now + 60}


def _signed_by_hand(claims: dict[str, Any]) -> Headers:

    token = jwt.PyJWS().encode(json.dumps(claims).encode(), TOKEN_SECRET, algorithm="HS256")
    return bearer(token)
