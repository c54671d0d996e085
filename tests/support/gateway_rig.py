"""A gateway with the simulated account at its other end: in the process, or behind HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import attrs

from markethub.adapters.fake.account import Account
from markethub.adapters.fake.options import AccountOptions
from markethub.adapters.fake.store import DictStore
from markethub.adapters.stripe.gateway import ApiGateway
from markethub.domain.facts import ProviderIntent
from markethub.domain.ids import IntentId, PaymentId
from markethub.domain.money import Money
from markethub.domain.operation import CreateIntent, GatewayCommand
from markethub.domain.ports.gateway import Done, Gateway, GatewayOutcome
from tests.support.carriers import to_account, to_address
from tests.support.door import Passed, door_of
from tests.support.stripe_params import problems

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
FIFTY = Money.of(5000, "usd")
SUCCESS = "4242424242424242"
DECLINED = "4000000000009995"
CHALLENGE = "4000002760003184"
MISSING = IntentId("pi_missing")


@attrs.frozen(kw_only=True)
class Rig:
    """A gateway, and the account at its other end."""

    gateway: Gateway
    account: Account
    passed: list[Passed]

    async def send(self, command: GatewayCommand, *, key: str = "op:1") -> GatewayOutcome:
        return await self.gateway.send(self.gateway.render(command), idempotency_key=key)

    async def created(self, *, manual: bool = False, key: str = "create:1") -> ProviderIntent:
        outcome = await self.send(create(manual=manual), key=key)
        assert isinstance(outcome, Done), outcome
        return outcome.intent

    async def authorized(self) -> ProviderIntent:
        intent = await self.created(manual=True)
        self.pay(intent)
        return await self.gateway.read_intent(intent.id)

    def pay(self, intent: ProviderIntent, card: str = SUCCESS) -> None:
        """Confirm with a card, as the customer's browser does."""
        assert intent.client_secret is not None
        self.account.request(
            method="POST",
            path=f"/v1/payment_intents/{intent.id}/confirm",
            params={
                "client_secret": intent.client_secret.reveal(),
                "payment_method_data": {
                    "type": "card",
                    "card": {"number": card, "exp_month": 12, "exp_year": 2030, "cvc": "123"},
                },
            },
            auth="pk_test_dev",
        )

    def intents(self) -> int:
        """Count the intents at the account."""
        listed = self.account.request(
            method="GET", path="/v1/payment_intents", params={"limit": 100}, auth="sk_test_dev"
        )
        return len(listed.body["data"])


def create(
    *, amount: Money = FIFTY, manual: bool = False, payment_id: str = "pay_1"
) -> CreateIntent:
    return CreateIntent(
        payment_id=PaymentId(payment_id),
        order_id="o-1",
        customer_id="c-1",
        amount=amount,
        manual_capture=manual,
    )


def new_account(**options: Any) -> Account:
    account = Account(store=DictStore(), options=AccountOptions(seed="test", **options))
    account.advance(int(NOW.timestamp()))
    return account


@asynccontextmanager
async def rig_of(
    kind: str, account: Account, *, max_network_retries: int = 0
) -> AsyncIterator[Rig]:
    if kind == "fake":
        yield Rig(gateway=ApiGateway(to_account(account)), account=account, passed=[])
        return
    async with door_of(account) as door:
        gateway = ApiGateway(to_address(door.url, retries=max_network_retries))
        yield Rig(gateway=gateway, account=account, passed=door.passed)
        await gateway.close()
        assert [] == [
            found for each in door.passed for found in problems(each.method, each.path, each.form)
        ]
