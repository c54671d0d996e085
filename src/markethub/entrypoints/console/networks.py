"""The card networks' programs for merchants with too many disputes: where their lines are.

The networks publish their rules to acquirers only; these are the numbers that acquirers publish
of them, as read in November 2026. They change, and some differ by region: the acquirer's word
stands over this table. Each ratio is judged by calendar month, and a program takes a merchant
only where the ratio and the count are both reached.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import attrs

from markethub.domain.ports.overview import NetworkMonth
from markethub.entrypoints.console.rates import Rate


@attrs.frozen(kw_only=True)
class Threshold:
    """Where a program begins."""

    program: str
    network: str
    """The brand as the provider writes it."""
    basis_points: int
    count: int
    """How many there must be in the month besides."""
    counts_warnings: bool = False
    """Issuers' fraud warnings count beside the disputes, even where both are of one payment."""
    only_fraud: bool = False
    of_month_before: bool = False
    """The sales that it divides by are those of the month before."""
    sales_minimum: int = 0
    """How many sales the ratio must be of."""
    is_partial: bool = False
    """The program asks for more than is known here: to reach this is a warning, no more."""
    note: str = ""


VAMP_SOURCE: Final = "https://docs.antom.com/ac/merchant_service/card_monitor"
ECM_SOURCE: Final = "https://docs.solidgate.com/risks/monitoring-programs/mastercard"
EFM_SOURCE: Final = "https://www.trustpay.eu/blog/mastercard-chargeback-programs-2020-update/"

THRESHOLDS: Final = (
    Threshold(
        program="VAMP",
        network="visa",
        basis_points=150,
        count=1_500,
        counts_warnings=True,
        note="Visa Acquirer Monitoring Program, excessive merchant; 2.2 % in some regions",
    ),
    Threshold(
        program="ECM",
        network="mastercard",
        basis_points=150,
        count=100,
        of_month_before=True,
        note="Excessive Chargeback Merchant",
    ),
    Threshold(
        program="HECM",
        network="mastercard",
        basis_points=300,
        count=300,
        of_month_before=True,
        note="High Excessive Chargeback Merchant",
    ),
    Threshold(
        program="EFM",
        network="mastercard",
        basis_points=50,
        count=1,
        only_fraud=True,
        of_month_before=True,
        sales_minimum=1_000,
        is_partial=True,
        note="Excessive Fraud Merchant: fraud alone; takes 50,000 USD of it and little 3-D Secure, "
        "too, which are not judged here",
    ),
)


@attrs.frozen(kw_only=True)
class Standing:
    """One month before one threshold."""

    threshold: Threshold
    month: date
    rate: Rate

    @property
    def is_reached(self) -> bool:
        """Tell whether everything that the program asks for is reached."""
        enough = self.rate.part >= self.threshold.count
        return enough and self._is_over and not self.threshold.is_partial

    @property
    def is_near(self) -> bool:
        """Tell whether the ratio is reached, and half of the count: the next ones decide."""
        half = self.rate.part * 2 >= self.threshold.count
        return half and self._is_over and not self.is_reached

    @property
    def _is_over(self) -> bool:
        enough = self.rate.whole >= self.threshold.sales_minimum
        return enough and self.rate.reaches(self.threshold.basis_points)


def month_before(month: date) -> date:
    """Return the first day of the month before."""
    return (month.replace(day=1) - timedelta(days=1)).replace(day=1)


def months_until(month: date, count: int) -> Sequence[date]:
    """Return the first days of so many months, of which ``month`` is the last."""
    found = [month.replace(day=1)]
    while len(found) < count:
        found.append(month_before(found[-1]))
    return found[::-1]


def standings(
    figures: Iterable[NetworkMonth], months: Sequence[date], thresholds: Sequence[Threshold]
) -> Mapping[str, Sequence[Standing]]:
    """Return how each month stands before each threshold, by program."""
    known = {(each.network, each.month): each for each in figures}

    def standing(threshold: Threshold, month: date) -> Standing:
        nothing = NetworkMonth(month=month, network=threshold.network)
        figure = known.get((threshold.network, month), nothing)
        part = figure.fraud_chargebacks if threshold.only_fraud else figure.chargebacks
        part += figure.fraud_warnings if threshold.counts_warnings else 0
        base = month_before(month) if threshold.of_month_before else month
        sales = known.get((threshold.network, base), nothing).sales
        return Standing(threshold=threshold, month=month, rate=Rate(part, sales))

    return {
        threshold.program: [standing(threshold, month) for month in months]
        for threshold in thresholds
    }
