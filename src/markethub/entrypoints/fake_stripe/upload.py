"""Stripe's encoding of uploads: multipart/form-data.

Of a file the account wants to know the name, the size and the digest.
"""

from email import policy
from email.message import MIMEPart
from email.parser import BytesParser
from hashlib import sha256
from typing import Final

from markethub.entrypoints.fake_stripe.form import FormError, Value

PATH: Final = "/v1/files"
"""The one endpoint that takes uploads."""
MULTIPART: Final = "multipart/form-data"
BYTES_MAXIMUM: Final = 6 * 1024 * 1024
"""A file of 5 MiB, the most that the account takes, and the parts' own headers."""


def decode(content_type: str, body: bytes) -> dict[str, Value]:
    """Read the parts of an upload. Raises FormError for what is none."""
    # A multipart body is that of a MIME message (RFC 7578), which the standard library reads.
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise FormError("Invalid parameters: the multipart body is broken.")
    params: dict[str, Value] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str) or name in params:
            raise FormError("Invalid parameters: each part needs a name of its own.")
        params[name] = _value(part)
    return params


def _value(part: MIMEPart) -> Value:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        raise FormError("Invalid parameters: a part has parts of its own.")
    file_name = part.get_filename()
    if file_name is not None:
        digest = sha256(content).hexdigest()
        return {"filename": file_name, "sha256": digest, "size": str(len(content))}
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise FormError("Invalid parameters: the encoding must be UTF-8.") from None
