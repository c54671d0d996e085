"""What brings requests to Stripe."""

from typing import Protocol

from markethub.adapters.stripe import outcomes
from markethub.domain.operation import ProviderRequest


class Carrier(Protocol):
    """Carries requests to Stripe, or to an account that plays it, and answers back."""

    async def call(
        self, request: ProviderRequest, *, idempotency_key: str | None = None
    ) -> outcomes.Reply:
        """Send and return what came back. Raises for nothing that Stripe or a network does."""
        ...

    async def upload(
        self, path: str, content: bytes, *, file_name: str, purpose: str, idempotency_key: str
    ) -> outcomes.Reply:
        """Send a file. Answers, and raises for nothing, as ``call``."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
