"""CPU per charge: the use cases alone, on the memory store, with a gateway that costs nothing.

One charge is what one order costs the core: register, create the payment, read
the success back. The gateway answers from a dict, so what is measured is ours. Prints a
table; the unit that means something is microseconds of CPU of this process, and the ratio to a
plain Python yardstick measured in the same run, since machines differ.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from dependency_injector import providers

from markethub.domain.facts import (
    CaptureMethod,
    IntentStatus,
    ProviderIntent,
    Reference,
)
from markethub.domain.ids import ChargeId, CustomerId, IntentId, OrderId
from markethub.domain.money import Currency, Money
from markethub.domain.operation import CreateIntent, GatewayCommand, ProviderRequest
from markethub.domain.order import Cart, Line
from markethub.domain.ports.gateway import Done, GatewayOutcome
from markethub.domain.secret import Secret
from markethub.domain.usecases.charge_order import ChargeOrderCommand
from markethub.domain.usecases.confirm_payment import ConfirmPaymentCommand
from markethub.domain.usecases.register_order import RegisterOrderCommand
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings

CHARGES = 2000
USD = Currency.of("usd")


class InstantGateway:
    """Answers at once; every intent it is read for has succeeded."""

    def __init__(self) -> None:
        self._commands: dict[int, CreateIntent] = {}
        self._intents: dict[str, ProviderIntent] = {}

    def render(self, command: GatewayCommand) -> ProviderRequest:
        assert isinstance(command, CreateIntent)
        request = ProviderRequest(method="POST", path="/v1/payment_intents", params={})
        self._commands[id(request)] = command
        return request

    async def send(self, request: ProviderRequest, *, idempotency_key: str) -> GatewayOutcome:
        command = self._commands.pop(id(request))
        nothing = Money.zero(command.amount.currency)
        intent = ProviderIntent(
            id=IntentId(f"pi_{command.payment_id}"),
            status=IntentStatus.REQUIRES_PAYMENT_METHOD,
            amount=command.amount,
            received=nothing,
            capturable=nothing,
            capture_method=CaptureMethod.AUTOMATIC,
            reference=Reference(payment_id=command.payment_id),
            livemode=False,
            created_at=datetime(2026, 11, 2, tzinfo=UTC),
            client_secret=Secret("pi_secret"),
        )
        self._intents[intent.id] = intent
        return Done(intent=intent, replayed=False)

    async def read_intent(self, intent_id: IntentId) -> ProviderIntent:
        seen = self._intents[intent_id]
        return ProviderIntent(
            id=seen.id,
            status=IntentStatus.SUCCEEDED,
            amount=seen.amount,
            received=seen.amount,
            capturable=seen.capturable,
            capture_method=seen.capture_method,
            reference=seen.reference,
            livemode=False,
            created_at=seen.created_at,
            latest_charge_id=ChargeId(f"ch_{seen.id}"),
        )

    async def list_intents(self, *, created_from: datetime) -> Sequence[ProviderIntent]:
        return []

    async def account_id(self) -> str:
        return "acct_bench"

    async def close(self) -> None:
        return


def yardstick() -> float:
    """Return microseconds of CPU for encoding and decoding a small JSON document once."""
    document = {"id": "x" * 30, "items": [{"a": n, "b": str(n)} for n in range(20)]}
    rounds = 5000
    begun = time.process_time()
    for _ in range(rounds):
        json.loads(json.dumps(document))
    return (time.process_time() - begun) / rounds * 1e6


async def charge_all() -> float:
    """Return microseconds of CPU for one charge, from register to paid."""
    container = build_container(Settings(database=Database(url="memory://")))
    container.gateway.override(providers.Object(InstantGateway()))
    register, charge = container.register_order(), container.charge_order()
    confirm = container.confirm_payment()
    begun = time.process_time()
    for number in range(CHARGES):
        order_id = OrderId(f"o-{number}")
        line = Line(sku="tea", title="Tea", unit_price=5000, quantity=1)
        cart = Cart(customer_id=CustomerId("c-1"), currency=USD, lines=(line,))
        await register(RegisterOrderCommand(order_id=order_id, cart=cart))
        started = await charge(ChargeOrderCommand(order_id=order_id))
        assert started.payment.intent_id is not None
        paid = await confirm(ConfirmPaymentCommand(intent_id=started.payment.intent_id))
        assert paid.order.paid_by == started.payment.id
    return (time.process_time() - begun) / CHARGES * 1e6


def main() -> None:
    """Measure thrice and print the best: the others met somebody else's work."""
    measure = min(yardstick() for _ in range(3))
    charge = min(asyncio.run(charge_all()) for _ in range(3))
    print("| what | us of CPU | x a JSON round trip of 0.6 KB |")
    print("|---|---|---|")
    print(f"| one charge, register to paid, memory store | {charge:.0f} | {charge / measure:.1f} |")


if __name__ == "__main__":
    main()
