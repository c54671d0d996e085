"""The event types that our handlers need: what is subscribed to, and what is fetched later."""

from typing import Final

from markethub.adapters.stripe import disputes, refunds, saved_methods, translate

EVENT_TYPES: Final = tuple(
    sorted(
        translate.HANDLED_TYPES
        | refunds.HANDLED_TYPES
        | disputes.HANDLED_TYPES
        | saved_methods.HANDLED_TYPES
    )
)
"""All of them. Whatever else arrives is stored as ignored."""
