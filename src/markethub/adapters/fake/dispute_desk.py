"""Disputes as the simulated account plays them: same requests, same readings."""

from typing import Final

from markethub.adapters.fake.account import Account
from markethub.adapters.fake.files import uploaded
from markethub.adapters.stripe import disputes, outcomes, requests
from markethub.domain.evidence import EvidenceFile
from markethub.domain.facts import ProviderDispute, ProviderFraudWarning
from markethub.domain.ids import ProviderDisputeId, ProviderFileId, WarningId
from markethub.domain.operation import ProviderRequest
from markethub.domain.ports.dispute_desk import DeskOutcome, DisputeDesk
from markethub.domain.submission import DisputeCommand

_SECRET_KEY: Final = "sk_test_dev"  # noqa: S105 - the fake's published key; it opens nothing else


class FakeDisputeDesk:
    """Implements ``DisputeDesk`` on an account in this process. Deterministic; never waits."""

    def __init__(self, account: Account) -> None:
        """Take the account; its development key is used."""
        self._account = account

    def render(self, command: DisputeCommand) -> ProviderRequest:
        """Say what would be sent for ``command``. Pure: sends nothing."""
        return disputes.render(command)

    async def send(self, request: ProviderRequest, *, idempotency_key: str) -> DeskOutcome:
        """Send a rendered request under our key. Never raises for what the account says."""
        return disputes.desk_outcome(self._call(request, key=idempotency_key))

    async def upload(self, file: EvidenceFile, *, idempotency_key: str) -> ProviderFileId:
        """Upload a file. Raises GatewayUnavailable, GatewayRejected."""
        params = {"purpose": disputes.PURPOSE, "file": uploaded(file.name, file.content)}
        request = ProviderRequest(method="POST", path=disputes.FILES_PATH, params=params)
        return disputes.file_uploaded(self._call(request, key=idempotency_key))

    async def read_dispute(self, dispute_id: ProviderDisputeId) -> ProviderDispute:
        """Read a dispute. Raises NotFound, or GatewayUnavailable."""
        return disputes.dispute_read(self._call(disputes.read_dispute(dispute_id)))

    async def read_warning(self, warning_id: WarningId) -> ProviderFraudWarning:
        """Read an early fraud warning. Raises as ``read_dispute``."""
        return disputes.warning_read(self._call(disputes.read_warning(warning_id)))

    async def close(self) -> None:
        """Nothing is held open."""

    def _call(self, request: ProviderRequest, *, key: str | None = None) -> outcomes.Answer:
        response = self._account.request(
            method=request.method,
            path=request.path,
            params=request.params,
            key=key,
            auth=_SECRET_KEY,
            version=requests.API_VERSION,
        )
        headers = {name.lower(): value for name, value in response.headers.items()}
        return outcomes.Answer(
            status=response.status,
            body=response.body,
            replayed=headers.get("idempotent-replayed") == "true",
        )


def _conforms(desk: FakeDisputeDesk) -> DisputeDesk:
    """Let the type checker prove that the adapter fits its port."""
    return desk
