"""Disputes in Stripe's words, however its requests are carried."""

from markethub.adapters.stripe import disputes
from markethub.adapters.stripe.carrier import Carrier
from markethub.domain.evidence import EvidenceFile
from markethub.domain.facts import ProviderDispute, ProviderFraudWarning
from markethub.domain.ids import ProviderDisputeId, ProviderFileId, WarningId
from markethub.domain.operation import ProviderRequest
from markethub.domain.ports.dispute_desk import DeskOutcome, DisputeDesk
from markethub.domain.submission import DisputeCommand


class ApiDisputeDesk:
    """Implements ``DisputeDesk``, for Stripe and for an account that plays it."""

    def __init__(self, api: Carrier) -> None:
        """Take what carries the requests."""
        self._api = api

    def render(self, command: DisputeCommand) -> ProviderRequest:
        """Say what would be sent for ``command``. Pure: sends nothing."""
        return disputes.render(command)

    async def send(self, request: ProviderRequest, *, idempotency_key: str) -> DeskOutcome:
        """Send a rendered request under our key. Never raises for what the provider says."""
        return disputes.desk_outcome(await self._api.call(request, idempotency_key=idempotency_key))

    async def upload(self, file: EvidenceFile, *, idempotency_key: str) -> ProviderFileId:
        """Upload a file. Raises GatewayUnavailable, GatewayRejected."""
        return disputes.file_uploaded(
            await self._api.upload(
                disputes.FILES_PATH,
                file.content,
                file_name=file.name,
                purpose=disputes.PURPOSE,
                idempotency_key=idempotency_key,
            )
        )

    async def read_dispute(self, dispute_id: ProviderDisputeId) -> ProviderDispute:
        """Read a dispute. Raises NotFound, or GatewayUnavailable."""
        return disputes.dispute_read(await self._api.call(disputes.read_dispute(dispute_id)))

    async def read_warning(self, warning_id: WarningId) -> ProviderFraudWarning:
        """Read an early fraud warning. Raises as ``read_dispute``."""
        return disputes.warning_read(await self._api.call(disputes.read_warning(warning_id)))

    async def close(self) -> None:
        """Release connections."""
        await self._api.close()


def _conforms(desk: ApiDisputeDesk) -> DisputeDesk:
    """Let the type checker prove that the adapter fits its port."""
    return desk
