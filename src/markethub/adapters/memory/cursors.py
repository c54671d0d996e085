"""Where a page of a list ends, as an opaque text."""

import base64
import binascii
from datetime import datetime

from markethub.domain.errors import ValidationFailed


def cursor_after(created_at: datetime, id: str) -> str:
    """Name the place behind a row."""
    return base64.urlsafe_b64encode(f"{created_at.isoformat()} {id}".encode()).decode()


def position(cursor: str) -> tuple[datetime, str]:
    """Return the row that a cursor stands behind. Raises ValidationFailed for none of ours."""
    try:
        text = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode()
        created_at, _, row_id = text.partition(" ")
        place = datetime.fromisoformat(created_at), row_id
    except (binascii.Error, UnicodeError, ValueError):
        raise ValidationFailed("cursor", "is not one of ours") from None
    if place[0].tzinfo is None or not row_id:
        raise ValidationFailed("cursor", "is not one of ours")
    return place
