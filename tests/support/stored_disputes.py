"""Rows of disputes, to put into the stores."""

from typing import Any

import attrs

from markethub.domain.dispute import Dispute, DisputeStatus
from markethub.domain.ids import (
    DisputeId,
    OrderId,
    PaymentId,
    ProviderDisputeId,
    SubmissionId,
)
from markethub.domain.money import Money
from markethub.domain.operation import ProviderRequest
from markethub.domain.ports.unit_of_work import Transaction
from markethub.domain.refund import Refund
from markethub.domain.submission import Submission, SubmissionKind
from tests.support.stores import START, Store, later


def dispute(id: str = "dsp_1", **changes: Any) -> Dispute:
    made = Dispute(
        id=DisputeId(id),
        provider_id=ProviderDisputeId(id.replace("dsp", "dp")),
        payment_id=PaymentId("pay_1"),
        order_id=OrderId("o-1"),
        status=DisputeStatus.NEEDS_RESPONSE,
        reason="fraudulent",
        amount=Money.of(5000, "usd"),
        evidence_due_by=later(days=7),
        opened_at=START,
        created_at=START,
        updated_at=START,
    )
    return attrs.evolve(made, **changes)


def submission(id: str = "sub_1", *, of: str = "dsp_1", origin: str | None = None) -> Submission:
    return Submission.ask(
        id=SubmissionId(id),
        dispute_id=DisputeId(of),
        kind=SubmissionKind.SUBMIT,
        request=ProviderRequest(
            method="POST", path="/v1/disputes/dp_1", params={"submit": True, "evidence": {"a": "ä"}}
        ),
        count_before=0,
        actor="ann",
        origin=origin,
        now=START,
    )


async def save(store: Store, *rows: Dispute | Submission | Refund) -> None:
    async def work(tx: Transaction) -> None:
        for row in rows:
            if isinstance(row, Refund):
                await tx.refunds.save(row)
            elif isinstance(row, Dispute):
                await tx.disputes.save(row)
            else:
                await tx.submissions.save(row)

    await store.transactions.run(work)
