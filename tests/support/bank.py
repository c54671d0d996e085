"""A bank that disputes charges: Stripe's dispute objects with a life of their own.

It stands where the provider's API for disputes stands, so that a test decides what a read shows
at which moment, whatever the events say and in whatever order they come.
"""

import copy
from collections.abc import Awaitable, Callable
from typing import Any

from markethub.adapters.stripe import disputes
from markethub.adapters.stripe.outcomes import Answer
from markethub.domain.errors import GatewayUnavailable
from markethub.domain.evidence import EvidenceFile
from markethub.domain.facts import ProviderDispute, ProviderFraudWarning
from markethub.domain.ids import ProviderDisputeId, ProviderFileId, WarningId
from markethub.domain.operation import ProviderRequest
from markethub.domain.ports.dispute_desk import DeskOutcome, DisputeDesk
from markethub.domain.ports.gateway import Declined, NotTaken, Unknown
from markethub.domain.submission import DisputeCommand
from tests.support.faults import Crash, Fault

OPENED_AT = 1793610000
DUE_BY = 1794214799  # a week after the start of the tests' clock


def movement(
    id: str, amount: int, *, fee: int = 0, currency: str = "usd", **changes: Any
) -> dict[str, Any]:
    """Return a balance transaction of a dispute, as Stripe inlines it."""
    return {
        "id": id,
        "object": "balance_transaction",
        "amount": amount,
        "currency": currency,
        "fee": fee,
        "net": amount - fee,
        "type": "adjustment",
        **changes,
    }


def dispute_object(id: str = "dp_1", **changes: Any) -> dict[str, Any]:
    """Return a chargeback of 50.00 USD that needs a response."""
    return {
        "id": id,
        "object": "dispute",
        "amount": 5000,
        "balance_transactions": [],
        "charge": "ch_1",
        "created": OPENED_AT,
        "currency": "usd",
        "evidence": {},
        "evidence_details": {
            "due_by": DUE_BY,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": "pi_1",
        "reason": "fraudulent",
        "status": "needs_response",
    } | changes


class Bank:
    """Implements ``DisputeDesk`` over disputes that a test puts here and changes."""

    def __init__(self) -> None:
        self.disputes: dict[str, dict[str, Any]] = {}
        self.warnings: dict[str, dict[str, Any]] = {}
        self.files: dict[str, EvidenceFile] = {}
        self.faults: list[Fault] = []
        self.declines_with: str | None = None
        self.stores_500 = False
        self.is_down = False
        self.fails_reads = False
        self.executed: list[tuple[ProviderRequest, str]] = []
        self.after_read: Callable[[], Awaitable[None]] | None = None
        """What happens elsewhere while the next answer is on its way back."""
        self._answers: dict[str, dict[str, Any]] = {}
        self._uploads: dict[str, ProviderFileId] = {}
        self._spoilt: set[str] = set()

    def put(self, obj: dict[str, Any]) -> None:
        self.disputes[obj["id"]] = copy.deepcopy(obj)

    def change(self, id: str = "dp_1", **changes: Any) -> None:
        self.disputes[id].update(copy.deepcopy(changes))

    def render(self, command: DisputeCommand) -> ProviderRequest:
        return disputes.render(command)

    async def send(self, request: ProviderRequest, *, idempotency_key: str) -> DeskOutcome:
        fault = self.faults.pop(0) if self.faults else None
        if self.is_down or fault is Fault.LOST_REQUEST:
            return Unknown(reason="timeout")
        if fault is Fault.BUSY:
            return NotTaken(reason="in flight", in_flight=True)
        if fault is Fault.CRASH_BEFORE:
            raise Crash
        if self.stores_500:
            return Unknown(reason="status 500", stored=True)
        if self.declines_with is not None:
            return Declined(code=self.declines_with)
        replayed = idempotency_key in self._answers
        if not replayed:
            self.executed.append((request, idempotency_key))
            self._answers[idempotency_key] = copy.deepcopy(self._execute(request))
        if fault is Fault.CRASH_AFTER:
            raise Crash
        if fault is Fault.LOST_REPLY:
            return Unknown(reason="timeout")
        body = self._answers[idempotency_key]
        return disputes.desk_outcome(Answer(status=200, body=body, replayed=replayed))

    def _execute(self, request: ProviderRequest) -> dict[str, Any]:
        _, _, _, dispute_id, *action = request.path.split("/")
        found = self.disputes[dispute_id]
        if action == ["close"]:
            found["status"] = "lost"
            return found
        inquiry = found["status"] == "warning_needs_response"
        found["status"] = "warning_under_review" if inquiry else "under_review"
        said: Any = request.params["evidence"]
        found["evidence"] = {**found["evidence"], **said}
        details = found["evidence_details"]
        details["has_evidence"] = True
        details["submission_count"] += 1
        return found

    async def upload(self, file: EvidenceFile, *, idempotency_key: str) -> ProviderFileId:
        fault = self.faults.pop(0) if self.faults else None
        if self.is_down or fault is Fault.LOST_REQUEST:
            raise GatewayUnavailable("timeout")
        if self.stores_500:
            self._spoilt.add(idempotency_key)
        if idempotency_key in self._spoilt:
            raise GatewayUnavailable("status 500")
        file_id = self._uploads.get(idempotency_key)
        if file_id is None:
            file_id = ProviderFileId(f"file_{len(self.files) + 1}")
            self._uploads[idempotency_key] = file_id
            self.files[file_id] = file
        if fault is Fault.LOST_REPLY:
            raise GatewayUnavailable("timeout")
        return file_id

    async def read_dispute(self, dispute_id: ProviderDisputeId) -> ProviderDispute:
        if self.is_down or self.fails_reads:
            raise GatewayUnavailable("down")
        view = disputes.dispute(copy.deepcopy(self.disputes[dispute_id]))
        await self._on_its_way_back()
        return view

    async def read_warning(self, warning_id: WarningId) -> ProviderFraudWarning:
        if self.is_down:
            raise GatewayUnavailable("down")
        view = disputes.fraud_warning(self.warnings[warning_id])
        await self._on_its_way_back()
        return view

    async def _on_its_way_back(self) -> None:
        if self.after_read is not None:
            hook, self.after_read = self.after_read, None
            await hook()

    async def close(self) -> None:
        pass


def _conforms(bank: Bank) -> DisputeDesk:
    return bank
