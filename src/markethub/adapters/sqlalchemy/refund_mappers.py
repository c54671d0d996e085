"""Refunds to rows and back: the pair next to each other, field by field."""

from markethub.adapters.sqlalchemy.mappers import Read, Row
from markethub.domain.money import Money
from markethub.domain.refund import PlanLine, Refund, RefundReason, RefundStatus


def refund_to_row(refund: Refund) -> Row:
    """Return the row of a refund, with the version that it has in memory."""
    return {
        "id": refund.id,
        "payment_id": refund.payment_id,
        "order_id": refund.order_id,
        "amount_minor": refund.amount.minor,
        "currency": refund.amount.currency.code,
        "status": refund.status.value,
        "provider_id": refund.provider_id,
        "reason": refund.reason.value if refund.reason else None,
        "note": refund.note,
        "actor": refund.actor,
        "plan_hash": refund.plan.plan_hash if refund.plan else None,
        "plan_line": refund.plan.line if refund.plan else None,
        "failure_reason": refund.failure_reason,
        "created_at": refund.created_at,
        "updated_at": refund.updated_at,
        "version": refund.version,
    }


def refund_from_row(row: Read) -> Refund:
    """Return the refund of a row."""
    return Refund(
        id=row["id"],
        payment_id=row["payment_id"],
        order_id=row["order_id"],
        amount=Money.of(row["amount_minor"], row["currency"]),
        status=RefundStatus(row["status"]),
        provider_id=row["provider_id"],
        reason=None if row["reason"] is None else RefundReason(row["reason"]),
        note=row["note"],
        actor=row["actor"],
        plan=None
        if row["plan_hash"] is None
        else PlanLine(plan_hash=row["plan_hash"], line=row["plan_line"]),
        failure_reason=row["failure_reason"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
    )
