"""Which charts the front page shows of its figures."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Final

import attrs
from markupsafe import Markup

from markethub.domain.money import Currency, Money
from markethub.domain.ports.overview import Declined, Figures, Period, Sales
from markethub.entrypoints.console.charts import (
    Format,
    Line,
    Point,
    Words,
    columns,
    compact,
    ranking,
    trend,
)
from markethub.entrypoints.console.networks import Standing
from markethub.entrypoints.console.rates import Success, percent

CURRENCIES_MAXIMUM: Final = 3
"""Of so many currencies, those with the most payments, the volume is drawn; all are in figures."""
REASONS_MAXIMUM: Final = 6
_WHOLE: Final = 10_000


@attrs.frozen(kw_only=True)
class Drawing:
    """A chart with its heading; the rows are the same values, to be read as a table."""

    title: str
    chart: Markup
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def volumes(figures: Figures, period: Period) -> Sequence[Drawing]:
    """Draw what was captured each day, a chart to each currency."""
    by_currency: dict[str, dict[date, Sales]] = {}
    for row in figures.sales:
        by_currency.setdefault(row.volume.currency.code, {})[row.day] = row
    ranked = sorted(
        by_currency.items(), key=lambda each: -sum(row.begun for row in each[1].values())
    )
    return [_volume(code, rows, period) for code, rows in ranked[:CURRENCIES_MAXIMUM]]


def _volume(code: str, rows: Mapping[date, Sales], period: Period) -> Drawing:
    currency = Currency.read(code)
    nothing = Money.zero(currency)
    amounts = [(day, rows[day].volume if day in rows else nothing) for day in period.days]
    title = f"Volume by day, {code.upper()}"
    total = sum((amount for _, amount in amounts), start=nothing)
    return Drawing(
        title=title,
        chart=columns(
            Words(
                key=f"volume-{code}",
                title=title,
                description=f"Money captured of the payments begun each day: {total} in all.",
            ),
            [
                Point(label=f"{day:%d %b}", value=amount.minor, said=f"{day:%d %b %Y}: {amount}")
                for day, amount in amounts
            ],
            show=_in_major(currency),
        ),
        head=("Day", "Captured"),
        rows=[(day.isoformat(), str(amount)) for day, amount in amounts],
    )


def _in_major(currency: Currency) -> Format:
    return lambda minor: compact(minor // 10**currency.exponent)


def success(figures: Figures, period: Period) -> Drawing:
    """Draw the share of payments that were accepted, by day."""
    by_day = {day: Success.of(rows) for day, rows in groupby(figures.sales, lambda row: row.day)}
    days = [(day, by_day.get(day, Success())) for day in period.days]
    known = [day.of_payments.basis_points for _, day in days]
    lowest = min((points for points in known if points is not None), default=0)
    bottom = 0 if lowest < _WHOLE // 2 else _WHOLE // 2
    return Drawing(
        title="Success rate by day",
        chart=trend(
            Words(
                key="success",
                title="Success rate by day",
                description="Share of the payments begun each day that were accepted, of those "
                f"accepted or declined: {Success.of(figures.sales).of_payments.text} in all.",
            ),
            [
                Point(
                    label=f"{day:%d %b}",
                    value=fared.of_payments.basis_points,
                    said=f"{day:%d %b %Y}: {fared.of_payments.text} "
                    f"({fared.accepted} accepted, {fared.declined} declined)",
                )
                for day, fared in days
            ],
            bottom=bottom,
            top=_WHOLE,
            show=percent,
        ),
        head=("Day", "Accepted", "Declined", "Rate"),
        rows=[
            (day.isoformat(), str(fared.accepted), str(fared.declined), fared.of_payments.text)
            for day, fared in days
        ],
        note="Accepted: authorized or succeeded. What nobody tried to pay counts on neither side.",
    )


def declines(found: Sequence[Declined]) -> Drawing:
    """Draw why payments were declined, the most frequent reasons first."""
    most = REASONS_MAXIMUM if len(found) > REASONS_MAXIMUM + 1 else len(found)
    shown, rest = found[:most], found[most:]
    rows = [(each.reason.replace("_", " ").capitalize(), each.payments) for each in shown]
    if rest:
        rows.append((f"{len(rest)} other reasons", sum(each.payments for each in rest)))
    return Drawing(
        title="Declines by reason",
        chart=ranking(
            Words(
                key="declines",
                title="Declines by reason",
                description="Payments that are not accepted, by why the bank last declined them.",
            ),
            [
                Point(label=reason, value=count, said=f"{reason}: {count} payments")
                for reason, count in rows
            ],
        ),
        head=("Reason", "Payments"),
        rows=[(each.reason, str(each.payments)) for each in found],
        note="The last decline of each payment that is not accepted since.",
    )


def dispute_rates(standings: Mapping[str, Sequence[Standing]]) -> Sequence[Drawing]:
    """Draw the dispute rate of each program's network by month, with the program's line.

    Programs that divide the same by the same share a chart.
    """
    groups: dict[tuple[str, bool, bool], list[Sequence[Standing]]] = {}
    for months in standings.values():
        threshold = months[0].threshold
        key = (threshold.network, threshold.only_fraud, threshold.counts_warnings)
        groups.setdefault(key, []).append(months)
    return [_dispute_rate(network, fraud, group) for (network, fraud, _), group in groups.items()]


def _dispute_rate(network: str, fraud: bool, group: Sequence[Sequence[Standing]]) -> Drawing:
    first = group[0]
    thresholds = [months[0].threshold for months in group]
    title = f"{network.capitalize()}: {'fraud' if fraud else 'dispute'} rate by month"
    counted = "fraud chargebacks" if fraud else "chargebacks"
    if thresholds[0].counts_warnings:
        counted += " and fraud warnings"
    base = "sales of the month before" if thresholds[0].of_month_before else "sales of the month"
    limits = "; ".join(
        f"{each.program} from {percent(each.basis_points)}"
        + (f" and {each.count:,} in a month" if each.count > 1 else "")
        for each in thresholds
    )
    return Drawing(
        title=title,
        chart=columns(
            Words(
                key=f"disputes-{network}-{'fraud' if fraud else 'all'}",
                title=title,
                description=f"{counted.capitalize()} by {base}. Limits: {limits}.",
            ),
            [
                Point(
                    label=f"{each.month:%b}",
                    value=each.rate.basis_points,
                    said=f"{each.month:%B %Y}: {each.rate.text} "
                    f"({each.rate.part} of {each.rate.whole})",
                )
                for each in first
            ],
            lines=[
                Line(label=f"{each.program} {percent(each.basis_points)}", value=each.basis_points)
                for each in thresholds
            ],
            show=percent,
        ),
        head=("Month", counted.capitalize(), base.capitalize(), "Rate"),
        rows=[
            (
                f"{each.month:%Y-%m}",
                str(each.rate.part),
                str(each.rate.whole),
                each.rate.text,
            )
            for each in first
        ],
        note=f"{counted.capitalize()} by {base}. {limits}.",
    )
