"""Refunds, disputes, and the ledger."""

from collections.abc import Mapping

import attrs

from markethub.domain.dispute import DisputeStatus
from markethub.domain.ids import (
    DisputeId,
    PaymentId,
    ProviderDisputeId,
    ProviderRefundId,
)
from markethub.domain.ledger import EntryKind
from markethub.domain.money import Money
from markethub.domain.operation import OperationStatus
from markethub.domain.refund import PlanLine, RefundStatus
from markethub.domain.submission import SubmissionKind
from markethub.entrypoints.simulation.ports import START
from tests.unit.entrypoints.simulation.row_case import (
    Case,
    has,
    minus,
    to,
)

CASES: Mapping[str, Case] = {
    # --- refunds
    "a refund is saved with an old version": Case(
        table="refunds",
        spoilt_before=lambda row: {"version": row.version},
        invariant="I7",
        says="was saved with version",
    ),
    "a refund goes to another payment": Case(
        table="refunds",
        spoilt=to(payment_id=PaymentId("pay_another")),
        invariant="I7",
        says="payment_id was changed",
    ),
    "a refund that was never made grows": Case(
        table="refunds",
        where=has(actor="ops"),
        before=to(provider_id=None),
        clean=to(provider_id=None),
        spoilt=lambda row: {"amount": minus(row.amount, -1)},
        invariant="I7",
        says="amount was changed",
    ),
    "a refund gets another actor": Case(
        table="refunds",
        spoilt=to(actor="another"),
        invariant="I7",
        says="actor was changed",
    ),
    "a refund goes to another plan": Case(
        table="refunds",
        spoilt=to(plan=PlanLine(plan_hash="0" * 64, line=1)),
        invariant="I7",
        says="plan was changed",
    ),
    "a refund that failed succeeds": Case(
        table="refunds",
        where=has(provider_id=...),
        before=to(status=RefundStatus.FAILED),
        clean=to(status=RefundStatus.FAILED),
        spoilt=to(status=RefundStatus.SUCCEEDED),
        invariant="I7",
        says="from failed to succeeded",
    ),
    "a refund changes the provider's id": Case(
        table="refunds",
        where=has(provider_id=...),
        spoilt_before=to(provider_id=ProviderRefundId("re_another")),
        invariant="I7",
        says="changed its provider's id",
    ),
    "nobody asked for a refund": Case(
        table="refunds",
        before=None,
        clean=to(provider_id=None, actor="ops"),
        spoilt=to(provider_id=None, actor=None),
        invariant="I13",
        says="names nobody",
    ),
    "a refund gives nothing back": Case(
        table="refunds",
        where=has(status=RefundStatus.SUCCEEDED),
        before=None,
        clean=to(provider_id=None, actor="ops"),
        spoilt=lambda row: {"amount": Money.zero(row.amount.currency)},
        invariant="I2",
        says="of 0",
    ),
    "a refund is another at the provider": Case(
        table="refunds",
        where=has(provider_id=...),
        before=None,
        spoilt=lambda row: {"amount": minus(row.amount, -1)},
        invariant="I5",
        says="is not what the provider has",
    ),
    "a refund is unknown at the provider": Case(
        table="refunds",
        where=has(provider_id=...),
        before=None,
        spoilt=to(provider_id=ProviderRefundId("re_another")),
        invariant="I5",
        says="is not what the provider has as re_another",
    ),
    # --- disputes
    "a dispute is saved with an old version": Case(
        table="disputes",
        spoilt_before=lambda row: {"version": row.version},
        invariant="I7",
        says="was saved with version",
    ),
    "a dispute goes to another payment": Case(
        table="disputes",
        spoilt=to(payment_id=PaymentId("pay_another")),
        invariant="I7",
        says="payment_id was changed",
    ),
    "a dispute becomes another's": Case(
        table="disputes",
        spoilt_before=to(provider_id=ProviderDisputeId("du_another")),
        invariant="I7",
        says="provider_id was changed",
    ),
    "a dispute that is won is open again": Case(
        table="disputes",
        before=to(status=DisputeStatus.WON),
        clean=to(status=DisputeStatus.WON),
        spoilt=to(status=DisputeStatus.NEEDS_RESPONSE),
        invariant="I7",
        says="from won to needs_response",
    ),
    "a dispute that is lost is open again": Case(
        table="disputes",
        before=to(status=DisputeStatus.LOST),
        clean=to(status=DisputeStatus.WON),
        spoilt=to(status=DisputeStatus.UNDER_REVIEW),
        invariant="I7",
        says="from lost to under_review",
    ),
    "a dispute that is warning_closed is open again": Case(
        table="disputes",
        before=to(status=DisputeStatus.WARNING_CLOSED),
        clean=to(status=DisputeStatus.WARNING_CLOSED),
        spoilt=to(status=DisputeStatus.NEEDS_RESPONSE),
        invariant="I7",
        says="from warning_closed to needs_response",
    ),
    "a dispute that is prevented is open again": Case(
        table="disputes",
        before=to(status=DisputeStatus.PREVENTED),
        clean=to(status=DisputeStatus.PREVENTED),
        spoilt=to(status=DisputeStatus.NEEDS_RESPONSE),
        invariant="I7",
        says="from prevented to needs_response",
    ),
    "a dispute is unknown at the provider": Case(
        table="disputes",
        before=None,
        spoilt=to(provider_id=ProviderDisputeId("du_another")),
        invariant="I5",
        says="is unknown at the provider",
    ),
    # --- submissions
    "a submission is saved with an old version": Case(
        table="submissions",
        spoilt_before=lambda row: {"version": row.version},
        invariant="I7",
        says="was saved with version",
    ),
    "a submission that is done is opened again": Case(
        table="submissions",
        where=has(status=OperationStatus.DONE),
        spoilt=to(status=OperationStatus.UNRESOLVED),
        invariant="I7",
        says="from done to unresolved",
    ),
    "a submission goes to another dispute": Case(
        table="submissions",
        spoilt=to(dispute_id=DisputeId("dis_another")),
        invariant="I7",
        says="dispute_id was changed",
    ),
    "a submission becomes another": Case(
        table="submissions",
        where=has(kind=SubmissionKind.SUBMIT),
        spoilt=to(kind=SubmissionKind.ACCEPT),
        invariant="I7",
        says="kind was changed",
    ),
    "a submission says something else": Case(
        table="submissions",
        spoilt=lambda row: {"request": attrs.evolve(row.request, params={"submit": "false"})},
        invariant="I7",
        says="request was changed",
    ),
    "a submission gets another origin": Case(
        table="submissions",
        spoilt=to(origin="another"),
        invariant="I7",
        says="origin was changed",
    ),
    "a submission gets another actor": Case(
        table="submissions",
        spoilt=to(actor="another"),
        invariant="I7",
        says="actor was changed",
    ),
    "nobody asked for a submission": Case(
        table="submissions",
        before=None,
        spoilt=to(actor=None),
        invariant="I13",
        says="names nobody",
    ),
    # --- the ledger
    "an entry is posted twice": Case(
        table="ledger",
        before=None,
        spoilt_before=to(posted_at=START),
        invariant="I7",
        says="was posted again over the first",
    ),
    "an entry moves nothing": Case(
        table="ledger",
        where=has(kind=EntryKind.FEE),
        before=None,
        spoilt=lambda row: {"credit": row.debit},
        invariant="I3",
        says="does not balance",
    ),
    "a charge is posted that took another sum": Case(
        table="ledger",
        where=has(kind=EntryKind.CHARGE),
        before=None,
        spoilt=lambda row: {"amount": minus(row.amount)},
        invariant="I5",
        says="and the provider has",
    ),
    "a charge is posted that there is not": Case(
        table="ledger",
        where=has(kind=EntryKind.CHARGE),
        before=None,
        spoilt=to(reference="ch_another"),
        invariant="I5",
        says="and the provider knows nothing of it",
    ),
    "a refund is posted in another currency": Case(
        table="ledger",
        where=has(kind=EntryKind.REFUND),
        before=None,
        spoilt=lambda row: {"amount": Money.of(row.amount.minor, "gbp")},
        invariant="I5",
        says="and the provider has",
    ),
    "a fee is posted as a dispute's": Case(
        table="ledger",
        where=has(kind=EntryKind.FEE),
        before=None,
        spoilt=to(kind=EntryKind.DISPUTE_FEE),
        invariant="I5",
        says="and the provider knows nothing of it",
    ),
    "a movement is posted that there is not": Case(
        table="ledger",
        where=has(kind=EntryKind.REFUND),
        before=None,
        spoilt=to(reference="txn_another"),
        invariant="I5",
        says="and the provider knows nothing of it",
    ),
}
