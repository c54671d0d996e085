"""Signing deliveries as Stripe does: the header ``Stripe-Signature``, scheme ``v1``."""

import hashlib
import hmac

from markethub.domain.secret import Secret


def signature_header(body: bytes, *, secret: Secret, at: int) -> str:
    """Return the header for ``body`` sent at ``at`` (Unix seconds).

    HMAC-SHA256 over the time, a dot and the raw body, in hex (Stripe's page "Verify webhook
    signatures manually").
    """
    signed = f"{at}.".encode() + body
    digest = hmac.new(secret.reveal().encode(), signed, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
