"""What only the SDK's way to the account can show."""

from collections import Counter

import pytest
import stripe

from markethub.adapters.fake.account import Fault
from markethub.domain.operation import CancelIntent, CaptureIntent, UpdateIntent
from markethub.domain.ports.gateway import Done
from tests.support.gateway_rig import FIFTY, NOW, create, new_account, rig_of
from tests.support.stripe_openapi import require_schemas, schema_problems

pytestmark = pytest.mark.anyio


async def test_the_sdk_repeats_a_lock_timeout_by_itself_under_the_same_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)
    account = new_account()
    account.provoke(Fault.LOCK_TIMEOUT, times=2)

    async with rig_of("stripe", account, max_network_retries=2) as rig:
        outcome = await rig.send(create(), key="create:1")

    assert isinstance(outcome, Done)
    assert ["create:1"] * 3 == [each.headers["idempotency-key"] for each in rig.passed]


async def test_every_request_fits_stripes_request_schemas() -> None:
    require_schemas()
    async with rig_of("stripe", new_account()) as rig:
        intent = await rig.authorized()
        await rig.send(UpdateIntent(intent_id=intent.id, amount=FIFTY), key="update:1")
        await rig.send(CaptureIntent(intent_id=intent.id, amount=FIFTY), key="capture:1")
        await rig.send(CancelIntent(intent_id=intent.id, reason="abandoned"), key="cancel:1")
        await rig.gateway.list_intents(created_from=NOW)
        await rig.gateway.account_id()

    assert {("POST", 4), ("GET", 3)} == set(Counter(each.method for each in rig.passed).items())
    assert [] == [
        found for each in rig.passed for found in schema_problems(each.method, each.path, each.form)
    ]


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("", "amount=1&currency=usd&colour=red"),
        ("", "amount=1&currency=usd&automatic_payment_methods[enabled]=1"),
        ("", "amount=1"),
        ("", "amount=1&currency=usd&capture_method=later"),
        ("/pi_1/explode", ""),
    ],
)
def test_those_schemas_refuse_what_stripe_refuses(path: str, form: str) -> None:
    require_schemas()

    assert schema_problems("POST", f"/v1/payment_intents{path}", form)
