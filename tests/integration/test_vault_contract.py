"""What every vault must do, proved on both: the fake, and Stripe's SDK over HTTP to its door.

Whatever goes out over HTTP is judged by Stripe's own types, in every one of these tests.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import attrs
import pytest

from markethub.adapters.fake import network
from markethub.adapters.fake.account import Account, Fault
from markethub.adapters.stripe.client import StripeApi
from markethub.adapters.stripe.vault import ApiVault
from markethub.domain.customer import Customer
from markethub.domain.errors import GatewayUnavailable, NotFound
from markethub.domain.facts import Card
from markethub.domain.ids import CustomerId, CustomerRecordId, OrderId, ProviderCustomerId
from markethub.domain.money import Currency
from markethub.domain.operation import ConfirmIntent, UpdateIntent
from markethub.domain.order import Cart, Line
from markethub.domain.payment import PaymentStatus
from markethub.domain.ports.gateway import Declined, Done
from markethub.domain.secret import Secret
from markethub.domain.usecases.charge_order import ChargeOrderCommand
from markethub.domain.usecases.register_order import RegisterOrderCommand
from markethub.domain.usecases.remove_method import RemoveMethodCommand
from markethub.domain.usecases.usage import Wish
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.carriers import to_account
from tests.support.door import Passed, door_of
from tests.support.gateway_rig import FIFTY, NOW, create, new_account, rig_of
from tests.support.stripe_openapi import require_schemas, schema_problems
from tests.support.stripe_params import problems

pytestmark = pytest.mark.anyio

C1 = CustomerId("c-1")
DOWN = ProviderCustomerId("cus_missing")


@attrs.frozen(kw_only=True)
class Rig:
    """A vault, and the account at its other end."""

    vault: ApiVault
    account: Account
    passed: Sequence[Passed]

    async def customer(self, number: int = 1) -> ProviderCustomerId:
        made = await self.vault.create_customer(begun(number))
        assert made is not None
        return made

    async def method(self, owner: ProviderCustomerId, card: str = "pm_card_visa") -> Secret:
        attached = self.ask(f"/v1/payment_methods/{card}/attach", {"customer": owner})
        return Secret(attached["id"])

    def ask(self, path: str, params: dict[str, Any]) -> dict[str, Any]:
        """Do what somebody else does at the account."""
        answer = self.account.request(method="POST", path=path, params=params, auth="sk_test_dev")
        assert answer.status == 200, answer.body
        return dict(answer.body)


def begun(number: int = 1) -> Customer:
    return Customer.begin(
        id=CustomerId(f"c-{number}"), record_id=CustomerRecordId(f"cst_{number}"), now=NOW
    )


@asynccontextmanager
async def vault_rig(kind: str, account: Account) -> AsyncIterator[Rig]:
    if kind == "fake":
        yield Rig(vault=ApiVault(to_account(account)), account=account, passed=[])
        return
    async with door_of(account) as door:
        api = StripeApi(
            Secret("sk_test_dev"),
            base_address=door.url,
            attempt_timeout_s=20,
            max_network_retries=0,
        )
        vault = ApiVault(api)
        yield Rig(vault=vault, account=account, passed=door.passed)
        await vault.close()
        assert [] == [
            found for each in door.passed for found in problems(each.method, each.path, each.form)
        ]


@pytest.fixture(params=["fake", "stripe"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def rig(kind: str, anyio_backend: str) -> AsyncIterator[Rig]:
    async with vault_rig(kind, new_account()) as rig:
        yield rig


# --- customers ----------------------------------------------------------------------------------


async def test_a_generation_is_made_once_under_its_key(rig: Rig) -> None:
    first, again = await rig.customer(), await rig.customer()
    renewed = await rig.vault.create_customer(begun().renew(now=NOW))

    assert first == again
    assert first != renewed


async def test_a_record_tells_who_it_is_of_by_our_ids_alone(rig: Rig) -> None:
    made = await rig.customer()
    answer = rig.account.request(method="GET", path=f"/v1/customers/{made}", auth="sk_test_dev")

    assert {
        "markethub_customer_id": "c-1",
        "markethub_customer_record": "cst_1:1",
    } == answer.body["metadata"]
    assert (None, None) == (answer.body["email"], answer.body["name"])


async def test_a_record_is_found_among_many_by_its_generation(rig: Rig) -> None:
    made = [await rig.customer(number) for number in range(1, 104)]
    found = await rig.vault.find_customer(begun(1), created_from=NOW - timedelta(minutes=5))
    other = await rig.vault.find_customer(
        begun(1).renew(now=NOW), created_from=NOW - timedelta(minutes=5)
    )

    assert made[0] == found
    assert other is None


async def test_a_failure_that_the_key_replays_is_told_from_one_that_may_pass(rig: Rig) -> None:
    rig.account.provoke(Fault.STORED_500)
    with pytest.raises(GatewayUnavailable):
        await rig.vault.create_customer(begun())

    assert await rig.vault.create_customer(begun()) is None


async def test_a_deleted_record_is_not_there(rig: Rig) -> None:
    made = await rig.customer()
    before = await rig.vault.has_customer(made)
    network.delete_customer(rig.account, made)

    assert (True, False) == (before, await rig.vault.has_customer(made))


async def test_a_record_that_never_was_is_not_there(rig: Rig) -> None:
    assert not await rig.vault.has_customer(DOWN)
    assert not await rig.vault.has_customer(ProviderCustomerId("../account"))


# --- setups -------------------------------------------------------------------------------------


async def test_a_setup_is_for_later_charges_of_any_kind(rig: Rig) -> None:
    owner = await rig.customer()
    setup = await rig.vault.create_setup(owner, customer_id=C1, idempotency_key="s:1")
    answer = rig.account.request(
        method="GET", path=f"/v1/setup_intents/{setup.id}", auth="sk_test_dev"
    )

    assert ("off_session", owner, {"markethub_customer_id": "c-1"}) == (
        answer.body["usage"],
        answer.body["customer"],
        answer.body["metadata"],
    )
    assert answer.body["client_secret"] == setup.client_secret.reveal()


async def test_a_setup_of_a_deleted_customer_is_not_found(rig: Rig) -> None:
    owner = await rig.customer()
    network.delete_customer(rig.account, owner)
    with pytest.raises(NotFound):
        await rig.vault.create_setup(owner, customer_id=C1, idempotency_key="s:1")

    assert not await rig.vault.has_customer(owner)


# --- methods ------------------------------------------------------------------------------------


async def test_a_method_is_read_with_its_card_and_owner(rig: Rig) -> None:
    owner = await rig.customer()
    token = await rig.method(owner)
    seen = await rig.vault.read_method(token)

    assert (token, owner, Card(brand="visa", last4="4242", exp_month=12, exp_year=2099)) == (
        seen.token,
        seen.customer_id,
        seen.card,
    )
    assert seen.fingerprint
    assert NOW == seen.created_at


async def test_the_same_card_has_the_same_fingerprint(rig: Rig) -> None:
    owner = await rig.customer()
    one, same, other = [
        (await rig.vault.read_method(await rig.method(owner, card))).fingerprint
        for card in ("pm_card_visa", "pm_card_visa", "pm_card_mastercard")
    ]

    assert one == same != other


@pytest.mark.parametrize("token", ["pm_missing", "", "../customers"])
async def test_an_unknown_method_is_not_found(rig: Rig, token: str) -> None:
    with pytest.raises(NotFound):
        await rig.vault.read_method(Secret(token))

    assert 0 == sum(each.path.endswith("/customers") for each in rig.passed)


async def test_a_detached_method_belongs_to_nobody(rig: Rig) -> None:
    token = await rig.method(await rig.customer())
    await rig.vault.detach_method(token, idempotency_key="d:1")

    assert (await rig.vault.read_method(token)).customer_id is None


async def test_detaching_again_changes_nothing(rig: Rig) -> None:
    token = await rig.method(await rig.customer())
    await rig.vault.detach_method(token, idempotency_key="d:1")
    await rig.vault.detach_method(token, idempotency_key="d:2")
    await rig.vault.detach_method(Secret("pm_missing"), idempotency_key="d:3")

    assert (await rig.vault.read_method(token)).customer_id is None


async def test_a_detachment_that_took_place_behind_a_failure_is_done(rig: Rig) -> None:
    token = await rig.method(await rig.customer())
    rig.account.provoke(Fault.STORED_500)
    await rig.vault.detach_method(token, idempotency_key="d:1")

    assert (await rig.vault.read_method(token)).customer_id is None


async def test_a_detachment_that_failed_is_told(rig: Rig) -> None:
    token = await rig.method(await rig.customer())
    rig.account.provoke(Fault.LOCK_TIMEOUT)
    with pytest.raises(GatewayUnavailable):
        await rig.vault.detach_method(token, idempotency_key="d:1")

    assert (await rig.vault.read_method(token)).customer_id is not None


# --- intents with methods -------------------------------------------------------------------------


async def test_an_intent_is_made_for_a_saved_method_and_confirmed_without_its_customer(
    kind: str,
) -> None:
    account = new_account()
    async with vault_rig("fake", account) as vault, rig_of(kind, account) as gateway:
        owner = await vault.customer()
        token = await vault.method(owner)
        made = await gateway.send(
            attrs.evolve(
                create(),
                provider_customer_id=owner,
                method=token,
                allows_redirects=False,
            )
        )
        assert isinstance(made, Done)
        confirm = ConfirmIntent(intent_id=made.intent.id, method=token, off_session=True)
        confirmed = await gateway.send(confirm, key="confirm:1")

    assert (owner, token, False) == (
        made.intent.customer_id,
        made.intent.method,
        made.intent.allows_redirects,
    )
    assert isinstance(confirmed, Done)
    assert FIFTY == confirmed.intent.received


async def test_an_intent_for_a_browser_takes_a_method_later_and_forgets_to_save(
    kind: str,
) -> None:
    account = new_account()
    async with vault_rig("fake", account) as vault, rig_of(kind, account) as gateway:
        owner = await vault.customer()
        token = await vault.method(owner)
        made = await gateway.created()
        update = UpdateIntent(
            intent_id=made.id,
            amount=FIFTY,
            provider_customer_id=owner,
            method=token,
            saves_method=True,
        )
        saving = await gateway.send(update, key="update:1")
        forgetting = await gateway.send(attrs.evolve(update, saves_method=False), key="update:2")

    assert (None, None, False, True) == (
        made.customer_id,
        made.method,
        made.saves_method,
        made.allows_redirects,
    )
    assert isinstance(saving, Done)
    assert (owner, token, True) == (
        saving.intent.customer_id,
        saving.intent.method,
        saving.intent.saves_method,
    )
    assert isinstance(forgetting, Done)
    assert not forgetting.intent.saves_method


async def test_a_bank_that_wants_its_customer_is_a_decline_that_shows_the_intent(
    kind: str,
) -> None:
    account = new_account()
    async with vault_rig("fake", account) as vault, rig_of(kind, account) as gateway:
        owner = await vault.customer()
        token = await vault.method(owner, "pm_card_authenticationRequired")
        made = await gateway.send(
            attrs.evolve(create(), provider_customer_id=owner, allows_redirects=False)
        )
        assert isinstance(made, Done)
        confirm = ConfirmIntent(intent_id=made.intent.id, method=token, off_session=True)
        off_session = await gateway.send(confirm, key="confirm:1")
        there = await gateway.send(attrs.evolve(confirm, off_session=False), key="confirm:2")

    assert isinstance(off_session, Declined)
    assert "authentication_required" == off_session.code
    assert off_session.intent is not None
    assert isinstance(there, Done)
    assert there.intent.next_action is not None
    assert "use_stripe_sdk" == there.intent.next_action["type"]


# --- the whole, over Stripe's API -----------------------------------------------------------------


async def story_over_stripes_api() -> Sequence[Passed]:
    """Save a card and charge it off-session, in a process whose gateway is Stripe's."""
    account = new_account()
    async with door_of(account) as door:
        settings = Settings(
            gateway="stripe",
            stripe_secret_key=Secret("sk_test_dev"),
            stripe_api_base=door.url,
            database=Database(url="memory://"),
        )
        container = build_container(settings)
        setup = await container.start_setup()(C1)
        confirmed = account.request(
            method="POST",
            path=f"/v1/setup_intents/{setup.id}/confirm",
            params={
                "client_secret": setup.client_secret.reveal(),
                "payment_method": "pm_card_visa",
            },
            auth="pk_test_dev",
        )
        assert await container.save_method()(Secret(confirmed.body["payment_method"]))
        [saved] = await container.queries().methods(C1)
        line = Line(sku="tea", title="Tea", unit_price=5000, quantity=1)
        cart = Cart(customer_id=C1, currency=Currency.of("usd"), lines=(line,))
        order_id = OrderId("o-1")
        await container.register_order()(RegisterOrderCommand(order_id=order_id, cart=cart))
        for_browser = ChargeOrderCommand(order_id=order_id, wish=Wish(save_method=True))
        await container.charge_order()(for_browser)
        wish = Wish(method_id=saved.id, off_session=True)
        charged = await container.charge_order()(ChargeOrderCommand(order_id=order_id, wish=wish))
        assert PaymentStatus.SUCCEEDED is charged.payment.status
        await container.remove_method()(RemoveMethodCommand(method_id=saved.id))
        await container.vault().has_customer(DOWN)
        await container.vault().find_customer(begun(), created_from=NOW)
        await container.gateway().close()
        await container.vault().close()
        return door.passed


async def test_a_card_is_saved_and_charged_over_stripes_api() -> None:
    passed = await story_over_stripes_api()

    assert [] == [found for each in passed for found in problems(each.method, each.path, each.form)]
    posted = [each for each in passed if each.method == "POST"]
    assert all(each.headers.get("idempotency-key") for each in posted)
    assert len(posted) == len({each.headers["idempotency-key"] for each in posted})


async def test_every_request_fits_stripes_request_schemas() -> None:
    require_schemas()
    passed = await story_over_stripes_api()

    assert [] == [
        found for each in passed for found in schema_problems(each.method, each.path, each.form)
    ]
