"""The oracle: sees all that is committed, here and at the provider, and says what must never be.

Safety is judged as things happen, liveness and the books when everything has come to rest.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from markethub.adapters.fake.store import JsonObject
from markethub.adapters.memory.database import (
    SUBMISSIONS_UNRESOLVED,
    UNDELIVERED,
    UNRESOLVED,
    WAITING,
    Database,
)
from markethub.adapters.memory.tables import Table
from markethub.domain.delivery import Message
from markethub.domain.events import DomainEvent
from markethub.domain.ids import DisputeId, PaymentId, RefundId
from markethub.domain.payment import Payment
from markethub.domain.public_events import is_public
from markethub.domain.refund import Refund
from markethub.domain.submission import Submission
from markethub.entrypoints.simulation.at_rest import OUR_STATUS, violations_at_rest
from markethub.entrypoints.simulation.faults import POISON
from markethub.entrypoints.simulation.model import KINDS, LIVE_REFUNDS, Truth, is_paid
from markethub.entrypoints.simulation.outcome import Violation
from markethub.entrypoints.simulation.plan import Paths
from markethub.entrypoints.simulation.row_rules import RULES, Wrong
from markethub.entrypoints.simulation.secrets_said import secret_in

FOLLOWING: Final = ("payments", "refunds", "disputes")
"""Tables whose rows follow an object of the provider's."""
EXPIRED: Final = ("expired", "never_created")
"""How an operation ends that nobody finished in time."""
_TELLS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "order.paid": ("payment_id", ("succeeded",)),
    "refund.succeeded": ("refund_id", ("succeeded",)),
    "refund.failed": ("refund_id", ("failed", "canceled")),
    "dispute.won": ("dispute_id", ("won",)),
    "dispute.lost": ("dispute_id", ("lost",)),
}
"""Of what a domain event tells, and what the provider has to have made of it before."""


class Oracle:
    """Judges one history."""

    def __init__(self, database: Database, *, paths: Paths) -> None:
        """Look at ``database``, which is as empty as the provider's books."""
        self.truth = Truth()
        self.now_s = 0.0
        self.is_rested = False
        """Nobody was there for so long that keys grew too old."""
        self.violations: list[Violation] = []
        self._database = database
        self._paths = paths
        self._touched: dict[str, None] = {}
        self._asked: list[Refund] = []
        self._reached: dict[str, int] = {}
        """How far in the past of the provider's object a row has come."""
        self._acknowledged: dict[str, None] = {}
        self._failed: dict[str, None] = {}
        """Payments of which somebody was told that they failed, and that nobody tried since."""
        self._answers: dict[str, tuple[str, str]] = {}
        self._told_of: dict[tuple[str, str], int] = {}
        self._heard: dict[str, None] = {}
        self._last_of: defaultdict[str, int] = defaultdict(int)

    def _report(self, wrong: Iterable[Wrong]) -> None:
        for invariant, what in wrong:
            self.violations.append(Violation(invariant, what, self.now_s))

    # --- the provider -------------------------------------------------------------------------

    def provider_put(self, kind: str, id: str, value: JsonObject | None) -> None:
        """Hear of an object of the account as it is now."""
        if kind not in KINDS or value is None:
            return
        self.truth.put(kind, id, value)
        if kind == "charge":
            self._report(self._charged(value))
        elif kind == "refund":
            self._report(self._refunded(value))

    def _charged(self, charge: JsonObject) -> Iterable[Wrong]:
        if not is_paid(charge):
            return
        order_id = charge["metadata"].get("markethub_order_id")
        times = len(self.truth.paid_charges_of_order.get(order_id, ()))
        if times > 1:
            yield "I1", f"order {order_id} was charged {times} times"

        payment_id = charge["metadata"].get("markethub_payment_id")
        if payment_id in self._failed:
            yield "I8", f"payment {payment_id} was told to have failed, and took money afterwards"

    def _refunded(self, refund: JsonObject) -> Iterable[Wrong]:
        charge = self.truth.charges[refund["charge"]]
        refunded = self.truth.refunded(charge["id"])
        if refunded > charge["amount_captured"]:
            yield "I2", f"{refunded} refunded of {charge['amount_captured']} ({charge['id']})"
        row = str((refund["metadata"] or {}).get("markethub_refund_id"))
        if len(self.truth.live_refunds(self.truth.refunds_of_row.get(row, {}))) > 1:
            yield "I10", f"refund {row} was made twice at the provider"

    # --- our rows -----------------------------------------------------------------------------

    def committed(self, table: str, before: Any, after: Any) -> None:
        """Hear of a row that was committed."""
        rule = RULES.get(table)
        if rule is not None:
            self._report(rule(self.truth, before, after))
        if table == "operations" and after.error_code in EXPIRED and not self.is_rested:
            self._report([("I11", f"{after.kind} {after.id} was left until its key was too old")])
        if table in FOLLOWING and (before is None or before.status is not after.status):
            self._report(self._goes_forward(after))
        if table == "refunds" and before is None and after.provider_id is None:
            self._asked.append(after)
        if table == "submissions" and after.status.value == "done":
            self._report(self._is_done_once(after))
        if table == "orders":
            self._touched[after.id] = None
        elif table == "payments":
            self._touched[after.order_id] = None

    def _is_done_once(self, submission: Submission) -> Iterable[Wrong]:
        """Judge evidence that was submitted: each further time begins where the last one ended."""
        for other in self._database.submissions.rows.values():
            if (
                other.id != submission.id
                and other.status.value == "done"
                and (other.dispute_id, other.kind) == (submission.dispute_id, submission.kind)
                and other.count_before == submission.count_before
            ):
                yield "I10", f"{submission.kind} {submission.id} was done before, as {other.id}"

    def _goes_forward(self, row: Any) -> Iterable[Wrong]:
        """Judge a status: it is one that the provider's object has had since the row's last."""
        theirs = row.intent_id if isinstance(row, Payment) else row.provider_id
        past = None if theirs is None else self.truth.statuses.get(theirs)
        if past is None or (row.status.value == "pending" and isinstance(row, Payment)):
            return
        for index in range(self._reached.get(row.id, 0), len(past)):
            if OUR_STATUS.get(past[index], past[index]) == row.status.value:
                self._reached[row.id] = index
                return
        yield "I7", f"{row.id} became {row.status} again, and {theirs} did not"

    def told_outbox(self, event: DomainEvent) -> None:
        """Hear of a domain event that was committed. Its rows were heard of before."""
        told = _TELLS.get(event.type)
        if told is None:
            return
        whose, statuses = told
        id_ = getattr(event, whose)
        theirs = self._theirs(whose, id_)
        if theirs is None:
            return  # a refund that was refused never was at the provider
        times = self._told_of[event.type, id_] = self._told_of.get((event.type, id_), 0) + 1
        past = [OUR_STATUS.get(each, each) for each in self.truth.statuses.get(theirs, ())]
        if times > sum(each in statuses for each in past):
            self._report(
                [("I14", f"{event.type} of {id_} was told {times} times; {theirs} was {past}")]
            )

    def _theirs(self, whose: str, id_: str) -> str | None:
        """Return the id of the provider's object."""
        if whose == "payment_id":
            return self._database.payments.rows[PaymentId(id_)].intent_id
        if whose == "refund_id":
            return self._database.refunds.rows[RefundId(id_)].provider_id
        return self._database.disputes.rows[DisputeId(id_)].provider_id

    def commit_ended(self) -> None:
        """Look at what the commit left as a whole."""
        if self._touched:
            touched, self._touched = self._touched, {}
            for order_id in touched:
                self._report(self._order_holds(order_id))

        asked, self._asked = self._asked, []
        for refund in asked:
            self._report(self._may_be_asked(refund))

    def _may_be_asked(self, refund: Refund) -> Iterable[Wrong]:
        """Judge a refund by what we know as we ask for it; what others do meanwhile is theirs."""
        payment = self._database.payments.rows[refund.payment_id]
        given = sum(
            each.amount.minor
            for each in self._database.refunds.rows.values()
            if each.payment_id == payment.id and each.status.value in LIVE_REFUNDS
        )
        left = payment.captured.minor - payment.disputed.minor
        if given > left:
            yield "I2", f"refund {refund.id} makes it {given} of {left}"
        if payment.chargeback_open:
            yield "I2", f"refund {refund.id} is asked for while a chargeback is open"

    def _order_holds(self, order_id: Any) -> Iterable[Wrong]:
        order = self._database.orders.rows.get(order_id)
        if order is None:
            yield "I9", f"a payment of order {order_id}, which there is not"
            return
        if order.paid_by is None:
            return
        payment = self._database.payments.rows.get(order.paid_by)
        if payment is None or payment.status.value != "succeeded":
            yield "I9", f"order {order_id} is paid by {order.paid_by}, which has not succeeded"
        elif payment.quarantine is not None:
            yield "I9", f"order {order_id} is paid by money in quarantine"
        elif payment.order_id != order.id or payment.customer_id != order.customer_id:
            yield "I13", f"order {order_id} is paid by the payment of another"
        elif payment.capture_asked is None and payment.captured != order.total:
            yield "I9", f"order {order_id} costs {order.total.minor}, paid {payment.captured.minor}"

    # --- deliveries and messages --------------------------------------------------------------

    def acknowledged(self, event_id: str) -> None:
        """Hear that we said to have an event."""
        self._acknowledged[event_id] = None
        if event_id not in self._database.inbox.rows:
            self._report([("I6", f"event {event_id} was acknowledged, and is not stored")])

    def believed(self, event_id: str, why_not: str) -> None:
        """Hear that we said to have an event that we had to refuse."""
        self._report([("I12", f"event {event_id} was taken, and {why_not}")])

    def consumed(self, message: Message) -> None:
        """Hear that the storefront took a message. It knows repeats by their id."""
        if message.id in self._heard:
            return
        self._heard[message.id] = None
        sequence = int(message.id.split("_")[1])
        delivery = self._database.deliveries.rows.get(sequence)
        if delivery is None:
            self._report([("I14", f"message {message.id} tells what was never committed")])
            return
        if sequence < self._last_of[delivery.aggregate_id]:
            self._report([("I14", f"{delivery.aggregate_id}: message {sequence} came too late")])
        self._last_of[delivery.aggregate_id] = sequence

    # --- what people are told -----------------------------------------------------------------

    def tries(self, payment_id: str) -> None:
        """Hear that somebody tries to pay (again): what failed before says nothing any more."""
        self._failed.pop(payment_id, None)

    def told(self, payment_id: str, status: str) -> None:
        """Hear what somebody was told of a payment: its status, or ``failed``."""
        ids = self.truth.intents_of_payment.get(payment_id, {})
        is_taken = any(self.truth.intents[id_]["status"] == "succeeded" for id_ in ids)
        if status == "succeeded" and not is_taken:
            self._report([("I9", f"payment {payment_id} was told to be paid, and is not")])
        elif status in ("failed", "canceled"):
            self._failed[payment_id] = None
            if is_taken:
                self._report(
                    [("I8", f"payment {payment_id} was told to have failed, and took money")]
                )

    def served(self, customer_id: str, id_: str) -> None:
        """Hear that a customer got an answer, other than that there is none, of another's."""
        self._report([("I13", f"customer {customer_id} got at {id_}, which is another's")])

    def answered(self, key: str, body: str, answer: str) -> None:
        """Hear the final answer to a request under a key of the caller's."""
        first = self._answers.setdefault(key, (body, answer))
        if first[0] == body and first[1] != answer:
            self._report([("I10", f"key {key} was answered {first[1]!r}, and then {answer!r}")])
        elif first[0] != body:
            self._report([("I10", f"key {key} was answered for another body")])

    def said(self, text: str) -> None:
        """Hear what was logged, shown to somebody, or raised."""
        found = secret_in(text)
        if found is not None:
            self._report([("I15", f"a secret ({found}...) was said: {text[:80]}")])

    # --- rest ---------------------------------------------------------------------------------

    def is_quiet(self) -> bool:
        """Tell whether the rows show nothing that is still to be done."""
        database = self._database
        asked = (
            *database.operations.ids(UNRESOLVED, key=True),
            *database.submissions.ids(SUBMISSIONS_UNRESOLVED, key=True),
        )
        return not (
            (self._paths is not Paths.WEBHOOKS and asked)
            or any(not str(id_).endswith(POISON) for id_ in database.inbox.ids(WAITING, key=True))
            or any(True for _ in database.deliveries.ids(UNDELIVERED, key=True))
            or any(True for _ in self._strays())
        )

    def _strays(self) -> Iterable[str]:
        if self._paths is Paths.WEBHOOKS:
            return
        for payment in self._database.payments.rows.values():
            if payment.is_stray:
                yield payment.id

    def at_rest(self, database: Database | None = None) -> None:
        """Compare everything with everything, from the rows alone."""
        database = database or self._database
        if database is not self._database:
            self._report(self._is_as_heard(database))
        self._report(violations_at_rest(self.truth, database, self._paths))
        for event_id in self._acknowledged:
            if event_id not in database.inbox.rows:
                self._report([("I6", f"event {event_id} was acknowledged, and is lost")])
        self._report(self._told_all(database))

    def _is_as_heard(self, database: Database) -> Iterable[Wrong]:
        """Compare rows read anew with what commits said: nothing is changed behind them."""
        for name, table in vars(self._database).items():
            if not isinstance(table, Table) or table.name not in RULES:
                continue
            found = getattr(database, name).rows
            for id_ in {**table.rows, **found}:
                if found.get(id_) != table.rows.get(id_):
                    yield "I7", f"{table.name} {id_} is not as it was committed"
        if database.outbox != self._database.outbox:
            yield "I7", "the outbox is not as it was committed"

    def _told_all(self, database: Database) -> Iterable[Wrong]:
        for delivery in database.deliveries.rows.values():
            if delivery.status.value != "delivered":
                yield "I14", f"message {delivery.sequence} is {delivery.status}"
            elif delivery.message_id not in self._heard:
                yield "I14", f"message {delivery.sequence} is delivered, and nobody heard it"
        public = [event for event in database.outbox if is_public(event)]
        if len(public) != len(database.deliveries.rows):
            yield "I14", f"{len(public)} public events, {len(database.deliveries.rows)} messages"
