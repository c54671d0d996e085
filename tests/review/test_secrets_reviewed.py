"""What is told of a failure must not repeat what it was about."""

import pytest
from sqlalchemy.exc import IntegrityError

from markethub.domain.ids import OrderId, PaymentId, RefundId
from markethub.domain.money import Money
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.refund import Refund, RefundStatus
from tests.support.stores import START, Store, order, payment, put

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
async def test_a_failed_statement_does_not_repeat_its_values(store: Store) -> None:
    """It ends in logs, and as the reason of a stored event."""
    await put(store, order(), payment())
    broken = Refund(
        id=RefundId("rfd_1"),
        payment_id=PaymentId("pay_1"),
        order_id=OrderId("o-1"),
        amount=Money.of(0, "usd"),  # a CHECK refuses it
        status=RefundStatus.PENDING,
        note="of Ms. Lovelace's tumour",
        actor="ada",
        created_at=START,
        updated_at=START,
    )

    async def work(tx: Transaction) -> None:
        await tx.refunds.save(broken)

    with pytest.raises(IntegrityError) as refused:
        await store.transactions.run(work)

    assert "Lovelace" not in str(refused.value)
