"""Disputes at Stripe, over its API."""

from markethub.adapters.stripe import disputes
from markethub.adapters.stripe.client import ATTEMPT_TIMEOUT_S, RETRIES, StripeApi
from markethub.domain.evidence import EvidenceFile
from markethub.domain.facts import ProviderDispute, ProviderFraudWarning
from markethub.domain.ids import ProviderDisputeId, ProviderFileId, WarningId
from markethub.domain.operation import ProviderRequest
from markethub.domain.ports.dispute_desk import DeskOutcome, DisputeDesk
from markethub.domain.secret import Secret
from markethub.domain.submission import DisputeCommand


class StripeDisputeDesk:
    """Implements ``DisputeDesk`` over the SDK."""

    def __init__(
        self,
        *,
        secret_key: Secret,
        api_base: str | None = None,
        attempt_timeout_s: float = ATTEMPT_TIMEOUT_S,
        max_network_retries: int = RETRIES,
    ) -> None:
        """Take the secret key and, for an emulator or a proxy, another address than Stripe's."""
        self._api = StripeApi(
            secret_key,
            base_address=api_base,
            attempt_timeout_s=attempt_timeout_s,
            max_network_retries=max_network_retries,
        )

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


def _conforms(desk: StripeDisputeDesk) -> DisputeDesk:
    """Let the type checker prove that the adapter fits its port."""
    return desk
