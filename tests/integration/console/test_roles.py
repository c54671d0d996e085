"""Who of the staff may open and send what: every route of the console, for every role."""

import re
from typing import Final

import pytest
from litestar.routes import HTTPRoute

from markethub.entrypoints.console.staff import FILE, OPEN, ROLE
from markethub.entrypoints.container import build_container
from markethub.entrypoints.http.app import create_app
from markethub.entrypoints.setting_values import Role
from tests.support.app import SETTINGS
from tests.support.console import OWN, Desk, said

pytestmark = pytest.mark.anyio

CUSTOMER = "/ops/customers/{customer_id}"
DISPUTE = "/ops/disputes/{dispute_id}"
PAYMENT: Final = "/ops/payments/{payment_id}"
METHOD = f"{CUSTOMER}/methods/{{method_id}}"

LEAST: Final[dict[tuple[str, str], Role | str]] = {
    ("GET", "/ops/sign-in"): OPEN,
    ("POST", "/ops/sign-in"): OPEN,
    ("GET", "/ops/static/{name}"): FILE,
    ("POST", "/ops/sign-out"): Role.VIEWER,
    ("GET", "/ops/{rest}"): Role.VIEWER,
    ("GET", "/ops"): Role.VIEWER,
    ("GET", "/ops/disputes"): Role.VIEWER,
    ("GET", DISPUTE): Role.VIEWER,
    ("POST", f"{DISPUTE}/evidence"): Role.SUPPORT,
    ("POST", f"{DISPUTE}/files"): Role.SUPPORT,
    ("GET", f"{DISPUTE}/submit"): Role.SUPPORT,
    ("POST", f"{DISPUTE}/submit"): Role.SUPPORT,
    ("GET", f"{DISPUTE}/accept"): Role.REFUNDER,
    ("POST", f"{DISPUTE}/accept"): Role.REFUNDER,
    ("GET", "/ops/payments"): Role.VIEWER,
    ("GET", PAYMENT): Role.VIEWER,
    ("POST", f"{PAYMENT}/capture"): Role.SUPPORT,
    ("POST", f"{PAYMENT}/cancel"): Role.SUPPORT,
    ("GET", f"{PAYMENT}/refund"): Role.REFUNDER,
    ("POST", f"{PAYMENT}/refund"): Role.REFUNDER,
    ("POST", "/ops/refund-plans/preview"): Role.REFUNDER,
    ("POST", "/ops/refund-plans/apply"): Role.REFUNDER,
    ("GET", "/ops/refunds"): Role.VIEWER,
    ("GET", "/ops/refunds/{refund_id}"): Role.VIEWER,
    ("GET", "/ops/approvals"): Role.VIEWER,
    ("POST", "/ops/approvals/{approval_id}/approve"): Role.REFUNDER,
    ("POST", "/ops/approvals/{approval_id}/reject"): Role.REFUNDER,
    ("GET", "/ops/events"): Role.VIEWER,
    ("GET", "/ops/events/{event_id}"): Role.VIEWER,
    ("POST", "/ops/events/{event_id}/replay"): Role.SUPPORT,
    ("POST", "/ops/events/replay"): Role.SUPPORT,
    ("GET", "/ops/deliveries"): Role.VIEWER,
    ("POST", "/ops/deliveries/replay"): Role.SUPPORT,
    ("GET", "/ops/audit"): Role.VIEWER,
    ("GET", "/ops/payments.csv"): Role.VIEWER,
    ("GET", "/ops/refunds.csv"): Role.VIEWER,
    ("GET", "/ops/disputes.csv"): Role.VIEWER,
    ("GET", "/ops/audit.csv"): Role.VIEWER,
    ("GET", "/ops/customers"): Role.VIEWER,
    ("GET", CUSTOMER): Role.VIEWER,
    ("GET", f"{METHOD}/remove"): Role.SUPPORT,
    ("POST", f"{METHOD}/remove"): Role.SUPPORT,
    ("POST", f"{METHOD}/default"): Role.SUPPORT,
}
"""The least role of each route."""

BEHIND: Final = [
    (method, path) for (method, path), least in LEAST.items() if isinstance(least, Role)
]
each_route = pytest.mark.parametrize("route", BEHIND, ids=" ".join)


def routes() -> dict[tuple[str, str], object]:
    """Return the least role of every route of the console, as the application has it."""
    app = create_app(build_container(SETTINGS), lifespan=[])
    found: dict[tuple[str, str], object] = {}
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path.startswith("/ops"):
            path = re.sub(r":\w+}", "}", route.path)
            for method, (handler, _) in route.route_handler_map.items():
                if method not in ("OPTIONS", "HEAD"):
                    found[method, path] = handler.opt.get(ROLE)
    return found


async def call(desk: Desk, route: tuple[str, str]) -> int:
    method, template = route
    path = re.sub(r"{\w+}", "none", template)
    if method == "GET":
        return (await desk.get(path)).status_code
    return (await desk.send(path)).status_code


def test_every_route_of_the_console_is_in_the_table() -> None:
    assert routes() == LEAST


@each_route
async def test_nobody_opens_or_sends_it(desk: Desk, route: tuple[str, str]) -> None:
    method, template = route
    path = re.sub(r"{\w+}", "none", template)

    answer = await desk.client.request(method, path, headers=OWN)

    assert 303 == answer.status_code
    assert answer.headers["Location"].startswith("/ops/sign-in")


@each_route
async def test_it_is_forbidden_to_every_lesser_role_and_to_no_other(
    desk: Desk, route: tuple[str, str]
) -> None:
    refused = []
    for role in Role:
        desk.client.cookies.clear()
        await desk.sign_in(role)
        refused.append(await call(desk, route) == 403)

    ranks = [*Role]
    least = ranks.index(Role(LEAST[route]))
    assert [rank < least for rank in range(len(ranks))] == refused


async def test_a_refusal_is_a_page_that_says_so(desk: Desk) -> None:
    await desk.sign_in(Role.VIEWER)

    answer = await desk.send("/ops/events/evt_1/replay")

    assert 403 == answer.status_code
    assert "This is not yours to do Your role may not do this." in said(answer)


async def test_who_only_reads_is_not_offered_what_they_may_not_do(desk: Desk) -> None:
    await desk.world.save_card()
    offered = {}
    for role in (Role.VIEWER, Role.SUPPORT):
        desk.client.cookies.clear()
        await desk.sign_in(role)
        pages = [said(await desk.get(path)) for path in ("/ops/events", "/ops/customers/c-1")]
        offered[role] = ["Replay" in pages[0], "Remove" in pages[1]]

    assert {Role.VIEWER: [False, False], Role.SUPPORT: [True, True]} == offered
