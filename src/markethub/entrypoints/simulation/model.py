"""What really happened at the provider: a little model of its own, fed by the account's objects.

It shares nothing with the core's arithmetic: it keeps what the account said, and works out what
an honest ledger would hold.
"""

from collections import defaultdict
from typing import Any, Final

import attrs

from markethub.adapters.fake.store import JsonObject

PAYMENT_ID: Final = "markethub_payment_id"
ORDER_ID: Final = "markethub_order_id"
REFUND_ID: Final = "markethub_refund_id"
LIVE_REFUNDS: Final = frozenset({"pending", "requires_action", "succeeded"})
"""A refund in one of these has taken the money, or is about to."""
KINDS: Final = frozenset(
    {"payment_intent", "charge", "refund", "dispute", "balance_transaction", "payment_method"}
)
MOVING: Final = frozenset({"payment_intent", "refund", "dispute"})

Posting = tuple[str, str]
"""What was posted, and the provider's id of the fact."""


@attrs.frozen
class Expected:
    """What an honest ledger holds of a fact."""

    minor: int
    currency: str


class Truth:
    """The provider's books."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.intents: dict[str, JsonObject] = {}
        self.charges: dict[str, JsonObject] = {}
        self.refunds: dict[str, JsonObject] = {}
        self.disputes: dict[str, JsonObject] = {}
        self.methods: dict[str, JsonObject] = {}
        self.lines: dict[str, JsonObject] = {}
        self.statuses: defaultdict[str, list[str]] = defaultdict(list)
        """What an intent, a refund or a dispute has been, in this order; by its id."""
        self.intents_of_payment: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self.refunds_of_row: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self.refunds_of_charge: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self.paid_charges_of_order: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self.by_kind: dict[str, dict[str, JsonObject]] = {
            "payment_intent": self.intents,
            "charge": self.charges,
            "refund": self.refunds,
            "dispute": self.disputes,
            "payment_method": self.methods,
            "balance_transaction": self.lines,
        }

    def put(self, kind: str, id: str, value: JsonObject) -> None:
        """Take note of an object as it is now."""
        self.by_kind[kind][id] = value
        if kind in MOVING and self.statuses[id][-1:] != [value["status"]]:
            self.statuses[id].append(value["status"])
        if kind == "payment_intent":
            self.intents_of_payment[value["metadata"].get(PAYMENT_ID, "")][id] = None
        elif kind == "refund":
            self.refunds_of_charge[value["charge"]][id] = None
            row = (value["metadata"] or {}).get(REFUND_ID)
            if row is not None:
                self.refunds_of_row[row][id] = None
        elif kind == "charge" and is_paid(value):
            order_id = value["metadata"].get(ORDER_ID)
            if order_id is not None:
                self.paid_charges_of_order[order_id][id] = None

    def live_refunds(self, ids: dict[str, None]) -> list[JsonObject]:
        """Return those of the refunds that took money, or are about to."""
        found = (self.refunds[id_] for id_ in ids)
        return [refund for refund in found if refund["status"] in LIVE_REFUNDS]

    def refunded(self, charge_id: str) -> int:
        """Add up what is, or is about to be, given back of a charge."""
        live = self.live_refunds(self.refunds_of_charge[charge_id])
        return sum(refund["amount"] for refund in live)

    def has_effect(self, operation: Any) -> bool:
        """Tell whether what an operation asked for has happened by now."""
        match operation.kind.value:
            case "create_intent":
                return bool(self.intents_of_payment.get(operation.payment_id))
            case "refund":
                return bool(self.live_refunds(self.refunds_of_row.get(operation.refund_id, {})))
            case "capture":
                return self._intent_is(operation, "succeeded")
            case "cancel":
                return self._intent_is(operation, "canceled")
            case "confirm":
                return self._intent_is(operation, "succeeded", "requires_capture", "processing")
        return False

    def _intent_is(self, operation: Any, *statuses: str) -> bool:
        ids = self.intents_of_payment.get(operation.payment_id, {})
        return any(self.intents[id_]["status"] in statuses for id_ in ids)

    def expected(self, line: JsonObject) -> dict[Posting, Expected]:
        """Say what an honest ledger posts of a line of the balance."""
        currency, amount, fee = line["currency"], line["amount"], line["fee"]
        posted: dict[Posting, Expected] = {}
        match line["type"], line["reporting_category"]:
            case "charge", _:
                charge = self.charges[line["source"]]
                taken = Expected(charge["amount_captured"], charge["currency"])
                posted["charge", charge["id"]] = taken
            case "refund", "partial_capture_reversal":
                pass  # never taken: it was only held
            case "refund", _:
                posted["refund", line["id"]] = Expected(-amount, currency)
            case "refund_failure", _:
                posted["refund_returned", line["id"]] = Expected(amount, currency)
            case "adjustment", _ if amount:
                kind = "dispute_withdrawn" if amount < 0 else "dispute_reinstated"
                posted[kind, line["id"]] = Expected(abs(amount), currency)
        if fee:
            kind = "fee" if line["type"] == "charge" else "dispute_fee"
            posted[kind if fee > 0 else f"{kind}_returned", line["id"]] = Expected(
                abs(fee), currency
            )
        return posted

    def cash(self) -> dict[str, int]:
        """Add the balance up, by currency: what came in, went out, and was kept as fees."""
        sums: defaultdict[str, int] = defaultdict(int)
        for line in self.lines.values():
            sums[line["currency"]] += line["net"]
        return dict(sums)


def is_paid(charge: JsonObject) -> bool:
    """Tell whether a charge took money."""
    return bool(charge["captured"] and charge["status"] == "succeeded")
