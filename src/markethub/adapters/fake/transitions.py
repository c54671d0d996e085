"""The legal edges of refunds and disputes. Sources: Stripe's pages "Refunds", "How disputes work".

``None`` stands before an object's first status. A status without an edge is final.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

Edges = Mapping[str | None, frozenset[str]]


class IllegalTransition(Exception):
    """An object cannot go from the status that it has to the one that was asked for."""


REFUND: Final[Edges] = MappingProxyType(
    {
        None: frozenset(("pending", "requires_action", "succeeded")),
        "pending": frozenset(("canceled", "failed", "requires_action", "succeeded")),
        "requires_action": frozenset(("canceled", "failed", "pending", "requires_action")),
        # The customer's bank may send the money back, up to 30 days later.
        "succeeded": frozenset(("failed", "requires_action")),
        "failed": frozenset(),
        "canceled": frozenset(),
    }
)

DISPUTE: Final[Edges] = MappingProxyType(
    {
        # Born lost: the bank does not listen. Prevented: settled before it became a chargeback.
        None: frozenset(("lost", "needs_response", "prevented", "warning_needs_response")),
        "warning_needs_response": frozenset(
            ("needs_response", "warning_closed", "warning_under_review")
        ),
        "warning_under_review": frozenset(("needs_response", "warning_closed")),
        "warning_closed": frozenset(),
        "needs_response": frozenset(("lost", "under_review", "won")),
        "under_review": frozenset(("lost", "won")),
        "lost": frozenset(("won",)),
        "won": frozenset(),
        "prevented": frozenset(),
    }
)


def require(edges: Edges, noun: str, before: str | None, after: str) -> None:
    """Raise IllegalTransition unless there is such an edge."""
    if after not in edges[before]:
        raise IllegalTransition(f"a {noun} does not go from {before or 'nothing'} to {after}")
