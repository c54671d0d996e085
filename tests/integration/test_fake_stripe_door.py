"""Stripe's official SDK works against the simulated account's door."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import stripe

from markethub.adapters.fake.account import Account, Fault
from markethub.adapters.fake.options import AccountOptions
from markethub.adapters.fake.store import DictStore
from tests.support.door import open_door

pytestmark = [
    pytest.mark.anyio,
    # The SDK's own call of httpx.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]


@pytest.fixture
def account() -> Account:
    return Account(store=DictStore(), options=AccountOptions(seed="door"))


@asynccontextmanager
async def sdk(
    account: Account, *, key: str = "sk_test_dev", max_network_retries: int = 0
) -> AsyncIterator[stripe.StripeClient]:
    http = stripe.HTTPXClient(timeout=20)
    async with open_door(account) as base:
        try:
            yield stripe.StripeClient(
                key,
                base_addresses={"api": base},
                http_client=http,
                max_network_retries=max_network_retries,
            )
        finally:
            await http.close_async()  # type: ignore[no-untyped-call] # the SDK's gap


def order(**more: Any) -> Any:
    return {
        "amount": 5000,
        "currency": "usd",
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        **more,
    }


async def test_an_intent_is_created_confirmed_and_read_with_its_charge(account: Account) -> None:
    async with sdk(account) as client:
        created = await client.v1.payment_intents.create_async(
            order(metadata={"order": "o-1", "0": "zero"})
        )
        confirmed = await client.v1.payment_intents.confirm_async(
            created.id, {"payment_method": "pm_card_visa"}
        )
        read = await client.v1.payment_intents.retrieve_async(
            created.id, {"expand": ["latest_charge.balance_transaction"]}
        )

    assert "requires_payment_method" == created.status
    assert {"order": "o-1", "0": "zero"} == created.metadata.to_dict()
    assert "succeeded" == confirmed.status
    charge = read.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert 5000 == charge.amount_captured
    assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
    assert 175 == charge.balance_transaction.fee


async def test_an_intent_is_updated_and_canceled(account: Account) -> None:
    async with sdk(account) as client:
        created = await client.v1.payment_intents.create_async(order())
        updated = await client.v1.payment_intents.update_async(created.id, {"amount": 7000})
        canceled = await client.v1.payment_intents.cancel_async(
            created.id, {"cancellation_reason": "abandoned"}
        )

    assert 7000 == updated.amount
    assert ("canceled", "abandoned") == (canceled.status, canceled.cancellation_reason)


async def test_a_part_of_an_authorization_is_captured(account: Account) -> None:
    async with sdk(account) as client:
        authorized = await client.v1.payment_intents.create_async(
            order(capture_method="manual", confirm=True, payment_method="pm_card_visa")
        )
        captured = await client.v1.payment_intents.capture_async(
            authorized.id, {"amount_to_capture": 2000}
        )

    assert ("requires_capture", 5000) == (authorized.status, authorized.amount_capturable)
    assert ("succeeded", 2000) == (captured.status, captured.amount_received)


async def test_a_list_is_paged_through_by_the_sdk(account: Account) -> None:
    async with sdk(account) as client:
        created = [(await client.v1.payment_intents.create_async(order())).id for _ in range(5)]
        page = await client.v1.payment_intents.list_async({"limit": 2, "created": {"gte": 0}})
        listed = [intent.id async for intent in page.auto_paging_iter()]

    assert created[::-1] == listed


async def test_a_declined_card_is_a_card_error_that_says_why(account: Account) -> None:
    async with sdk(account) as client:
        created = await client.v1.payment_intents.create_async(order())
        with pytest.raises(stripe.CardError) as raised:
            await client.v1.payment_intents.confirm_async(
                created.id, {"payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds"}
            )

    declined = raised.value
    assert (402, "card_declined") == (declined.http_status, declined.code)
    assert declined.error is not None
    assert "insufficient_funds" == declined.error.decline_code
    shown = declined.error.payment_intent
    assert shown is not None
    assert (created.id, "requires_payment_method") == (shown.id, shown.status)
    assert declined.request_id is not None


async def test_a_missing_object_is_an_invalid_request(account: Account) -> None:
    async with sdk(account) as client:
        with pytest.raises(stripe.InvalidRequestError) as raised:
            await client.v1.payment_intents.retrieve_async("pi_none")

    assert (404, "resource_missing") == (raised.value.http_status, raised.value.code)


async def test_a_wrong_parameter_is_an_invalid_request_that_names_it(account: Account) -> None:
    async with sdk(account) as client:
        with pytest.raises(stripe.InvalidRequestError) as raised:
            await client.v1.payment_intents.create_async(order(amount="a lot"))

    assert (400, "amount") == (raised.value.http_status, raised.value.param)


async def test_a_wrong_key_is_an_authentication_error(account: Account) -> None:
    async with sdk(account, key="sk_test_wrong") as client:
        with pytest.raises(stripe.AuthenticationError) as raised:
            await client.v1.payment_intents.list_async()

    assert 401 == raised.value.http_status


async def test_the_same_idempotency_key_gives_the_same_intent_marked_as_replayed(
    account: Account,
) -> None:
    async with sdk(account) as client:
        first, again = [
            await client.v1.payment_intents.create_async(order(), {"idempotency_key": "k-1"})
            for _ in range(2)
        ]
        listed = await client.v1.payment_intents.list_async()

    assert first.to_dict() == again.to_dict()
    assert 1 == len(listed.data)
    assert first.last_response is not None
    assert again.last_response is not None
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert "true" == again.last_response.headers["Idempotent-Replayed"]


async def test_an_idempotency_key_reused_for_something_else_is_an_idempotency_error(
    account: Account,
) -> None:
    async with sdk(account) as client:
        await client.v1.payment_intents.create_async(order(), {"idempotency_key": "k-1"})
        with pytest.raises(stripe.IdempotencyError) as raised:
            await client.v1.payment_intents.create_async(
                order(amount=6000), {"idempotency_key": "k-1"}
            )

    assert 400 == raised.value.http_status


async def test_a_rate_limit_is_a_rate_limit_error_that_says_which(account: Account) -> None:
    account.provoke(Fault.RATE_LIMITED, reason="endpoint-rate")

    async with sdk(account) as client:
        with pytest.raises(stripe.RateLimitError) as raised:
            await client.v1.payment_intents.create_async(order())

    limited = raised.value
    assert 429 == limited.http_status
    assert limited.headers is not None
    assert "endpoint-rate" == limited.headers["Stripe-Rate-Limited-Reason"]
    assert "false" == limited.headers["Stripe-Should-Retry"]


async def test_a_held_object_is_retried_by_the_sdk_until_it_is_free(account: Account) -> None:
    account.provoke(Fault.LOCK_TIMEOUT)

    async with sdk(account, max_network_retries=1) as client:
        created = await client.v1.payment_intents.create_async(order())

    assert "requires_payment_method" == created.status


async def test_a_failure_of_stripes_own_is_an_api_error_after_which_the_effect_stands(
    account: Account,
) -> None:
    account.provoke(Fault.STORED_500)

    async with sdk(account) as client:
        with pytest.raises(stripe.APIError) as raised:
            await client.v1.payment_intents.create_async(order(), {"idempotency_key": "k-1"})
        listed = await client.v1.payment_intents.list_async()

    assert 500 == raised.value.http_status
    assert 1 == len(listed.data)
