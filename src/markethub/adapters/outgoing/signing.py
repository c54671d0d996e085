"""The Standard Webhooks scheme, by its library."""

from collections.abc import Sequence

from standardwebhooks import Webhook

from markethub.domain.delivery import Message
from markethub.domain.secret import Secret


class Signer:
    """Signs with every secret, so that a receiver may change from one to the next in its time."""

    def __init__(self, secrets: Sequence[Secret]) -> None:
        """Take ``whsec_`` secrets, newest first."""
        self._webhooks = [Webhook(secret.reveal()) for secret in secrets]

    def headers(self, message: Message) -> dict[str, str]:
        """Return the three headers of a message that is sent at ``message.at``."""
        # The library takes the numbers of the moment as they stand: they must be those of UTC.
        assert message.at.utcoffset() is not None
        assert not message.at.utcoffset()
        signatures = [
            webhook.sign(msg_id=message.id, timestamp=message.at, data=message.body)
            for webhook in self._webhooks
        ]
        return {
            "webhook-id": message.id,
            "webhook-timestamp": str(int(message.at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
