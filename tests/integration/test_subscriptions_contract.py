"""What the provider's endpoints must do, proved on both: the fake, and Stripe's SDK over HTTP.

Whatever goes out over HTTP is judged by Stripe's own types, in every one of these tests; so the
use cases that set and rotate endpoints are proved here, too.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import attrs
import pytest

from markethub.adapters.fake.account import Account, Fault
from markethub.adapters.stripe.client import StripeApi
from markethub.adapters.stripe.event_types import EVENT_TYPES
from markethub.adapters.stripe.requests import API_VERSION
from markethub.adapters.stripe.subscriptions import ApiSubscriptions
from markethub.adapters.system import TypeIds
from markethub.domain.errors import (
    GatewayRejected,
    GatewayUnavailable,
    InvalidTransition,
    NotFound,
    ValidationFailed,
)
from markethub.domain.ids import EndpointId
from markethub.domain.secret import Secret
from markethub.domain.subscription import Comparison, EndpointUrl, Wanted, secret_mark
from markethub.domain.usecases.apply_subscription import ApplySubscription, MakeEndpoint
from markethub.domain.usecases.plan_subscription import PlanSubscription
from markethub.domain.usecases.rotate_subscription import RotateSubscription
from tests.support.carriers import to_account
from tests.support.door import Passed, door_of
from tests.support.gateway_rig import NOW, new_account
from tests.support.stripe_openapi import require_schemas, schema_problems
from tests.support.stripe_params import problems

pytestmark = pytest.mark.anyio

PATH = "/v1/webhook_endpoints"
URL = EndpointUrl("https://shop.example.com/api/stripe/webhook/")
STAGING = EndpointUrl("https://staging.example.com/api/stripe/webhook/")
WANTED = Wanted(types=frozenset(EVENT_TYPES), api_version=API_VERSION, livemode=False)


@attrs.define(kw_only=True)
class Rig:
    """Endpoints, the account that has them, and what our settings accept."""

    subscriptions: ApiSubscriptions
    account: Account
    passed: Sequence[Passed]
    accepted: list[Secret] = attrs.field(factory=list)

    @property
    def plan(self) -> PlanSubscription:
        return PlanSubscription(
            subscriptions=self.subscriptions, wanted=WANTED, accepted=tuple(self.accepted)
        )

    @property
    def _make(self) -> MakeEndpoint:
        return MakeEndpoint(subscriptions=self.subscriptions, wanted=WANTED, ids=TypeIds())

    @property
    def apply(self) -> ApplySubscription:
        return ApplySubscription(
            plan=self.plan, make=self._make, subscriptions=self.subscriptions, ids=TypeIds()
        )

    @property
    def rotate(self) -> RotateSubscription:
        return RotateSubscription(plan=self.plan, make=self._make, subscriptions=self.subscriptions)

    async def set_up(self, url: EndpointUrl = URL) -> EndpointId:
        """Make an endpoint, and put its secret into the settings."""
        made = (await self.apply(url)).made
        assert made is not None
        self.accepted.append(made.new.secret)
        return made.new.endpoint.id

    async def ids(self) -> list[str]:
        return [each.id for each in await self.subscriptions.endpoints()]

    def there(self, id: str) -> Mapping[str, Any]:
        """Read an endpoint as the account has it."""
        answer = self.account.request(method="GET", path=f"{PATH}/{id}", auth="sk_test_dev")
        return answer.body

    def dashboard(self, path: str = PATH, **params: object) -> str:
        """Do what somebody does in the provider's dashboard."""
        answer = self.account.request(method="POST", path=path, params=params, auth="sk_test_dev")
        assert answer.status == 200, answer.body
        return str(answer.body["id"])


@pytest.fixture(params=["fake", "stripe"])
async def rig(request: pytest.FixtureRequest, anyio_backend: str) -> AsyncIterator[Rig]:
    account = new_account()
    if request.param == "fake":
        yield Rig(subscriptions=ApiSubscriptions(to_account(account)), account=account, passed=[])
        return
    async with door_of(account) as door:
        api = StripeApi(
            Secret("sk_test_dev"),
            base_address=door.url,
            attempt_timeout_s=20,
            max_network_retries=0,
        )
        subscriptions = ApiSubscriptions(api)
        yield Rig(subscriptions=subscriptions, account=account, passed=door.passed)
        await subscriptions.close()
        assert [] == [
            found for each in door.passed for found in problems(each.method, each.path, each.form)
        ]


def told(comparison: Comparison) -> dict[str, list[str]]:
    return {
        each.endpoint.id: [problem.value for problem in each.problems]
        for each in comparison.findings
    }


# --- the port -----------------------------------------------------------------------------------


async def test_an_endpoint_is_made_as_wanted_and_shows_its_secret_once(rig: Rig) -> None:
    new = await rig.subscriptions.create(WANTED, url=URL, idempotency_key="k")

    assert [new.endpoint] == list(await rig.subscriptions.endpoints())
    assert (URL.value, WANTED.types, API_VERSION, True, False) == (
        new.endpoint.url,
        new.endpoint.types,
        new.endpoint.api_version,
        new.endpoint.is_enabled,
        new.endpoint.livemode,
    )
    assert re.fullmatch(r"whsec_\w{32}", new.secret.reveal())
    assert "secret" not in rig.there(new.endpoint.id)


async def test_the_same_key_makes_one_endpoint_with_one_secret(rig: Rig) -> None:
    first = await rig.subscriptions.create(WANTED, url=URL, idempotency_key="k")
    again = await rig.subscriptions.create(WANTED, url=URL, idempotency_key="k")

    assert first == again
    assert 1 == len(await rig.ids())


async def test_endpoints_are_listed_newest_first(rig: Rig) -> None:
    made = []
    for number in range(3):
        rig.account.advance(int(NOW.timestamp()) + number)
        made.append(rig.dashboard(url=URL.value, enabled_events=["*"]))

    assert made[::-1] == await rig.ids()


async def test_a_deleted_endpoint_stays_deleted(rig: Rig) -> None:
    new = await rig.subscriptions.create(WANTED, url=URL, idempotency_key="k")

    await rig.subscriptions.delete(new.endpoint.id)
    await rig.subscriptions.delete(new.endpoint.id)

    assert [] == await rig.ids()


@pytest.mark.parametrize("id", ["we_missing", "", "../events"])
async def test_what_is_not_there_cannot_be_updated(rig: Rig, id: str) -> None:
    with pytest.raises(NotFound):
        await rig.subscriptions.update(EndpointId(id), WANTED, idempotency_key="k")


async def test_what_the_provider_refuses_is_told_from_an_outage(rig: Rig) -> None:
    local = EndpointUrl("http://localhost:8000/api/stripe/webhook/")
    with pytest.raises(GatewayRejected):
        await rig.subscriptions.create(WANTED, url=local, idempotency_key="k")

    rig.account.provoke(Fault.RATE_LIMITED)
    with pytest.raises(GatewayUnavailable):
        await rig.subscriptions.create(WANTED, url=URL, idempotency_key="k2")


# --- plan and apply -----------------------------------------------------------------------------


async def test_applying_makes_an_endpoint_and_repeated_does_nothing(rig: Rig) -> None:
    id_ = await rig.set_up()
    again = await rig.apply(URL)

    assert (None, None) == (again.made, again.updated)
    assert again.after.is_equal
    assert [id_] == await rig.ids()


async def test_a_plan_tells_of_a_secret_that_our_settings_lack(rig: Rig) -> None:
    id_ = await rig.set_up()
    assert (await rig.plan()).is_equal

    rig.accepted = [Secret("whsec_other")]
    assert {id_: ["unknown_secret"]} == told(await rig.plan())


async def test_what_differs_is_updated_and_nothing_else(rig: Rig) -> None:
    id_ = await rig.set_up()
    other = rig.dashboard(url="https://shop.example.com/else", enabled_events=["*"])
    rig.dashboard(
        f"{PATH}/{id_}", enabled_events=["charge.failed", "invoice.paid"], disabled="true"
    )
    before, elsewhere = rig.there(id_), rig.there(other)

    applied = await rig.apply(URL)

    assert applied.updated is not None
    assert applied.after.is_equal
    changed = {**before, "enabled_events": list(EVENT_TYPES), "status": "enabled"}
    assert changed == rig.there(id_)
    assert elsewhere == rig.there(other)


async def test_another_version_takes_another_endpoint_beside_the_old_one(rig: Rig) -> None:
    old = rig.dashboard(url=URL.value, enabled_events=list(EVENT_TYPES), api_version="2017-08-15")

    new = await rig.set_up()

    assert {new: [], old: ["superseded"]} == told(await rig.plan())
    assert "enabled" == rig.there(old)["status"]
    assert (await rig.apply(URL)).made is None


async def test_an_endpoint_on_another_host_is_left_alone(rig: Rig) -> None:
    staging = await rig.set_up(STAGING)
    live = await rig.set_up(URL)

    assert {staging: [], live: []} == told(await rig.plan())
    assert [staging] == [each.id for each in (await rig.plan(URL)).elsewhere]


async def test_an_endpoint_whose_making_got_lost_is_found_by_the_plan(rig: Rig) -> None:
    rig.account.provoke(Fault.STORED_500)
    with pytest.raises(GatewayUnavailable, match="a plan tells"):
        await rig.apply(URL)

    [lost] = await rig.ids()
    assert {lost: ["unknown_secret"]} == told(await rig.plan())
    assert (await rig.apply(URL)).made is None


async def test_a_lost_secret_is_replaced_by_a_rotation(rig: Rig) -> None:
    rig.account.provoke(Fault.STORED_500)
    with pytest.raises(GatewayUnavailable):
        await rig.apply(URL)

    rig.accepted.append((await rig.rotate.begin()).new.secret)
    await rig.rotate.finish(await rig.rotate.finishable())

    assert (await rig.plan()).is_equal


async def test_a_secret_is_handed_out_even_if_it_cannot_be_noted_down(rig: Rig) -> None:
    class Forgetful(ApiSubscriptions):
        async def note_secret(self, id: EndpointId, mark: str, *, idempotency_key: str) -> None:
            raise GatewayUnavailable("timeout")

    make = attrs.evolve(rig.apply.make, subscriptions=Forgetful(rig.subscriptions._api))
    made = await make(URL)

    assert not made.is_noted
    assert made.new.secret
    assert {made.new.endpoint.id: ["unknown_secret"]} == told(await rig.plan())


async def test_the_secret_itself_is_nowhere_at_the_provider(rig: Rig) -> None:
    id_ = await rig.set_up()
    [secret] = rig.accepted

    assert {"markethub_secret": secret_mark(secret)} == rig.there(id_)["metadata"]


# --- the change of secrets ----------------------------------------------------------------------


async def test_a_rotation_keeps_both_until_the_settings_know_the_new_secret(rig: Rig) -> None:
    old = await rig.set_up()
    begun = await rig.rotate.begin()
    new = begun.new.endpoint.id
    assert {new: ["unknown_secret"], old: ["superseded"]} == told(await rig.plan())
    with pytest.raises(InvalidTransition):
        await rig.rotate.finishable()
    assert "enabled" == rig.there(old)["status"]

    rig.accepted.insert(0, begun.new.secret)
    removed = await rig.rotate.finish(await rig.rotate.finishable())

    assert [old] == list(removed)
    assert [new] == await rig.ids()
    assert (await rig.plan()).is_equal


async def test_a_finished_rotation_has_nothing_left_to_finish(rig: Rig) -> None:
    await rig.set_up()

    assert [] == list(await rig.rotate.finish(await rig.rotate.finishable()))
    assert 1 == len(await rig.ids())


async def test_a_second_rotation_waits_for_the_first(rig: Rig) -> None:
    await rig.set_up()
    await rig.rotate.begin()

    with pytest.raises(InvalidTransition):
        await rig.rotate.begin()
    assert 2 == len(await rig.ids())


async def test_a_rotation_whose_secret_is_lost_is_begun_anew(rig: Rig) -> None:
    old = await rig.set_up()
    lost = (await rig.rotate.begin()).new.endpoint.id
    new = (await rig.rotate.begin(restart=True)).new.endpoint.id

    assert lost not in await rig.ids()
    assert {new: ["unknown_secret"], old: ["superseded"]} == told(await rig.plan())


async def test_a_secret_that_the_settings_know_is_not_thrown_away(rig: Rig) -> None:
    await rig.set_up()
    rig.accepted.append((await rig.rotate.begin()).new.secret)

    with pytest.raises(InvalidTransition):
        await rig.rotate.begin(restart=True)
    assert 2 == len(await rig.ids())


async def test_a_secret_that_nobody_noted_down_is_taken_on_trust_only_if_asked_to(
    rig: Rig,
) -> None:
    old = await rig.set_up()
    rig.account.advance(int(NOW.timestamp()) + 60)
    rig.dashboard(url=URL.value, enabled_events=list(EVENT_TYPES), api_version=API_VERSION)

    with pytest.raises(InvalidTransition):
        await rig.rotate.finishable()
    finishable = await rig.rotate.finishable(unverified=True)
    assert [old] == [each.endpoint.id for each in finishable.going]


async def test_an_endpoint_that_hears_too_little_does_not_take_over(rig: Rig) -> None:
    await rig.set_up()
    begun = await rig.rotate.begin()
    rig.accepted.append(begun.new.secret)
    rig.dashboard(f"{PATH}/{begun.new.endpoint.id}", enabled_events=["charge.failed"])

    with pytest.raises(InvalidTransition):
        await rig.rotate.finishable()


async def test_without_an_endpoint_there_is_nothing_to_rotate(rig: Rig) -> None:
    with pytest.raises(NotFound):
        await rig.rotate.begin()


async def test_of_several_addresses_one_must_be_named(rig: Rig) -> None:
    await rig.set_up(STAGING)
    old = await rig.set_up(URL)

    with pytest.raises(ValidationFailed):
        await rig.rotate.begin()
    await rig.rotate.begin(URL)
    assert ["superseded"] == told(await rig.plan(URL))[old]


async def test_the_schemas_of_stripes_api_have_nothing_against_what_is_sent(rig: Rig) -> None:
    require_schemas()
    await rig.set_up()
    rig.accepted.append((await rig.rotate.begin()).new.secret)
    await rig.rotate.finish(await rig.rotate.finishable())
    rig.dashboard(f"{PATH}/{(await rig.ids())[0]}", disabled="true")
    await rig.apply(URL)

    assert [] == [
        found for each in rig.passed for found in schema_problems(each.method, each.path, each.form)
    ]
