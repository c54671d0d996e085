"""Events leave the account by its pump: signed, in order, at least once."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
import stripe

from markethub.adapters.fake.account import Account
from markethub.adapters.fake.options import AccountOptions
from markethub.adapters.fake.pump import LEASE_S, Pump
from markethub.adapters.fake.store import DictStore
from markethub.domain.secret import Secret

pytestmark = pytest.mark.anyio

SECRET = "whsec_pump"
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@attrs.define
class Receiver:
    """Takes deliveries, or refuses those whose type is in ``refused``."""

    deliveries: list[tuple[bytes, str]] = attrs.field(factory=list)
    refused: set[str] = attrs.field(factory=set)

    async def __call__(self, body: bytes, header: str) -> None:
        if json.loads(body)["type"] in self.refused:
            raise ConnectionError("the receiver is down")
        self.deliveries.append((body, header))

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for body, _ in self.deliveries]


@attrs.frozen
class Scene:
    account: Account
    clock: Clock
    receiver: Receiver
    pump: Pump

    def charge(self) -> dict[str, Any]:
        response = self.account.request(
            method="POST",
            path="/v1/payment_intents",
            params={
                "amount": 5000,
                "currency": "usd",
                "confirm": True,
                "payment_method": "pm_card_visa",
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            },
            auth="sk_test_dev",
        )
        assert 200 == response.status, response.body
        return response.body


CHARGED = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


@pytest.fixture
def scene() -> Scene:
    account = Account(store=DictStore(), options=AccountOptions(seed="pump"))
    clock, receiver = Clock(), Receiver()
    pump = Pump(account=account, secret=Secret(SECRET), clock=clock, deliver=receiver)
    account.advance(int(clock.now().timestamp()))
    return Scene(account, clock, receiver, pump)


async def test_each_event_is_delivered_once_in_the_order_in_which_it_came(scene: Scene) -> None:
    scene.charge()

    assert 3 == await scene.pump()
    assert 0 == await scene.pump()
    assert CHARGED == scene.receiver.types


async def test_a_delivered_event_is_one_that_the_account_lists(scene: Scene) -> None:
    scene.charge()
    await scene.pump()

    listed = scene.account.request(method="GET", path="/v1/events", auth="sk_test_dev").body["data"]
    delivered = [json.loads(body) for body, _ in scene.receiver.deliveries]
    assert [event["id"] for event in listed[::-1]] == [event["id"] for event in delivered]
    assert {0} == {event["pending_webhooks"] for event in listed}


async def test_a_call_delivers_at_most_its_limit(scene: Scene) -> None:
    scene.charge()

    assert 2 == await scene.pump(limit=2)
    assert 1 == await scene.pump(limit=2)
    assert CHARGED == scene.receiver.types


async def test_each_delivery_is_signed_for_the_time_at_which_it_is_made(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.charge()
    scene.clock.advance(7)
    await scene.pump()

    now = int(scene.clock.now().timestamp())
    monkeypatch.setattr("stripe._webhook.time.time", lambda: now)
    for body, header in scene.receiver.deliveries:
        assert header.startswith(f"t={now},v1=")
        assert stripe.WebhookSignature.verify_header(body.decode(), header, SECRET, tolerance=1)


async def test_a_delivery_signed_with_another_secret_does_not_verify(scene: Scene) -> None:
    scene.charge()
    await scene.pump()

    body, header = scene.receiver.deliveries[0]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(body.decode(), header, "whsec_other")


async def test_a_refused_event_does_not_hold_up_the_others(scene: Scene) -> None:
    scene.charge()
    scene.receiver.refused = {"payment_intent.created"}

    assert 2 == await scene.pump()
    assert CHARGED[1:] == scene.receiver.types


async def test_a_refused_event_is_delivered_later_and_signed_anew(scene: Scene) -> None:
    scene.charge()
    scene.receiver.refused = set(CHARGED)
    assert 0 == await scene.pump()

    scene.receiver.refused = set()
    assert 0 == await scene.pump()
    scene.clock.advance(1)
    assert 3 == await scene.pump()
    assert CHARGED == scene.receiver.types
    stamp = int(scene.clock.now().timestamp())
    assert all(header.startswith(f"t={stamp},") for _, header in scene.receiver.deliveries)


async def test_an_event_that_is_refused_again_and_again_waits_longer_each_time(
    scene: Scene,
) -> None:
    scene.charge()
    scene.receiver.refused = {"charge.succeeded"}
    tries: list[int] = []
    refusing = scene.receiver

    async def counting(body: bytes, header: str) -> None:
        if json.loads(body)["type"] == "charge.succeeded":
            tries.append(int((scene.clock.now() - START).total_seconds()))
        await refusing(body, header)

    pump = attrs.evolve(scene.pump, deliver=counting)
    for _ in range(16):
        await pump()
        scene.clock.advance(1)

    assert [0, 1, 3, 7, 15] == tries


async def test_what_happens_later_is_not_delivered_before_its_time(scene: Scene) -> None:
    account = Account(
        store=DictStore(), options=AccountOptions(seed="later", settles_later=True, delay_s=5)
    )
    account.advance(int(scene.clock.now().timestamp()))
    pump = attrs.evolve(scene.pump, account=account)
    attrs.evolve(scene, account=account).charge()

    await pump()
    scene.clock.advance(4)
    await pump()
    assert "payment_intent.succeeded" not in scene.receiver.types

    scene.clock.advance(1)
    await pump()
    assert "payment_intent.succeeded" == scene.receiver.types[-1]


async def test_the_accounts_clock_follows_ours_and_never_goes_back(scene: Scene) -> None:
    scene.clock.advance(100)
    await scene.pump()
    scene.clock.advance(-50)
    await scene.pump()

    assert int(START.timestamp()) + 100 == scene.account.now


async def test_a_second_pump_leaves_alone_what_the_first_is_delivering(scene: Scene) -> None:
    scene.charge()
    second = Receiver()
    other = attrs.evolve(scene.pump, deliver=second)

    async def meanwhile(body: bytes, header: str) -> None:
        await other()
        await scene.receiver(body, header)

    assert 1 == await attrs.evolve(scene.pump, deliver=meanwhile)()
    assert CHARGED[:1] == scene.receiver.types
    assert CHARGED[1:] == second.types


async def test_what_a_dead_process_was_delivering_is_delivered_after_its_lease(
    scene: Scene,
) -> None:
    scene.charge()

    class Death(BaseException):
        pass

    async def dies(body: bytes, header: str) -> None:
        raise Death

    with pytest.raises(Death):
        await attrs.evolve(scene.pump, deliver=dies)()

    await scene.pump()
    assert CHARGED[1:] == scene.receiver.types
    scene.clock.advance(LEASE_S)
    await scene.pump()
    assert [*CHARGED[1:], CHARGED[0]] == scene.receiver.types


async def test_the_account_can_be_used_while_a_delivery_is_awaited(scene: Scene) -> None:
    scene.charge()
    made: list[str] = []

    async def charging(body: bytes, header: str) -> None:
        if not made:
            made.append(scene.charge()["id"])
        await scene.receiver(body, header)

    assert 6 == await attrs.evolve(scene.pump, deliver=charging)()
    assert [*CHARGED, *CHARGED] == scene.receiver.types
