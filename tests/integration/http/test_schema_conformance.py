"""Whatever is sent, by whomever: the answer is one that the OpenAPI document promises.

schemathesis makes requests from the document, right ones and wrong ones, and holds each answer to
it: no 5xx, a documented status, a body of the documented type and shape.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast
from zlib import crc32

import attrs
import jwt
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.generation.modes import GenerationMode
from schemathesis.python.asgi import get_client

from markethub.adapters.fake.bank import Bank
from markethub.domain.approval import ApprovalLimit
from markethub.domain.errors import ApprovalRequired
from markethub.domain.facts import CaptureMethod
from markethub.domain.money import Money
from markethub.domain.ports.disputes import DisputeFilter
from markethub.entrypoints.container import build_container
from markethub.entrypoints.http.app import create_app
from markethub.entrypoints.http.limits import Limits, Rate
from markethub.entrypoints.setting_values import Role
from tests.support.app import SETTINGS, STOREFRONT, TOKEN_SECRET, Headers, bearer, ops
from tests.support.world import World

ENDLESS: Final = Rate(burst=1_000_000, per_second=1_000_000)
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
UNSAYABLE: Final = re.compile(
    "cursor: is not one of ours"  # opaque, and signed by what it was made of
    "|contains a NUL character|contains a card number"  # no regular expression should say it
    "|off_session: needs a method_id"  # one field depends on another
    "|discount: is more than "  # one field is judged by others
    "|Expected `int`, got `float`"  # 1.0 is an integer to a schema, and no amount to us
    "|file: must "  # what is inside a file
    "|(order|payment|customer)_id: (is no id|must be 1 to 64)"  # published from their types
    "|the signature is "
    "|no signature matches"
)
"""What is refused with 400 though the document allows it, and why the document does not say it."""

# Which operations there are must be known before any test runs.
SCHEMA: Final = schemathesis.openapi.from_asgi(
    "/schema/openapi.json", create_app(build_container(SETTINGS), lifespan=[])
)


@attrs.frozen
class Shop:
    """An application with something of everything in it."""

    client: Any
    callers: Mapping[str, Headers]
    known: Mapping[str, str]
    """An id that exists, by the name of the parameter in the path."""


async def _furnish(world: World) -> dict[str, str]:
    method = await world.save_card()
    payment = await world.paid("o-1")
    refund = await world.refund(payment, 1000)
    Bank(world.account).open_dispute(str(payment.charge_id), amount=500)
    await world.register("o-2")
    world.pay(await world.charge("o-2", capture=CaptureMethod.MANUAL))
    await world.work()
    too_much = await world.paid("o-3")
    with pytest.raises(ApprovalRequired) as refused:
        await world.refund(too_much, 3000)
    [dispute] = (await world.container.dispute_queries().disputes(DisputeFilter())).items
    return {
        "order_id": "o-2",
        "payment_id": payment.id,
        "refund_id": refund.id,
        "approval_id": refused.value.approval_id,
        "dispute_id": dispute.id,
        "customer_id": "c-1",
        "method_id": method.id,
    }


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    limit = ApprovalLimit({"usd": Money.of(2000, "usd")})
    world = World(build_container(attrs.evolve(SETTINGS, refund_approval_limit=limit)))
    known = asyncio.run(_furnish(world))
    limits = Limits(address=ENDLESS, customer=ENDLESS, operator=ENDLESS)
    app = create_app(world.container, lifespan=[], limits=limits)
    now = int(world.clock.now().timestamp())
    claims = {"sub": "c-1", "aud": "markethub", "exp": now + 3600}
    callers = {
        "nobody": {},
        "storefront": STOREFRONT,
        "customer": bearer(jwt.encode(claims, TOKEN_SECRET, algorithm="HS256")),
        "viewer": ops(Role.VIEWER),
        "admin": ops(Role.ADMIN),
    }
    # Narrower types, same protocol.
    with get_client(cast(Any, app)) as client:
        yield Shop(client=client, callers=callers, known=known)


@SCHEMA.parametrize()
@settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_the_document_says(case: Any, shop: Shop) -> None:
    draw = crc32(repr((case.query, case.headers, case.body)).encode())
    others = [name for name in shop.callers if name not in ("storefront", "admin")]
    for caller in ("storefront", "admin", others[draw % len(others)]):
        # Every other time for what exists, and the first time for what does not.
        if caller != "storefront" or draw % 2:
            for name in case.path_parameters or {}:
                case.path_parameters[name] = shop.known[name]
        headers = dict(shop.callers[caller])
        answer = case.call_and_validate(session=shop.client, headers=headers, checks=CHECKS)
        is_right = case.meta.generation.mode is GenerationMode.POSITIVE
        if is_right and answer.status_code == 400:
            assert UNSAYABLE.search(answer.json()["detail"]), answer.json()
