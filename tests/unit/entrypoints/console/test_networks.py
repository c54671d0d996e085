"""Rates, and how a month stands before the card networks' limits."""

from datetime import date

import pytest

from markethub.domain.ports.overview import NetworkMonth
from markethub.entrypoints.console.networks import (
    THRESHOLDS,
    Standing,
    month_before,
    months_until,
    standings,
)
from markethub.entrypoints.console.rates import Rate, percent

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)


def standing(program: str, *figures: NetworkMonth) -> Standing:
    """Return how November stands."""
    return standings(figures, [NOVEMBER], THRESHOLDS)[program][0]


def month(of: date, network: str, **counts: int) -> NetworkMonth:
    return NetworkMonth(month=of, network=network, **counts)


@pytest.mark.parametrize(
    ("part", "whole", "points"), [(0, 0, None), (0, 9, 0), (1, 3, 3333), (2, 3, 6667), (1, 8, 1250)]
)
def test_a_rate_is_rounded_half_up_and_there_is_none_of_nothing(
    part: int, whole: int, points: int | None
) -> None:
    assert points == Rate(part, whole).basis_points


@pytest.mark.parametrize(
    ("points", "shown"),
    [(0, "0 %"), (150, "1.5 %"), (10_000, "100 %"), (5, "0.05 %"), (90, "0.9 %")],
)
def test_a_percentage_shows_the_decimals_that_say_something(points: int, shown: str) -> None:
    assert shown == percent(points)


def test_a_limit_is_reached_exactly_and_not_by_rounding() -> None:
    assert [False, True] == [Rate(part, 100_000).reaches(150) for part in (1_499, 1_500)]


def test_visas_ratio_counts_disputes_and_fraud_warnings_by_the_sales_of_the_same_month() -> None:
    found = standing(
        "VAMP",
        month(OCTOBER, "visa", sales=9),
        month(NOVEMBER, "visa", sales=1_000, chargebacks=3, fraud_warnings=4),
    )

    assert Rate(7, 1_000) == found.rate


def test_mastercards_ratio_divides_by_the_sales_of_the_month_before() -> None:
    found = standing(
        "ECM",
        month(OCTOBER, "mastercard", sales=500),
        month(NOVEMBER, "mastercard", sales=9, chargebacks=3, fraud_warnings=4),
    )

    assert Rate(3, 500) == found.rate


@pytest.mark.parametrize(
    ("chargebacks", "sales", "stands"),
    [
        (100, 6_666, (True, False)),
        (100, 6_667, (False, False)),
        (99, 1_000, (False, True)),
        (50, 1_000, (False, True)),
        (49, 1_000, (False, False)),
    ],
)
def test_a_program_takes_a_merchant_only_by_ratio_and_count_together(
    chargebacks: int, sales: int, stands: tuple[bool, bool]
) -> None:
    found = standing(
        "ECM",
        month(OCTOBER, "mastercard", sales=sales),
        month(NOVEMBER, "mastercard", chargebacks=chargebacks),
    )

    assert stands == (found.is_reached, found.is_near)


@pytest.mark.parametrize(("sales", "near"), [(999, False), (1_000, True)])
def test_a_program_that_asks_for_more_than_is_known_is_near_at_most(sales: int, near: bool) -> None:
    found = standing(
        "EFM",
        month(OCTOBER, "mastercard", sales=sales),
        month(NOVEMBER, "mastercard", fraud_chargebacks=5, chargebacks=90),
    )

    assert (False, near) == (found.is_reached, found.is_near)


def test_without_sales_nothing_is_reached() -> None:
    found = standing("ECM", month(NOVEMBER, "mastercard", chargebacks=400))

    assert (False, False, "none") == (found.is_reached, found.is_near, found.rate.text)


def test_months_are_counted_over_the_turn_of_the_year() -> None:
    assert date(2025, 12, 1) == month_before(date(2026, 1, 31))
    assert [date(2025, 12, 1), date(2026, 1, 1)] == list(months_until(date(2026, 1, 31), 2))
