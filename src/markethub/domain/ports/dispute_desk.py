"""Disputes, evidence files and fraud warnings at the payment provider."""

from typing import Protocol

import attrs

from markethub.domain.evidence import EvidenceFile
from markethub.domain.facts import ProviderDispute, ProviderFraudWarning
from markethub.domain.ids import ProviderDisputeId, ProviderFileId, WarningId
from markethub.domain.operation import ProviderRequest
from markethub.domain.ports.gateway import Declined, NotTaken, Unknown
from markethub.domain.submission import DisputeCommand


@attrs.frozen(kw_only=True)
class DisputeDone:
    """The provider did it. ``dispute`` is the answer's object.

    ``replayed`` says that the answer is the stored one of an earlier request under the same
    key: the object may have moved on since, so read it.
    """

    dispute: ProviderDispute
    replayed: bool


DeskOutcome = DisputeDone | Declined | NotTaken | Unknown


class DisputeDesk(Protocol):
    """The provider's API for disputes. Every call may take seconds: hold no transaction."""

    def render(self, command: DisputeCommand) -> ProviderRequest:
        """Say what would be sent for ``command``. Pure: sends nothing."""
        ...

    async def send(self, request: ProviderRequest, *, idempotency_key: str) -> DeskOutcome:
        """Send a rendered request under our key. Never raises for what the provider says."""
        ...

    async def upload(self, file: EvidenceFile, *, idempotency_key: str) -> ProviderFileId:
        """Upload a file as evidence of a dispute, once per key.

        Raises GatewayUnavailable where nobody knows whether it arrived (upload it again under
        the same key), and GatewayRejected where the provider does not want it.
        """
        ...

    async def read_dispute(self, dispute_id: ProviderDisputeId) -> ProviderDispute:
        """Read a dispute with its balance transactions.

        Raises NotFound, or GatewayUnavailable for whatever leaves its state unknown.
        """
        ...

    async def read_warning(self, warning_id: WarningId) -> ProviderFraudWarning:
        """Read an early fraud warning. Raises as ``read_dispute``."""
        ...

    async def close(self) -> None:
        """Release connections. Nothing may be sent afterwards."""
        ...
