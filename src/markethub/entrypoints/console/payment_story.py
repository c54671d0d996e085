"""A payment's story on one time line: what was asked, what came of it, who did what and why."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import attrs

from markethub.domain.audit import AuditAction
from markethub.domain.delivery import Delivery
from markethub.domain.dispute import Dispute
from markethub.domain.events import PaymentFailed
from markethub.domain.operation import OperationKind, OperationStatus
from markethub.domain.ports.history import LAST, Attempt, History
from markethub.domain.refund import Refund, RefundStatus
from markethub.domain.submission import SubmissionKind
from markethub.entrypoints.console.concerns import age

_LATE: Final = timedelta(minutes=1)
"""What takes longer is said to have taken so long."""


class Kind(StrEnum):
    """What a step is, in a word. Of what has the same time, what is named first stands first."""

    PAYMENT = "payment"
    STAFF = "staff"
    REQUEST = "request"
    EVENT = "event"
    REFUND = "refund"
    DISPUTE = "dispute"
    LEDGER = "ledger"
    SHOP = "shop"


_RANK: Final = {kind: rank for rank, kind in enumerate(Kind)}
_ASKED: Final = {
    OperationKind.CREATE_INTENT: "The provider was asked to make the payment intent",
    OperationKind.UPDATE_INTENT: "The provider was asked to change the payment intent",
    OperationKind.CONFIRM: "The provider was asked to charge the saved card",
    OperationKind.CAPTURE: "The provider was asked to capture",
    OperationKind.CANCEL: "The provider was asked to cancel the payment intent",
    OperationKind.REFUND: "The provider was asked to give back",
    SubmissionKind.SUBMIT: "The provider was asked to hand the evidence to the bank",
    SubmissionKind.ACCEPT: "The provider was asked to concede the dispute",
}
assert set(_ASKED) == {*OperationKind, *SubmissionKind}, "each request is told"
_BECAME: Final = {
    OperationStatus.UNRESOLVED: "unknown",
    OperationStatus.DONE: "done",
    OperationStatus.REFUSED: "refused",
    OperationStatus.NEVER_HAPPENED: "never happened",
}
assert set(_BECAME) == set(OperationStatus), "each outcome is told"
_DID: Final = {
    AuditAction.PAYMENT_CAPTURE: "The capture was asked for",
    AuditAction.PAYMENT_CANCEL: "The cancelation was asked for",
    AuditAction.ORDER_CANCEL: "The order was canceled",
    AuditAction.REFUND_REQUEST: "A refund was asked for",
    AuditAction.REFUND_APPROVAL_ASKED: "A refund was asked for that needs a second person",
    AuditAction.REFUND_APPROVE: "The refund was approved",
    AuditAction.REFUND_REJECT: "The refund was rejected",
    AuditAction.REFUND_APPROVE_DENIED: "Somebody tried to approve it who may not",
    AuditAction.DISPUTE_DRAFT: "Evidence was written",
    AuditAction.DISPUTE_ATTACH: "A file was attached to the evidence",
    AuditAction.DISPUTE_SUBMIT: "The evidence was submitted",
    AuditAction.DISPUTE_ACCEPT: "The dispute was conceded",
    AuditAction.EVENT_REPLAY: "An event was made to begin anew",
    AuditAction.DELIVERY_REPLAY: "A message was sent again",
}
_REFUND_IS: Final = {
    RefundStatus.PENDING: "is on its way, or nobody knows yet",
    RefundStatus.REQUIRES_ACTION: "waits for the customer to say where to",
    RefundStatus.SUCCEEDED: "arrived",
    RefundStatus.FAILED: "came back",
    RefundStatus.CANCELED: "was canceled",
}
_PARTS: Final = {
    "refunds": "refunds",
    "disputes": "disputes",
    "operations": "requests",
    "submissions": "requests about disputes",
    "events": "events",
    "entries": "postings",
    "messages": "messages",
    "acts": "acts of staff",
}


@attrs.frozen
class Name:
    """An id that a step has, ours or the provider's, and the page about it."""

    id: str
    url: str | None = None


@attrs.frozen(kw_only=True)
class Step:
    """Something that happened."""

    at: datetime
    kind: Kind
    text: str
    status: str | None = None
    """What became of it, in a word."""
    who: str | None = None
    """Who of the staff, and from where."""
    why: str | None = None
    detail: str | None = None
    names: Sequence[Name] = ()


def story(history: History) -> Sequence[Step]:
    """Tell all, oldest first; what has the same time in the order of the kinds, then as read."""
    steps = [
        Step(
            at=history.payment.created_at,
            kind=Kind.PAYMENT,
            text=f"The payment of {history.payment.amount} began",
        ),
        *_of_warnings(history),
        *_of_staff(history),
        *_of_requests(history),
        *_of_events(history),
        *_of_refunds(history),
        *_of_disputes(history),
        *_of_entries(history),
        *_of_messages(history),
    ]
    return sorted(steps, key=lambda step: (step.at, _RANK[step.kind]))


def left_out(history: History) -> str | None:
    """Say what is not told since there is too much of it; None where all is told."""
    parts = [told for part, told in _PARTS.items() if not getattr(history, part).is_all]
    if not parts:
        return None
    *most, last = parts
    named = f"{', '.join(most)} and {last}" if most else last
    return f"Of its {named} only the last {LAST}{' of each' if most else ''} are told."


def _of_warnings(history: History) -> Iterator[Step]:
    for each in history.payment.fraud_warnings:
        yield Step(
            at=each.created_at,
            kind=Kind.DISPUTE,
            text="The card's issuer warned of fraud",
            detail=each.fraud_type.replace("_", " "),
            names=[Name(each.id)],
        )


def _of_staff(history: History) -> Iterator[Step]:
    for each in history.acts.items:
        amount = each.detail.get("amount")
        text = _DID.get(each.action, each.action.value)
        yield Step(
            at=each.at,
            kind=Kind.STAFF,
            text=f"{text}: {amount}" if amount else text,
            who=f"{each.actor} ({each.channel})",
            why=each.reason,
            names=_subject(each.subject, history),
        )
    for approval in history.approvals.items:
        if approval.is_pending:
            yield Step(
                at=approval.updated_at,
                kind=Kind.STAFF,
                text=f"{approval.amount} waits for a second person",
                who=approval.requested_by,
                names=[Name(approval.id, "/ops/approvals")],
            )


def _subject(subject: str | None, history: History) -> Sequence[Name]:
    if subject is None or subject == history.payment.id:
        return ()
    pages: dict[str, str] = {
        **{each.id: f"/ops/events/{each.id}" for each in history.events.items},
        **{each.id: f"/ops/disputes/{each.id}" for each in history.disputes.items},
    }
    return [Name(subject, pages.get(subject))]


def _of_requests(history: History) -> Iterator[Step]:
    refunds: dict[str, Refund] = {each.id: each for each in history.refunds.items}
    disputes: dict[str, Dispute] = {each.id: each for each in history.disputes.items}
    for each in (*history.operations.items, *history.submissions.items):
        provider_id: str | None = history.payment.intent_id
        if each.about in refunds:
            provider_id = refunds[each.about].provider_id
        elif each.about in disputes:
            provider_id = disputes[each.about].provider_id
        yield Step(
            at=each.asked_at,
            kind=Kind.REQUEST,
            text=f"{_ASKED[each.kind]}{_amount(each)}",
            status=_BECAME[each.status],
            detail=_outcome(each),
            names=[Name(provider_id)] if provider_id else (),
        )


def _amount(asked: Attempt) -> str:
    if asked.kind is OperationKind.UPDATE_INTENT and asked.amount:
        return f" to {asked.amount}"
    if asked.amount:
        return f" {asked.amount}"
    return " all that was left" if asked.kind is OperationKind.REFUND else ""


def _outcome(asked: Attempt) -> str | None:
    took = asked.updated_at - asked.asked_at
    said = (
        f"attempt {asked.number}" if asked.number > 1 else None,
        asked.error_code,
        f"known after {age(asked.asked_at, asked.updated_at)}"
        if took >= _LATE and not asked.is_unresolved
        else None,
    )
    return "; ".join(filter(None, said)) or None


def _of_events(history: History) -> Iterator[Step]:
    for each in history.events.items:
        late = each.received_at - each.created_at >= _LATE
        said = (
            each.reason,
            f"arrived {age(each.created_at, each.received_at)} after it happened" if late else None,
            f"begun anew at {each.replayed_at:%Y-%m-%d %H:%M:%S}" if each.replayed_at else None,
        )
        yield Step(
            at=each.received_at,
            kind=Kind.EVENT,
            text=each.type,
            status=each.status.value,
            detail="; ".join(filter(None, said)) or None,
            names=[Name(each.id, f"/ops/events/{each.id}")],
        )


def _of_refunds(history: History) -> Iterator[Step]:
    for each in history.refunds.items:
        whose = "" if each.is_ours else ", made at the provider,"
        why = (each.reason.replace("_", " ") if each.reason else None, each.note)
        yield Step(
            at=each.updated_at,
            kind=Kind.REFUND,
            text=f"The refund of {each.amount}{whose} {_REFUND_IS[each.status]}",
            who=each.actor,
            why=": ".join(filter(None, why)) or None,
            detail=each.failure_reason,
            names=[Name(name) for name in (each.id, each.provider_id) if name],
        )


def _of_disputes(history: History) -> Iterator[Step]:
    for each in history.disputes.items:
        kind = "asked about the payment" if each.is_inquiry else "opened a dispute"
        yield Step(
            at=each.opened_at,
            kind=Kind.DISPUTE,
            text=f"The bank {kind}: {each.amount}",
            status=each.status.value,
            detail=each.reason.replace("_", " "),
            names=[Name(each.id, f"/ops/disputes/{each.id}"), Name(each.provider_id)],
        )


def _of_entries(history: History) -> Iterator[Step]:
    for each in history.entries.items:
        debit, credit = (side.replace("_", " ") for side in (each.debit, each.credit))
        yield Step(
            at=each.posted_at,
            kind=Kind.LEDGER,
            text=f"{each.kind.replace('_', ' ').capitalize()}: {each.amount}",
            detail=f"debit {debit}, credit {credit}",
            names=[Name(each.reference)],
        )


def _of_messages(history: History) -> Iterator[Step]:
    for each in history.messages.items:
        yield Step(
            at=each.event.occurred_at,
            kind=Kind.SHOP,
            text=f"The storefront is told {each.event.type}",
            status=each.status.value,
            detail=_answer(each),
            names=[Name(each.message_id)],
        )


def _answer(message: Delivery) -> str | None:
    failure = message.event.failure_code if isinstance(message.event, PaymentFailed) else None
    tried = None
    if message.reason:
        tried = f"tried {message.attempts} times, {message.reason}"
    return "; ".join(filter(None, (failure, tried))) or None
