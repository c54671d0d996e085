"""Many refunds, decided once: looked at before they are made, and made exactly as looked at.

A plan is a document. Its hash is that of its canonical form, so that whatever is changed in it
afterwards shows; a line's refund bears the hash and the line's number, so that no line is
carried out twice.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final, Self

import attrs

from markethub.domain.errors import PlanChanged, ValidationFailed
from markethub.domain.ids import PaymentId
from markethub.domain.money import Money
from markethub.domain.payment import Payment
from markethub.domain.refund import RefundReason

VERSION: Final = 1
"""Of the document's shape."""


@attrs.frozen(kw_only=True)
class Precondition:
    """How a payment must stand for a refund to be what was decided."""

    captured: Money
    given_back: Money
    """Refunded, or on its way to be."""

    @classmethod
    def of(cls, payment: Payment) -> Self:
        """Take down how a payment stands."""
        return cls(captured=payment.captured, given_back=payment.refunded + payment.refund_reserved)

    def holds_for(self, payment: Payment) -> bool:
        """Tell whether the payment stands as it did."""
        return type(self).of(payment) == self

    def changes_of(self, payment: Payment) -> str:
        """Say what of the payment is otherwise by now; nothing where it stands as it did."""
        now = type(self).of(payment)
        parts = (
            ("captured", now.captured, self.captured),
            ("given back", now.given_back, self.given_back),
        )
        return ", ".join(
            f"{is_now} is {what}, not {was}" for what, is_now, was in parts if is_now != was
        )


@attrs.frozen(kw_only=True)
class PlannedRefund:
    """One line: all that is left of a payment is given back."""

    payment_id: PaymentId
    amount: Money
    precondition: Precondition


def totals_of(lines: Iterable[PlannedRefund]) -> Mapping[str, Money]:
    """Add up what some lines give back, by currency."""
    sums: defaultdict[str, list[Money]] = defaultdict(list)
    for line in lines:
        sums[line.amount.currency.code].append(line.amount)
    return {code: sum(amounts[1:], start=amounts[0]) for code, amounts in sorted(sums.items())}


@attrs.frozen(kw_only=True)
class RefundPlan:
    """Refunds to be made, one a payment."""

    created_at: datetime
    reason: RefundReason
    note: str | None = None
    lines: tuple[PlannedRefund, ...]

    @property
    def totals(self) -> Mapping[str, Money]:
        """What is given back in all, by currency."""
        return totals_of(self.lines)

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical form: hexadecimal."""
        return sha256(_canonical(self._body()).encode()).hexdigest()

    def document(self) -> dict[str, object]:
        """Return the plan as it is written to a file: JSON values, the hash among them."""
        return {**self._body(), "hash": self.hash}

    @classmethod
    def read(cls, document: object) -> Self:
        """Read a document.

        Raises ValidationFailed for one that is no plan, and PlanChanged for one that is not as
        it was written.
        """
        if not isinstance(document, Mapping):
            raise ValidationFailed("", "is no refund plan")
        try:
            plan = cls(
                created_at=datetime.fromisoformat(document["created_at"]),
                reason=RefundReason(document["reason"]),
                note=_note(document["note"]),
                lines=tuple(_line(each) for each in document["lines"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValidationFailed("", "is no refund plan") from error
        # The whole document is compared, so that nothing in it can say what is not meant.
        if plan.document() != dict(document):
            raise PlanChanged("the plan is not as it was written")
        return plan

    def _body(self) -> dict[str, object]:
        return {
            "version": VERSION,
            "created_at": self.created_at.isoformat(),
            "reason": self.reason.value,
            "note": self.note,
            "totals": {code: total.minor for code, total in self.totals.items()},
            "lines": [
                {
                    "payment_id": line.payment_id,
                    "currency": line.amount.currency.code,
                    "amount": line.amount.minor,
                    "captured": line.precondition.captured.minor,
                    "given_back": line.precondition.given_back.minor,
                }
                for line in self.lines
            ],
        }


@attrs.frozen(kw_only=True)
class LeftOut:
    """A payment that was chosen and cannot be refunded."""

    payment_id: PaymentId
    reason: str


def plan_refunds(
    payments: Sequence[Payment], *, reason: RefundReason, note: str | None, now: datetime
) -> tuple[RefundPlan, Sequence[LeftOut]]:
    """Plan to give back all that is left of each payment; say which payments have nothing."""
    lines: dict[PaymentId, PlannedRefund] = {}
    left_out: list[LeftOut] = []
    for payment in payments:
        left = payment.amount_refundable
        if not left.minor or payment.chargeback_open:
            why = "payment_disputed" if payment.chargeback_open else "payment_not_refundable"
            left_out.append(LeftOut(payment_id=payment.id, reason=why))
        else:
            lines[payment.id] = PlannedRefund(
                payment_id=payment.id, amount=left, precondition=Precondition.of(payment)
            )
    plan = RefundPlan(created_at=now, reason=reason, note=note, lines=tuple(lines.values()))
    return plan, left_out


def _line(read: object) -> PlannedRefund:
    if not isinstance(read, Mapping):
        raise TypeError("a line is an object")
    payment_id, currency = read["payment_id"], read["currency"]
    if not isinstance(payment_id, str):
        raise TypeError("an id is a text")
    return PlannedRefund(
        payment_id=PaymentId(payment_id),
        amount=Money.of(read["amount"], currency),
        precondition=Precondition(
            captured=Money.of(read["captured"], currency),
            given_back=Money.of(read["given_back"], currency),
        ),
    )


def _note(read: object) -> str | None:
    if read is None or isinstance(read, str):
        return read
    raise TypeError("a note is a text")


def _canonical(body: object) -> str:
    return json.dumps(body, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
