"""Whatever order the events of a dispute come in, with duplicates, the final state is one."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import attrs
import pytest

from markethub.domain.dispute import DisputeStatus
from markethub.domain.ids import DisputeId, PaymentId
from markethub.domain.ledger import Account as Book
from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.support.bank import dispute_object, movement
from tests.support.disputed import Disputed
from tests.support.world import World

pytestmark = pytest.mark.anyio

TAKEN = movement("txn_taken", -5000, fee=1500)
BACK = movement("txn_back", 5000)

LIFE: Sequence[tuple[str, dict[str, Any]]] = (
    ("created", {"status": "needs_response"}),
    ("funds_withdrawn", {"status": "needs_response", "balance_transactions": [TAKEN]}),
    ("updated", {"status": "under_review", "balance_transactions": [TAKEN]}),
    ("closed", {"status": "won", "balance_transactions": [TAKEN]}),
    ("funds_reinstated", {"status": "won", "balance_transactions": [TAKEN, BACK]}),
)
"""What happens to a dispute, and what it looks like just then."""

ORDERS = list(permutations(range(len(LIFE))))
FEE = 175  # of the charge: 2.9 % of 50.00 and 30 minor units


async def disputed(url: str = "memory://") -> Disputed:
    disputed = Disputed(World(build_container(Settings(database=Database(url=url)))))
    await disputed.pay()
    return disputed


async def live_through(disputed: Disputed, order: Sequence[int]) -> None:
    """Deliver the events in an order, each once more later on.

    Every event is processed as it comes, while the provider is only as far as it must be: no
    event comes before it has happened.
    """
    payment = await disputed.payment()
    about: dict[str, Any] = {"charge": payment.charge_id, "payment_intent": payment.intent_id}
    reached = 0
    for step, happened in enumerate(order):
        reached = max(reached, happened)
        disputed.bank.put(dispute_object(**about, **LIFE[reached][1]))
        for each in (happened, order[step // 2]):
            what, shown = LIFE[each]
            await disputed.deliver(f"charge.dispute.{what}", dispute_object(**about, **shown))
            await disputed.process()


async def final_state(disputed: Disputed) -> object:
    """Return everything that must not depend on the order, without ids and times of ours."""
    [dispute] = await disputed.disputes()
    payment = await disputed.payment()
    entries = await disputed.world.container.queries().ledger()
    return (
        attrs.evolve(
            dispute,
            id=DisputeId(""),
            payment_id=PaymentId(""),
            created_at=dispute.opened_at,
            updated_at=dispute.opened_at,
            version=0,
        ),
        (payment.captured, payment.disputed, payment.amount_refundable, payment.chargeback_open),
        {
            (each.reference, each.kind, each.debit, each.credit, each.amount)
            for each in entries
            if each.reference.startswith("txn_taken") or each.reference.startswith("txn_back")
        },
        await disputed.world.books(),
        (await disputed.world.container.queries().health()).waiting_events,
    )


async def test_all_120_orders_with_duplicates_end_the_same() -> None:
    ends = []
    for order in ORDERS:
        contested = await disputed()
        await live_through(contested, order)
        ends.append(await final_state(contested))

    assert len(ends) == 120
    assert [ends[0]] * 120 == ends


async def test_the_end_is_the_right_one() -> None:
    contested = await disputed()

    await live_through(contested, ORDERS[0])

    [dispute] = await contested.disputes()
    assert dispute.status is DisputeStatus.WON
    assert await contested.told() == ["dispute.opened", "dispute.won"]
    assert await contested.world.books() == {
        (Book.PROVIDER_BALANCE, "usd"): 5000 - FEE - 1500,
        (Book.SALES, "usd"): -5000,
        (Book.PROCESSING_FEES, "usd"): FEE,
        (Book.DISPUTE_LOSSES, "usd"): 0,
        (Book.DISPUTE_FEES, "usd"): 1500,
    }


async def test_all_120_orders_end_the_same_when_everything_has_happened_before() -> None:
    ends = []
    for order in ORDERS:
        contested = await disputed()
        payment = await contested.payment()
        about: dict[str, Any] = {"charge": payment.charge_id, "payment_intent": payment.intent_id}
        contested.bank.put(dispute_object(**about, **LIFE[-1][1]))
        for each in (*order, *order):
            what, shown = LIFE[each]
            await contested.deliver(f"charge.dispute.{what}", dispute_object(**about, **shown))
        await contested.process()
        ends.append(await final_state(contested))

    assert [ends[0]] * 120 == ends


async def test_the_orders_end_the_same_in_a_database(store_url: str) -> None:
    """A few orders on each store: the backward one is the one that surprises most."""
    forward = await disputed()
    await live_through(forward, ORDERS[0])
    contested = await disputed(store_url)

    await live_through(contested, ORDERS[-1])

    assert await final_state(forward) == await final_state(contested)
    await contested.world.container.store().close()
