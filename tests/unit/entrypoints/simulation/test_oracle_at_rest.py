"""What has come to rest is spoilt in one thing, and it alone is reported."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest

from markethub.adapters.memory.database import Database
from markethub.domain.dispute import DisputeStatus
from markethub.domain.ids import RefundId
from markethub.domain.inbox_event import InboxStatus
from markethub.domain.ledger import EntryKind
from markethub.domain.operation import OperationStatus
from markethub.domain.order import OrderStatus
from markethub.domain.payment import PaymentStatus, Quarantine
from markethub.domain.payment_method import MethodStatus
from markethub.domain.refund import RefundStatus
from markethub.entrypoints.simulation.at_rest import GHOST, violations_at_rest
from markethub.entrypoints.simulation.faults import POISON
from markethub.entrypoints.simulation.model import ORDER_ID, PAYMENT_ID, Truth
from markethub.entrypoints.simulation.plan import Paths
from tests.support.lived import Lived, some, some_object, tables, worlds


@attrs.define
class Spoilt:
    """A world of its own, to be spoilt."""

    lived: Lived
    row: Any
    """What was found, of ours or of the provider's."""
    database: Database = attrs.field(init=False)
    truth: Truth = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.database = self.lived.copy()
        self.truth = self.lived.truth_copy()

    def change(self, table: str, row: Any, **fields: Any) -> None:
        rows = tables(self.database)[table].rows
        id_ = next(id_ for id_, each in rows.items() if each is row)
        rows[id_] = attrs.evolve(row, **fields)

    def remove(self, table: str, row: Any) -> None:
        rows = tables(self.database)[table].rows
        del rows[next(id_ for id_, each in rows.items() if each is row)]

    def payment_of(self, intent: Any) -> Any:
        return self.database.payments.rows[intent["metadata"][PAYMENT_ID]]

    def put(self, kind: str, value: Any, **fields: Any) -> None:
        self.truth.put(kind, value["id"], {**value, **fields})


Found = tuple[Lived, Any]
Spoil = Callable[[Spoilt], None]


@attrs.frozen(kw_only=True)
class Case:
    """A thing in a world, how it is spoilt, and all that is said then."""

    find: Callable[[], Found]
    spoil: Spoil
    said: tuple[tuple[str, str], ...]
    """Invariant, and a part of the sentence."""
    unsaid_without_recovery: bool = False
    """Nobody can be expected to find out without asking."""


def intent_that(
    suits: Callable[[Lived, Any, Any], bool] = lambda *_: True, *, status: str = "succeeded"
) -> Callable[[], Found]:
    """Find an intent that the payment is about, with a status."""

    def is_so(lived: Lived, intent: Any) -> bool:
        payment = lived.database.payments.rows.get(intent["metadata"].get(PAYMENT_ID))
        return (
            intent["status"] == status
            and payment is not None
            and payment.intent_id == intent["id"]
            and suits(lived, intent, payment)
        )

    return lambda: some_object("payment_intent", is_so)


def row_that(table: str, **fields: Any) -> Callable[[], Found]:
    """Find a row with these values."""
    return lambda: some(
        table, lambda _, row: all(getattr(row, name) == value for name, value in fields.items())
    )


def object_that(kind: str, **fields: Any) -> Callable[[], Found]:
    """Find an object of the provider's with these values."""
    return lambda: some_object(
        kind, lambda _, value: all(value[name] == wanted for name, wanted in fields.items())
    )


def is_plain(_: Lived, __: Any, payment: Any) -> bool:
    return payment.quarantine is None and payment.capture_asked is None


def _has_two_orders(lived: Lived, intent: Any, payment: Any) -> bool:
    return is_plain(lived, intent, payment) and any(
        other["status"] == "succeeded" and other["metadata"][ORDER_ID] != payment.order_id
        for other in lived.truth.intents.values()
    )


def _pay_twice(world: Spoilt) -> None:
    """Let another's intent pay this order, too."""
    order_id = world.row["metadata"][ORDER_ID]
    other = next(
        intent
        for intent in world.truth.intents.values()
        if intent["status"] == "succeeded" and intent["metadata"][ORDER_ID] != order_id
    )
    metadata = {**other["metadata"], ORDER_ID: order_id}
    world.put("payment_intent", other, metadata=metadata)
    world.change("payments", world.payment_of(other), quarantine=Quarantine.ORDER_ALREADY_PAID)


def _intent(**fields: Any) -> Spoil:
    return lambda world: world.put("payment_intent", world.row, **fields)


def _payment(**fields: Any) -> Spoil:
    return lambda world: world.change("payments", world.payment_of(world.row), **fields)


def _order(**fields: Any) -> Spoil:
    def spoil(world: Spoilt) -> None:
        order = world.database.orders.rows[world.row["metadata"][ORDER_ID]]
        world.change("orders", order, **fields)

    return spoil


def _row(table: str, **fields: Any) -> Spoil:
    return lambda world: world.change(table, world.row, **fields)


def _gone(table: str) -> Spoil:
    return lambda world: world.remove(table, world.row)


def _object(kind: str, **fields: Any) -> Spoil:
    return lambda world: world.put(kind, world.row, **fields)


def _renamed(kind: str) -> Spoil:
    """Let there be another object like it, with an id that nobody knows."""
    return lambda world: world.truth.put(kind, "another", {**world.row, "id": "another"})


def _event(end: str, **fields: Any) -> Spoil:
    def spoil(world: Spoilt) -> None:
        event = attrs.evolve(world.row.event, id=world.row.event.id + end)
        world.change("inbox", world.row, event=event, **fields)

    return spoil


def _less(world: Spoilt) -> None:
    amount = attrs.evolve(world.row.amount, minor=world.row.amount.minor - 1)
    world.change("ledger", world.row, amount=amount)


def _turned(world: Spoilt) -> None:
    world.change("ledger", world.row, debit=world.row.credit, credit=world.row.debit)


def _sum(name: str, more: int = 1) -> Spoil:
    def spoil(world: Spoilt) -> None:
        money = getattr(world.row, name)
        world.change("payments", world.row, **{name: attrs.evolve(money, minor=money.minor + more)})

    return spoil


def _is_unfinished(lived: Lived, payment: Any) -> bool:
    return payment.status is PaymentStatus.CANCELED and payment.intent_id is None


def _one_more(world: Spoilt) -> None:
    """Let one more refund be reserved that nobody has asked the provider for."""
    id_ = RefundId("re_more")
    world.database.refunds.rows[id_] = attrs.evolve(
        world.row, id=id_, status=RefundStatus.PENDING, provider_id=None, actor=None
    )
    payment = world.database.payments.rows[world.row.payment_id]
    world.change("payments", payment, refund_reserved=world.row.amount)


def _waits(status: RefundStatus) -> Spoil:
    """Let a refund have come less far, at the provider and here."""

    def spoil(world: Spoilt) -> None:
        refund = world.row
        world.change("refunds", refund, status=status)
        world.put("refund", world.truth.refunds[refund.provider_id], status=status.value)
        payment = world.database.payments.rows[refund.payment_id]
        less = attrs.evolve(payment.refunded, minor=payment.refunded.minor - refund.amount.minor)
        world.change("payments", payment, refunded=less, refund_reserved=refund.amount)

    return spoil


def _detach(world: Spoilt) -> None:
    theirs = world.truth.methods[world.row.token.reveal()]
    world.put("payment_method", theirs, customer=None)
    world.change("payment_methods", world.row, status=MethodStatus.INACTIVE)


def _came_back(_: Lived, row: Any) -> bool:
    return row.status is RefundStatus.FAILED and row.provider_id is not None


def _forget(world: Spoilt) -> None:
    del world.truth.methods[world.row.token.reveal()]


def _asked_by_us(_: Lived, row: Any) -> bool:
    return bool(row.actor)


def _unwritten(world: Spoilt) -> None:
    """Let no line of the audit log be about what was asked."""
    subject = getattr(world.row, "dispute_id", world.row.id)
    world.database.audit = [line for line in world.database.audit if line.subject != subject]


def _written_twice(world: Spoilt) -> None:
    world.database.audit += [line for line in world.database.audit if line.subject == world.row.id]


def _written_by_another(world: Spoilt) -> None:
    world.database.audit = [
        attrs.evolve(line, actor="another") if line.subject == world.row.id else line
        for line in world.database.audit
    ]


CASES: Mapping[str, Case] = {
    # --- intents
    "an intent bears the id of no payment": Case(
        find=intent_that(status="canceled"),
        spoil=_intent(metadata={}),
        said=(("I5", " is nobody's"),),
    ),
    "an intent bears the id of no order": Case(
        find=intent_that(is_plain),
        spoil=lambda world: world.put(
            "payment_intent", world.row, metadata={PAYMENT_ID: world.row["metadata"][PAYMENT_ID]}
        ),
        said=(("I5", " is nobody's"),),
    ),
    "an intent bears the id of no payment, and of an order": Case(
        find=intent_that(status="canceled"),
        spoil=lambda world: world.put(
            "payment_intent", world.row, metadata={ORDER_ID: world.row["metadata"][ORDER_ID]}
        ),
        said=(("I5", " is nobody's"),),
    ),
    "an order is paid twice": Case(
        find=intent_that(_has_two_orders), spoil=_pay_twice, said=(("I1", " was paid by pi_"),)
    ),
    "a payment is about another intent than the one that took money": Case(
        find=intent_that(is_plain),
        spoil=_payment(intent_id="pi_another"),
        said=(("I5", "took money, and payment "),),
    ),
    "an intent has succeeded, and its payment has not": Case(
        find=intent_that(is_plain),
        spoil=_payment(status=PaymentStatus.PROCESSING),
        said=(("I11", " has succeeded, and payment "),),
    ),
    "a payment has captured another sum": Case(
        find=intent_that(lambda *_: True),
        spoil=_intent(amount_received=1),
        said=(("I9", " of 1"),),
    ),
    "a payment has succeeded, and its order is open": Case(
        find=intent_that(is_plain),
        spoil=_order(status=OrderStatus.OPEN, paid_by=None),
        said=(("I9", " has succeeded, and order "),),
    ),
    "an intent is canceled, and its payment is not": Case(
        find=intent_that(status="canceled"),
        spoil=_payment(status=PaymentStatus.REQUIRES_PAYMENT_METHOD),
        said=(("I11", " is canceled, and payment "),),
        unsaid_without_recovery=True,
    ),
    "an intent can be paid that no payment is about": Case(
        find=intent_that(status="requires_capture"),
        spoil=_payment(intent_id="pi_another"),
        said=(("I11", "stray pi_"),),
        unsaid_without_recovery=True,
    ),
    "an intent can be paid whose payment was let go": Case(
        find=intent_that(status="requires_capture"),
        spoil=_payment(holds_slot=False),
        said=(("I11", "stray pi_"),),
        unsaid_without_recovery=True,
    ),
    "an intent waits for something else than its payment": Case(
        find=intent_that(status="requires_capture"),
        spoil=_payment(status=PaymentStatus.PROCESSING),
        said=(("I11", "is requires_capture, and payment "),),
        unsaid_without_recovery=True,
    ),
    "an intent can be paid whose order is canceled": Case(
        find=intent_that(status="requires_capture"),
        spoil=_order(status=OrderStatus.CANCELED),
        said=(("I11", "of an order that is canceled"),),
        unsaid_without_recovery=True,
    ),
    # --- the books
    "an entry is missing": Case(
        find=row_that("ledger", kind=EntryKind.REFUND),
        spoil=_gone("ledger"),
        said=(("I5", " was never posted"), ("I4", "cash is ")),
    ),
    "an entry is about another sum": Case(
        find=row_that("ledger", kind=EntryKind.DISPUTE_FEE),
        spoil=_less,
        said=(("I5", " instead of "), ("I4", "cash is ")),
    ),
    "an entry goes the other way": Case(
        find=row_that("ledger", kind=EntryKind.FEE),
        spoil=_turned,
        said=(("I4", "cash is "),),
    ),
    "an entry is of nothing": Case(
        find=row_that("ledger", kind=EntryKind.DISPUTE_WITHDRAWN),
        spoil=_row("ledger", reference="txn_another"),
        said=(("I5", " was never posted"), ("I5", "the provider has no such movement")),
    ),
    # --- refunds
    "a refund is unknown": Case(
        find=lambda: some("refunds", _came_back),
        spoil=_gone("refunds"),
        said=(("I5", " is known 0 times"),),
    ),
    "a refund is known as something else": Case(
        find=object_that("refund", status="failed"),
        spoil=_object("refund", status="canceled"),
        said=(("I5", " is canceled, here failed"),),
    ),
    "a payment says to have given more back": Case(
        find=row_that("payments", status=PaymentStatus.SUCCEEDED),
        spoil=lambda world: world.change(
            "payments", world.row, refunded=world.row.captured, refund_reserved=world.row.captured
        ),
        said=(("I2", " refunded, rows say 0"), ("I2", " reserved, rows say 0")),
    ),
    "a payment says to have reserved more": Case(
        find=row_that("payments", status=PaymentStatus.SUCCEEDED),
        spoil=_sum("refund_reserved"),
        said=(("I2", ": 1 reserved, rows say 0"),),
    ),
    # --- disputes
    "a dispute is unknown": Case(
        find=row_that("disputes"),
        spoil=_gone("disputes"),
        said=(("I5", " is known 0 times"),),
    ),
    "a dispute is known as something else": Case(
        find=row_that("disputes", status=DisputeStatus.NEEDS_RESPONSE),
        spoil=_row("disputes", status=DisputeStatus.UNDER_REVIEW),
        said=(("I5", " is needs_response, here under_review"),),
    ),
    # --- saved methods
    "a method is kept that the provider does not know": Case(
        find=row_that("payment_methods", status=MethodStatus.ACTIVE),
        spoil=_forget,
        said=(("I5", "is active, and detached at the provider"),),
    ),
    "a method is kept that is detached": Case(
        find=row_that("payment_methods", status=MethodStatus.ACTIVE),
        spoil=lambda world: world.put(
            "payment_method", world.truth.methods[world.row.token.reveal()], customer=None
        ),
        said=(("I5", "is active, and detached at the provider"),),
    ),
    "a method is attached that nobody knows": Case(
        find=row_that("payment_methods", status=MethodStatus.ACTIVE),
        spoil=_gone("payment_methods"),
        said=(("I5", " is attached, and nobody here knows it"),),
    ),
    # --- the inbox
    "an event that nobody can read is processed": Case(
        find=row_that("inbox", status=InboxStatus.PROCESSED),
        spoil=_event(POISON),
        said=(("I6", " is processed, and nobody can read it"),),
    ),
    "an event about nothing is ignored": Case(
        find=row_that("inbox", reason="foreign"),
        spoil=_event(GHOST),
        said=(("I6", " bears an id of ours that there is not, and is ignored"),),
    ),
    "an event is not done": Case(
        find=row_that("inbox", status=InboxStatus.PROCESSED),
        spoil=_row("inbox", status=InboxStatus.PARKED, reason="unmatched"),
        said=(("I6", " is parked: unmatched"),),
    ),
    "an event is dead": Case(
        find=row_that("inbox", status=InboxStatus.PROCESSED),
        spoil=_row("inbox", status=InboxStatus.DEAD),
        said=(("I6", " is dead: None"),),
    ),
    "an event that is needed is ignored": Case(
        find=row_that("inbox", status=InboxStatus.PROCESSED),
        spoil=_row("inbox", status=InboxStatus.IGNORED, reason="unhandled_type"),
        said=(("I6", " was ignored: unhandled_type"),),
    ),
    "an event of ours is taken for foreign": Case(
        find=row_that("inbox", status=InboxStatus.PROCESSED),
        spoil=_row("inbox", status=InboxStatus.IGNORED, reason="foreign"),
        said=(("I6", " was taken for foreign"),),
    ),
    # --- what staff asked for
    "nobody wrote down who gave money back": Case(
        find=lambda: some("refunds", _asked_by_us),
        spoil=_unwritten,
        said=(("I7", ": 0 lines in the audit log, 1x"),),
    ),
    "it is written down twice that money was given back": Case(
        find=lambda: some("refunds", _asked_by_us),
        spoil=_written_twice,
        said=(("I7", ": 2 lines in the audit log, 1x"),),
    ),
    "it is written down that somebody else gave money back": Case(
        find=lambda: some("refunds", _asked_by_us),
        spoil=_written_by_another,
        said=(("I7", ": 0 lines in the audit log, 1x"),),
    ),
    "nobody wrote down who submitted evidence": Case(
        find=lambda: some("submissions", _asked_by_us),
        spoil=_unwritten,
        said=(("I7", ": 0 lines in the audit log, 1x"),),
    ),
    # --- what was begun
    "an operation is unresolved": Case(
        find=row_that("operations", status=OperationStatus.DONE),
        spoil=_row("operations", status=OperationStatus.UNRESOLVED),
        said=(("I11", " is unresolved"),),
        unsaid_without_recovery=True,
    ),
    "a submission is unresolved": Case(
        find=row_that("submissions", status=OperationStatus.DONE),
        spoil=_row("submissions", status=OperationStatus.UNRESOLVED),
        said=(("I11", " is unresolved"),),
        unsaid_without_recovery=True,
    ),
    "a refund was never made": Case(
        find=row_that("refunds", status=RefundStatus.FAILED),
        spoil=_one_more,
        said=(("I11", "re_more is pending, and was never made"),),
        unsaid_without_recovery=True,
    ),
    "a payment is pending": Case(
        find=lambda: some("payments", _is_unfinished),
        spoil=_row("payments", status=PaymentStatus.PENDING),
        said=(("I11", " is pending"),),
        unsaid_without_recovery=True,
    ),
}


ALLOWED: Mapping[str, tuple[Callable[[], Found], Spoil]] = {
    "a canceled intent is not the payment's": (
        intent_that(status="canceled"),
        _payment(intent_id="pi_another", status=PaymentStatus.REQUIRES_ACTION),
    ),
    "a refund waits for its customer's details": (
        row_that("refunds", status=RefundStatus.SUCCEEDED),
        _waits(RefundStatus.REQUIRES_ACTION),
    ),
    "a refund takes its time": (
        row_that("refunds", status=RefundStatus.SUCCEEDED),
        _waits(RefundStatus.PENDING),
    ),
    "the provider has forgotten a method that was removed": (
        row_that("payment_methods", status=MethodStatus.REMOVED),
        _forget,
    ),
    "a method is detached that cannot be charged": (
        row_that("payment_methods", status=MethodStatus.ACTIVE),
        _detach,
    ),
    "an event about nothing is dead": (
        row_that("inbox", status=InboxStatus.PROCESSED),
        _event(GHOST, status=InboxStatus.DEAD),
    ),
    "an event that nobody can read is dead": (
        row_that("inbox", status=InboxStatus.PROCESSED),
        _event(POISON, status=InboxStatus.DEAD),
    ),
}


@pytest.mark.parametrize("named", ALLOWED)
def test_what_may_be_is_not_reported(named: str) -> None:
    find, change = ALLOWED[named]
    world = Spoilt(*find())
    change(world)

    assert said(world, Paths.RECOVERY) == []


def said(world: Spoilt, paths: Paths) -> list[tuple[str, str]]:
    return list(violations_at_rest(world.truth, world.database, paths))


def test_what_was_lived_through_cleanly_is_not_reported_once_copied() -> None:
    reported = [said(Spoilt(lived, None), Paths.BOTH) for lived in list(worlds())[:20]]

    assert reported == [[]] * 20


@pytest.mark.parametrize("named", CASES)
def test_one_thing_that_is_spoilt_is_reported(named: str) -> None:
    case = CASES[named]
    world = Spoilt(*case.find())
    case.spoil(world)
    reported = said(world, Paths.RECOVERY)

    assert [invariant for invariant, _ in reported] == [invariant for invariant, _ in case.said]
    assert all(part in what for (_, what), (_, part) in zip(reported, case.said, strict=True)), (
        reported
    )


@pytest.mark.parametrize("named", CASES)
def test_what_only_asking_can_tell_is_not_reported_where_nobody_asks(named: str) -> None:
    case = CASES[named]
    world = Spoilt(*case.find())
    case.spoil(world)

    assert bool(said(world, Paths.WEBHOOKS)) is not case.unsaid_without_recovery
