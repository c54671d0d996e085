"""The front page: whether anything is wrong, and how business is."""

from typing import Any, Final

from litestar import Request, get
from litestar.response import Template

from markethub.domain.approval import ApprovalStatus
from markethub.domain.ports.approvals import ApprovalFilter, ApprovalQueries
from markethub.domain.ports.outbox import DeliveryQueries
from markethub.domain.ports.overview import OverviewQueries, Period
from markethub.domain.ports.publisher import Publisher
from markethub.domain.ports.queries import Queries
from markethub.domain.ports.system import Clock
from markethub.entrypoints.console import drawings
from markethub.entrypoints.console.concerns import concerns, verdict
from markethub.entrypoints.console.lists import chosen
from markethub.entrypoints.console.networks import (
    THRESHOLDS,
    month_before,
    months_until,
    standings,
)
from markethub.entrypoints.console.pages import render
from markethub.entrypoints.console.rates import Rate, Success
from markethub.entrypoints.console.staff import ROLE
from markethub.entrypoints.http.errors import invalid
from markethub.entrypoints.http.injected import Injected
from markethub.entrypoints.setting_values import Role

PERIODS: Final = {"1": "Today", "7": "7 days", "30": "30 days", "90": "90 days"}
_USUAL: Final = "7"
MONTHS: Final = 6
"""How many months of disputes are shown, this one among them."""


@get("/", opt={ROLE: Role.VIEWER})
async def overview(
    *,
    request: Request[Any, Any, Any],
    queries: Injected[Queries],
    overview_queries: Injected[OverviewQueries],
    delivery_queries: Injected[DeliveryQueries],
    approval_queries: Injected[ApprovalQueries],
    publisher: Injected[Publisher | None],
    clock: Injected[Clock],
) -> Template:
    """Say first what is wrong, then show the figures of a period."""
    days = chosen(request, "days") or _USUAL
    if days not in PERIODS:
        raise invalid("days", "is none of the choices")
    now = clock.now()
    period = Period.ending(now.date(), days=int(days))
    months = months_until(now.date(), MONTHS)
    networks = await overview_queries.networks(
        Period(first=month_before(months[0]), last=now.date())
    )
    before_limits = standings(networks, months, THRESHOLDS)
    found = concerns(
        health=await queries.health(),
        waiting=await overview_queries.waiting(now=now),
        outbox=None
        if publisher is None
        else await delivery_queries.outbox_health(publisher.endpoint_id),
        standings=before_limits,
        approvals=await approval_queries.approvals(ApprovalFilter(status=ApprovalStatus.PENDING)),
        now=now,
    )
    figures = await overview_queries.figures(period)
    fared = Success.of(figures.sales)
    volumes: dict[str, Any] = {}
    for row in figures.sales:
        code = row.volume.currency.code
        volumes[code] = volumes[code] + row.volume if code in volumes else row.volume
    return render(
        request,
        "overview.html",
        nav="overview",
        verdict=verdict(found),
        concerns=found,
        days=days,
        periods=PERIODS,
        period=period,
        fared=fared,
        volumes=[volumes[code] for code in sorted(volumes)],
        refunded=figures.refunded,
        refund_rate=Rate(sum(each.count for each in figures.refunded), fared.captured),
        lag=figures.lag,
        charts=[
            *drawings.volumes(figures, period),
            drawings.success(figures, period),
            drawings.declines(figures.declined),
        ],
        dispute_charts=drawings.dispute_rates(before_limits),
    )


HANDLERS: Final = (overview,)
