"""The sampler sees what somebody does to the database behind the core's back."""

from typing import Any

import asyncpg
import pytest

from markethub.entrypoints.container import build_container
from markethub.entrypoints.setting_values import Database
from markethub.entrypoints.settings import Settings
from tests.storm.sampler import CHECKS, Sampler
from tests.support.world import World

pytestmark = pytest.mark.anyio

UNGUARDED = "SET session_replication_role = replica; "
"""Triggers and foreign keys say nothing."""

CORRUPTED = {
    "I1 an order has one live payment": "DROP INDEX uq_payments_live_of_order; {twin}",
    "I1 an order is paid once": "DROP INDEX uq_payments_live_of_order; {twin}",
    "I2 no more is given back than was taken": (
        "ALTER TABLE payments DROP CONSTRAINT ck_payments_refunded_bounded;"
        "UPDATE payments SET refunded_minor = captured_minor + 1"
    ),
    "I2 what was given back has its refunds": (
        "UPDATE payments SET refunded_minor = refunded_minor + 1"
    ),
    "I2 what is reserved has its refunds": "UPDATE payments SET refund_reserved_minor = 1",
    "I3 every transaction of the ledger adds up to nothing": (
        "ALTER TABLE ledger_entries DROP CONSTRAINT ck_ledger_entries_debit_known;"
        "UPDATE ledger_entries SET debit = 'nowhere'"
    ),
    "I3 money moves from one account to another": (
        "ALTER TABLE ledger_entries DROP CONSTRAINT ck_ledger_entries_amount_positive;"
        "UPDATE ledger_entries SET amount_minor = -amount_minor"
    ),
    "I3 what was captured is in the ledger": (
        "UPDATE payments SET captured_minor = captured_minor - 1"
    ),
    "I9 who paid an order has paid it": "UPDATE orders SET total_minor = total_minor + 1",
    "I14 what is told was committed": "DELETE FROM outbox",
    "I7 orders o-1 went from paid to open": (
        "UPDATE orders SET status = 'open', paid_by = NULL, version = version + 1"
    ),
    "I7 refunds": "UPDATE refunds SET status = 'failed'",
    "I7 1 rows of refunds are gone": "DELETE FROM refunds",
}
TWIN = """
    DROP INDEX uq_payments_intent_id; DROP INDEX uq_payments_charge_id;
    INSERT INTO payments
    SELECT (jsonb_populate_record(p, '{"id": "pay_twin"}')).* FROM payments p"""


async def sell(url: str) -> None:
    """Sell something, and give a part of it back."""
    settings = Settings(database=Database(url=url), embedded_worker=False)
    world = World(build_container(settings))
    await world.register("o-1")
    started = await world.charge("o-1")
    world.pay(started)
    confirmed = await world.confirm(started.payment)
    await world.refund(confirmed.payment, 100)
    await world.container.store().close()


async def connected(url: str) -> Any:
    return await asyncpg.connect(url)


def test_every_check_was_seen_to_fail() -> None:
    assert set(CHECKS) <= set(CORRUPTED)


@pytest.mark.parametrize("what", CORRUPTED)
async def test_the_sampler_sees_what_nobody_may_do(what: str, postgres_url: str) -> None:
    await sell(postgres_url)
    looking, corrupting = await connected(postgres_url), await connected(postgres_url)
    sampler = Sampler(looking)
    await sampler.sample()
    before = list(sampler.violations)
    await corrupting.execute(UNGUARDED + CORRUPTED[what].replace("{twin}", TWIN))
    await sampler.sample()
    await looking.close()
    await corrupting.close()

    assert [] == before
    assert any(found.startswith(what) for found in sampler.violations), sampler.violations
