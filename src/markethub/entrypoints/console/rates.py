"""Shares of a whole, exact until they are shown."""

from collections.abc import Iterable
from typing import Self

import attrs

from markethub.domain.ports.overview import Sales

_WHOLE = 10_000


@attrs.frozen
class Rate:
    """``part`` of ``whole``, both counted; of nothing there is no rate."""

    part: int
    whole: int

    @property
    def basis_points(self) -> int | None:
        """Hundredths of a percent, rounded half up; None of nothing."""
        if not self.whole:
            return None
        return (self.part * _WHOLE * 2 + self.whole) // (self.whole * 2)

    @property
    def text(self) -> str:
        """Return it for people."""
        points = self.basis_points
        return "none" if points is None else percent(points)

    def reaches(self, basis_points: int) -> bool:
        """Tell whether it is at least so much, without rounding."""
        return self.whole > 0 and self.part * _WHOLE >= basis_points * self.whole


def percent(basis_points: int) -> str:
    """Write basis points as a percentage, with two decimals only where they say something."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d}".removesuffix("0").removesuffix(".0") + " %"


@attrs.frozen(kw_only=True)
class Success:
    """How payments fared that were begun on a day, or in a period, in any currency."""

    accepted: int = 0
    declined: int = 0
    declines: int = 0
    begun: int = 0
    captured: int = 0

    @classmethod
    def of(cls, sales: Iterable[Sales]) -> Self:
        """Add up."""
        rows = list(sales)
        return cls(
            accepted=sum(row.accepted for row in rows),
            declined=sum(row.declined for row in rows),
            declines=sum(row.declines for row in rows),
            begun=sum(row.begun for row in rows),
            captured=sum(row.captured for row in rows),
        )

    @property
    def of_payments(self) -> Rate:
        """Payments accepted, of those accepted and those declined.

        What its customer never tried to pay, or is still trying, counts on neither side.
        """
        return Rate(self.accepted, self.accepted + self.declined)

    @property
    def of_attempts(self) -> Rate:
        """Attempts accepted, of those accepted and those declined: one payment may have several.

        All count on the day on which their payment was begun.
        """
        return Rate(self.accepted, self.accepted + self.declines)
