"""What every list of past events must do, proved on both: the fake, and Stripe's SDK over HTTP.

Whatever goes out over HTTP is judged by Stripe's own types, in every one of these tests.
"""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import attrs
import pytest

from markethub.adapters.fake.account import Account
from markethub.adapters.stripe.client import StripeApi
from markethub.adapters.stripe.event_source import TYPES_MAXIMUM, ApiEventSource
from markethub.adapters.stripe.event_types import EVENT_TYPES
from markethub.domain.errors import GatewayUnavailable
from markethub.domain.secret import Secret
from tests.support.carriers import to_account
from tests.support.door import Door, Passed, door_of
from tests.support.gateway_rig import NOW, new_account
from tests.support.stripe_openapi import require_schemas, schema_problems
from tests.support.stripe_params import decode_form, problems

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


@attrs.frozen(kw_only=True)
class Rig:
    """A list of events, and the account at its other end."""

    source: ApiEventSource
    account: Account
    passed: Sequence[Passed]

    def ask(self, path: str, **params: object) -> str:
        """Do what somebody else does at the account."""
        answer = self.account.request(method="POST", path=path, params=params, auth="sk_test_dev")
        assert answer.status == 200, answer.body
        return str(answer.body["id"])

    def pay(self) -> str:
        return self.ask(
            "/v1/payment_intents",
            amount=500,
            currency="usd",
            payment_method="pm_card_visa",
            confirm="true",
            automatic_payment_methods={"enabled": "true", "allow_redirects": "never"},
        )

    def stored(self) -> list[str]:
        """Name the events that the account has, oldest first."""
        listed = self.account.request(
            method="GET", path="/v1/events", params={"limit": 100}, auth="sk_test_dev"
        )
        return [event["id"] for event in reversed(listed.body["data"])]

    async def listed(self, since: datetime = NOW, until: datetime = NOW + HOUR) -> list[str]:
        found = await self.source.events(created_from=since, created_until=until)
        assert 0 == found.unreadable
        return [event.id for event in found.events]


def api_of(door: Door, *, key: str = "sk_test_dev") -> StripeApi:
    return StripeApi(
        Secret(key), base_address=door.url, attempt_timeout_s=20, max_network_retries=0
    )


@pytest.fixture(params=["fake", "stripe"])
async def rig(request: pytest.FixtureRequest, anyio_backend: str) -> AsyncIterator[Rig]:
    account = new_account()
    if request.param == "fake":
        yield Rig(source=ApiEventSource(to_account(account)), account=account, passed=[])
        return
    async with door_of(account) as door:
        api = api_of(door)
        source = ApiEventSource(api)
        yield Rig(source=source, account=account, passed=door.passed)
        await source.close()
        assert [] == [
            found for each in door.passed for found in problems(each.method, each.path, each.form)
        ]


async def test_events_come_oldest_first_whichever_list_they_are_in(rig: Rig) -> None:
    for seconds in range(3):
        rig.account.advance(int(NOW.timestamp()) + seconds)
        rig.pay()
        rig.ask("/v1/refunds", payment_intent=rig.pay())

    found = await rig.source.events(created_from=NOW, created_until=NOW + HOUR)

    moments = [event.created_at for event in found.events]
    assert sorted(moments) == moments
    assert {"payment_intent.created", "refund.created"} <= {event.type for event in found.events}
    assert set(rig.stored()) == {event.id for event in found.events}


async def test_every_page_is_read(rig: Rig) -> None:
    for _ in range(60):
        rig.pay()

    found = await rig.listed()

    assert len(found) == len(set(found)) == 180


async def test_only_what_happened_in_between_is_listed(rig: Rig) -> None:
    rig.pay()
    before = rig.stored()
    rig.account.advance(int((NOW + HOUR).timestamp()))
    rig.pay()

    assert before == await rig.listed()
    assert set(rig.stored()) - set(before) == set(await rig.listed(NOW + HOUR, NOW + 2 * HOUR))


async def test_what_no_handler_needs_is_not_asked_for(rig: Rig) -> None:
    rig.ask("/v1/customers")

    assert [] == await rig.listed()
    assert 1 == len(rig.stored())


async def test_no_secret_of_the_customer_comes_along(rig: Rig) -> None:
    rig.pay()

    found = await rig.source.events(created_from=NOW, created_until=NOW + HOUR)

    objects = [json.loads(event.payload)["data"]["object"] for event in found.events]
    assert {"***"} == {obj["client_secret"] for obj in objects if "client_secret" in obj}


async def test_an_account_that_refuses_us_is_no_empty_list() -> None:
    async with door_of(new_account()) as door:
        api = api_of(door, key="sk_test_other")
        with pytest.raises(GatewayUnavailable):
            await ApiEventSource(api).events(created_from=NOW, created_until=NOW + HOUR)
        await api.close()


async def test_every_type_is_asked_for_and_never_more_than_stripe_takes_at_once() -> None:
    account = new_account()
    async with door_of(account) as door:
        api = api_of(door)
        await ApiEventSource(api).events(created_from=NOW, created_until=NOW + HOUR)
        await api.close()

    asked = [list(decode_form(each.form)["types"].values()) for each in door.passed]
    assert sorted(EVENT_TYPES) == sorted(type_ for types in asked for type_ in types)
    assert TYPES_MAXIMUM >= max(map(len, asked))


async def test_the_schemas_of_stripes_api_have_nothing_against_what_is_asked() -> None:
    require_schemas()
    async with door_of(new_account()) as door:
        api = api_of(door)
        await ApiEventSource(api).events(created_from=NOW, created_until=NOW + HOUR)
        await api.close()

    assert [] == [
        found
        for each in door.passed
        for found in schema_problems(each.method, each.path, each.form)
    ]
