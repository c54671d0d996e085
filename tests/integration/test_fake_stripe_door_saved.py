"""Stripe's official SDK sets up, keeps and charges cards at the simulated account's door."""

from typing import Any

import pytest
import stripe

from markethub.adapters.fake import network
from markethub.adapters.fake.account import Account
from markethub.adapters.fake.options import AccountOptions
from markethub.adapters.fake.store import DictStore
from tests.integration.test_fake_stripe_door import order, sdk

pytestmark = [
    pytest.mark.anyio,
    # The SDK's own call of httpx.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]

NO_REDIRECTS: Any = {"enabled": True, "allow_redirects": "never"}


@pytest.fixture
def account() -> Account:
    return Account(store=DictStore(), options=AccountOptions(seed="door"))


async def saved(client: stripe.StripeClient, method: str = "pm_card_visa") -> tuple[str, str]:
    """Create a customer and set up a card for it; return the ids of both."""
    customer = await client.v1.customers.create_async({"metadata": {"user": "u-1"}})
    intent = await client.v1.setup_intents.create_async(
        {
            "customer": customer.id,
            "payment_method": method,
            "confirm": True,
            "automatic_payment_methods": NO_REDIRECTS,
        }
    )
    assert "succeeded" == intent.status
    return customer.id, str(intent.payment_method)


async def test_a_setup_is_created_confirmed_and_read_with_its_attempt(account: Account) -> None:
    async with sdk(account) as client:
        customer = await client.v1.customers.create_async()
        created = await client.v1.setup_intents.create_async(
            {
                "customer": customer.id,
                "usage": "off_session",
                "metadata": {"user": "u-1"},
                "automatic_payment_methods": NO_REDIRECTS,
            }
        )
        confirmed = await client.v1.setup_intents.confirm_async(
            created.id, {"payment_method": "pm_card_visa"}
        )
        read = await client.v1.setup_intents.retrieve_async(
            created.id, {"expand": ["latest_attempt", "payment_method"]}
        )

    assert ("requires_payment_method", "off_session") == (created.status, created.usage)
    assert "succeeded" == confirmed.status
    assert isinstance(read.latest_attempt, stripe.SetupAttempt)
    assert isinstance(read.payment_method, stripe.PaymentMethod)
    assert customer.id == read.payment_method.customer


async def test_a_setup_is_updated_listed_and_canceled(account: Account) -> None:
    async with sdk(account) as client:
        created = await client.v1.setup_intents.create_async()
        updated = await client.v1.setup_intents.update_async(created.id, {"description": "Card"})
        canceled = await client.v1.setup_intents.cancel_async(
            created.id, {"cancellation_reason": "abandoned"}
        )
        listed = await client.v1.setup_intents.list_async({"created": {"gte": 0}})
        with pytest.raises(stripe.InvalidRequestError) as raised:
            await client.v1.setup_intents.confirm_async(
                created.id, {"payment_method": "pm_card_visa"}
            )

    assert "Card" == updated.description
    assert ("canceled", "abandoned") == (canceled.status, canceled.cancellation_reason)
    assert [created.id] == [intent.id for intent in listed.data]
    assert "setup_intent_unexpected_state" == raised.value.code
    assert raised.value.error is not None
    shown = raised.value.error.setup_intent
    assert shown is not None
    assert (created.id, "canceled") == (shown.id, shown.status)


async def test_a_card_that_cannot_be_set_up_is_a_card_error(account: Account) -> None:
    async with sdk(account) as client:
        created = await client.v1.setup_intents.create_async(
            {"automatic_payment_methods": NO_REDIRECTS}
        )
        with pytest.raises(stripe.CardError) as raised:
            await client.v1.setup_intents.confirm_async(
                created.id, {"payment_method": "pm_card_visa_chargeDeclined"}
            )

    assert (402, "card_declined") == (raised.value.http_status, raised.value.code)
    assert raised.value.error is not None
    shown = raised.value.error.setup_intent
    assert shown is not None
    assert "requires_payment_method" == shown.status


async def test_methods_are_attached_listed_chosen_updated_and_detached(account: Account) -> None:
    async with sdk(account) as client:
        customer = await client.v1.customers.create_async()
        method = await client.v1.payment_methods.attach_async(
            "pm_card_mastercard", {"customer": customer.id}
        )
        chosen = await client.v1.customers.update_async(
            customer.id, {"invoice_settings": {"default_payment_method": method.id}}
        )
        updated = await client.v1.payment_methods.update_async(
            method.id, {"metadata": {"label": "work"}}
        )
        by_customer = await client.v1.customers.payment_methods.list_async(customer.id)
        by_filter = await client.v1.payment_methods.list_async(
            {"customer": customer.id, "type": "card"}
        )
        one = await client.v1.customers.payment_methods.retrieve_async(customer.id, method.id)
        detached = await client.v1.payment_methods.detach_async(method.id)
        after = await client.v1.customers.retrieve_async(customer.id)

    assert chosen.invoice_settings is not None
    assert method.id == chosen.invoice_settings.default_payment_method
    assert updated.metadata is not None
    assert {"label": "work"} == updated.metadata.to_dict()
    assert [method.id] == [found.id for found in by_customer.data]
    assert [method.id] == [found.id for found in by_filter.data]
    assert one.to_dict() == updated.to_dict()
    assert detached.customer is None
    assert after.invoice_settings is not None
    assert after.invoice_settings.default_payment_method is None


async def test_a_saved_card_is_charged_off_session(account: Account) -> None:
    async with sdk(account) as client:
        customer, method = await saved(client)
        paid = await client.v1.payment_intents.create_async(
            order(customer=customer, payment_method=method, confirm=True, off_session=True)
        )

    assert ("succeeded", method) == (paid.status, paid.payment_method)


async def test_a_saved_card_that_asks_is_a_card_error_off_session(account: Account) -> None:
    async with sdk(account) as client:
        customer = await client.v1.customers.create_async()
        setup = await client.v1.setup_intents.create_async(
            {
                "customer": customer.id,
                "payment_method": "pm_card_authenticationRequired",
                "confirm": True,
                "automatic_payment_methods": NO_REDIRECTS,
            }
        )
        assert setup.client_secret is not None
        account.answer_challenge(setup.id, setup.client_secret, authenticated=True)
        method = (await client.v1.setup_intents.retrieve_async(setup.id)).payment_method
        with pytest.raises(stripe.CardError) as raised:
            await client.v1.payment_intents.create_async(
                order(customer=customer.id, payment_method=method, confirm=True, off_session=True)
            )

    error = raised.value.error
    assert (402, "authentication_required") == (raised.value.http_status, raised.value.code)
    assert error is not None
    assert error.payment_intent is not None
    last = error.payment_intent.last_payment_error
    assert "requires_payment_method" == error.payment_intent.status
    assert last is not None
    assert last.payment_method is not None
    assert method == last.payment_method.id


async def test_a_detached_card_is_an_invalid_request(account: Account) -> None:
    async with sdk(account) as client:
        customer, method = await saved(client)
        network.detach_method(account, method)
        with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
            await client.v1.payment_intents.create_async(
                order(customer=customer, payment_method=method, confirm=True, off_session=True)
            )


async def test_a_deleted_customer_is_read_as_deleted_and_takes_no_writes(account: Account) -> None:
    async with sdk(account) as client:
        customer, _ = await saved(client)
        deleted = await client.v1.customers.delete_async(customer)
        read = await client.v1.customers.retrieve_async(customer)
        with pytest.raises(stripe.InvalidRequestError) as raised:
            await client.v1.customers.update_async(customer, {"name": "Ada"})

    assert deleted.deleted
    assert read.to_dict() == {"id": customer, "object": "customer", "deleted": True}
    assert (404, "resource_missing") == (raised.value.http_status, raised.value.code)


async def test_the_events_of_a_saved_card_are_built_by_the_sdk(account: Account) -> None:
    async with sdk(account) as client:
        _, method = await saved(client)
        network.update_card(account, method, exp_year=2034)
        listed = await client.v1.events.list_async({"limit": 100})

    newest = listed.data[0]
    assert "payment_method.automatically_updated" == newest.type
    assert isinstance(newest.data.object, stripe.PaymentMethod)
    assert method == newest.data.object.id
    setups = [event for event in listed.data if event.type.startswith("setup_intent.")]
    assert all(isinstance(event.data.object, stripe.SetupIntent) for event in setups)
    assert ["setup_intent.succeeded", "setup_intent.created"] == [event.type for event in setups]
