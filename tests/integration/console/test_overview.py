"""The front page: one sentence first, then the figures."""

import pytest

from markethub.entrypoints.setting_values import Role
from tests.support.console import Desk, said
from tests.support.disputed import Disputed
from tests.support.stores import event, receive

pytestmark = pytest.mark.anyio


async def test_the_front_page_of_an_empty_shop_says_that_nothing_is_wrong(desk: Desk) -> None:
    await desk.sign_in(Role.VIEWER)
    page = await desk.get("/ops")

    assert 200 == page.status_code
    assert "Nothing is wrong." in said(page)
    assert "Volume none" in said(page)


async def test_a_sale_is_in_the_figures_and_in_the_chart(desk: Desk) -> None:
    await Disputed(desk.world).pay()
    await desk.sign_in(Role.VIEWER)
    page = await desk.get("/ops")

    assert "50.00 USD" in said(page)
    assert "Success, payments 100 %" in said(page)
    assert ": 50.00 USD</title></rect>" in page.text


async def test_a_dead_letter_and_a_due_dispute_are_said_with_their_pages(desk: Desk) -> None:
    disputed = Disputed(desk.world)
    await disputed.pay()
    dispute = await disputed.open()
    buried = event("evt_dead").bury("KeyError", now=event().updated_at)
    await receive(desk.world.container.store(), [buried])
    await desk.sign_in(Role.VIEWER)
    page = await desk.get("/ops")

    assert "1 thing is wrong." in said(page)
    assert 'href="/ops/events?status=dead"' in page.text
    assert f'href="/ops/disputes/{dispute.id}"' in page.text


@pytest.mark.parametrize("days", ["1", "7", "30", "90"])
async def test_each_period_can_be_chosen(desk: Desk, days: str) -> None:
    await Disputed(desk.world).pay()
    await desk.sign_in(Role.VIEWER)
    page = await desk.get(f"/ops?days={days}")

    assert f'href="/ops?days={days}" aria-current="true"' in page.text
    assert int(days) == page.text.count(" USD</title></rect>")


async def test_a_period_that_there_is_not_is_refused(desk: Desk) -> None:
    await desk.sign_in(Role.VIEWER)

    assert 400 == (await desk.get("/ops?days=100000")).status_code


async def test_the_networks_limits_are_drawn_with_their_names(desk: Desk) -> None:
    await desk.sign_in(Role.VIEWER)
    page = said(await desk.get("/ops"))

    assert [True] * 4 == [
        limit in page for limit in ("VAMP 1.5 %", "ECM 1.5 %", "HECM 3 %", "EFM 0.5 %")
    ]
