"""Where a page of a list ends, as an opaque text."""

import base64
import json
from datetime import UTC, datetime

from markethub.domain.errors import ValidationFailed


def cursor_after(created_at: datetime, id: str) -> str:
    """Name the place after a row; opaque to the caller."""
    place = json.dumps([created_at.isoformat(), id])
    return base64.urlsafe_b64encode(place.encode()).decode()


def position(cursor: str) -> tuple[datetime, str]:
    """Return the row that a cursor stands behind. Raises ValidationFailed for none of ours."""
    try:
        match json.loads(base64.b64decode(cursor.encode(), altchars=b"-_", validate=True)):
            # PostgreSQL has no text with a NUL.
            case [str(moment), str(id)] if id and id.isascii() and id.isprintable():
                created_at = datetime.fromisoformat(moment)
                if created_at.tzinfo is not None:
                    return created_at.astimezone(UTC), id
    except (ValueError, OverflowError, RecursionError):
        pass  # malformed, whichever way
    raise ValidationFailed("cursor", "is not one of ours")
