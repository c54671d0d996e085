"""Every page of the console in a real browser: accessible, whole on a phone, asking nobody else.

One server has lived through a week, and one session looks at each page once.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Final

import attrs
import pytest
from playwright.sync_api import Page, expect

from markethub.domain.approval import ApprovalLimit
from markethub.domain.errors import ApprovalRequired
from markethub.domain.money import Money
from markethub.entrypoints.container import Container
from tests.browser.screens import STAFF
from tests.browser.screens_console import DEAD, HELD, TOLD, Week, sign_in, the_dispute
from tests.browser.server import PLAIN, Server, serving
from tests.browser.watch import Watch
from tests.support.world import World

PAGES: Final = (
    "/ops",
    "/ops/payments",
    "/ops/payments/{paid}",
    "/ops/payments/{paid}/refund",
    "/ops/payments/{held}",
    "/ops/refunds",
    "/ops/approvals",
    "/ops/disputes",
    "/ops/disputes/{dispute}",
    "/ops/disputes/{dispute}/submit",
    "/ops/disputes/{dispute}/accept",
    "/ops/customers",
    "/ops/customers/{customer}",
    "/ops/customers/{customer}/methods/{method}/remove",
    "/ops/events",
    "/ops/events/{event}",
    "/ops/deliveries",
    "/ops/audit",
    "/ops/nothing",
)
"""Every page that one can open, with data on it; a name in braces is an id of the week's."""
SETTINGS: Final = attrs.evolve(
    PLAIN,
    ops_keys=(STAFF,),
    refund_approval_limit=ApprovalLimit({"usd": Money.of(20_000, "usd")}),
)


@attrs.define
class Visit:
    """The server of all these tests, the ids on its pages, and the one session."""

    server: Server
    ids: Mapping[str, str]
    session: list[dict[str, object]] = attrs.field(factory=list)


@pytest.fixture(scope="module")
def visit() -> Iterator[Visit]:
    worlds: list[World] = []

    def arrange(container: Container) -> None:
        worlds.append(World(container))

    with serving(SETTINGS, arrange=arrange) as server:
        yield Visit(server, server.run(lived(worlds[0]), within_s=60))


async def lived(world: World) -> Mapping[str, str]:
    """Live the week, ask for what a second person must approve, and save a card."""
    await Week(world).live()
    for order_id in ("order-2001", "order-2002"):
        large = await world.paid(order_id, total=30_000)
        with suppress(ApprovalRequired):
            await world.refund(large)
    [paid], [held] = await world.payments(TOLD), await world.payments(HELD)
    method = await world.save_card(customer_id=paid.customer_id)
    return {
        "paid": paid.id,
        "held": held.id,
        "customer": paid.customer_id,
        "method": method.id,
        "dispute": (await the_dispute(world)).id,
        "event": DEAD,
    }


@pytest.fixture
def server(visit: Visit) -> Server:
    return visit.server


@pytest.fixture
def page(page: Page, visit: Visit) -> Page:
    """An empty page of somebody who has signed in once."""
    if visit.session:
        page.context.add_cookies(visit.session)  # type: ignore[arg-type]  # as they were given
    else:
        sign_in(page, "/ops")
        visit.session = [{**cookie} for cookie in page.context.cookies()]
    return page


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_accessible_whole_on_a_phone_and_asks_nobody_else(
    page: Page,
    visit: Visit,
    watch: Watch,
    *,
    axe: Callable[[Page], None],
    fits_a_phone: Callable[[Page], None],
    path: str,
) -> None:
    watch.expect_in_console("404 (Not Found)")  # which the browser says of the last of them
    answer = page.goto(path.format(**visit.ids))

    assert answer is not None
    assert (path == "/ops/nothing", answer.status) in {(False, 200), (True, 404)}
    axe(page)
    fits_a_phone(page)


def test_a_list_is_downloaded_as_it_was_filtered_a_moment_ago(page: Page, visit: Visit) -> None:
    page.goto("/ops/payments")
    page.get_by_label("Status").select_option("authorized")
    page.wait_for_url("**/ops/payments?**status=authorized**")
    expect(page.get_by_text("succeeded", exact=True).locator("visible=true")).to_have_count(0)

    with page.expect_download() as started:
        page.get_by_role("link", name="Export as CSV").click()

    file = started.value
    lines = file.path().read_text(encoding="utf-8-sig").splitlines()
    assert "markethub-payments-2026-11-09.csv" == file.suggested_filename
    assert {'"authorized"'} == {line.split(",")[3] for line in lines[1:]}
    assert visit.ids["held"] in "".join(lines)
