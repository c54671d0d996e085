"""The inbox, the deliveries and the saved methods, as the staff works with them."""

import attrs
import pytest

from markethub.domain.delivery import DeliveryStatus
from markethub.domain.ids import CustomerId, EventId
from markethub.domain.inbox_event import WRONG_MODE, InboxEvent, InboxStatus
from markethub.entrypoints.setting_values import Role
from tests.support.console import Desk, said
from tests.support.stores import event, receive

pytestmark = pytest.mark.anyio


async def put(desk: Desk, *events: InboxEvent) -> None:
    await receive(desk.world.container.store(), events)


def dead(id: str) -> InboxEvent:
    """Return an event that we stumbled over too often."""
    failed = event(id).fail(
        "KeyError", error="Traceback\nKeyError: <balance>", now=event().updated_at
    )
    return failed.bury("KeyError", now=event().updated_at)


async def statuses(desk: Desk, *ids: str) -> list[InboxStatus]:
    queries = desk.world.container.inbox_queries()
    found = [await queries.event(EventId(each)) for each in ids]
    return [each.status for each in found if each is not None]


# --- the inbox -------------------------------------------------------------------------------


async def test_the_inbox_lists_the_events_that_are_asked_for(desk: Desk) -> None:
    await put(desk, event("evt_fine"), dead("evt_dead"))
    await desk.sign_in()

    pages = [said(await desk.get(f"/ops/events{query}")) for query in ("", "?status=dead")]

    assert [(True, True), (False, True)] == [
        ("evt_fine" in page, "evt_dead" in page) for page in pages
    ]


async def test_a_long_inbox_is_read_page_by_page(desk: Desk) -> None:
    await put(desk, *(event(f"evt_{number:03}") for number in range(51)))
    await desk.sign_in()

    first = await desk.get("/ops/events?status=pending")
    link = first.text.split('rel="next"', maxsplit=1)[0].rpartition('href="')[2].split('"')[0]
    second = await desk.get(link.replace("&amp;", "&"))

    shown = [first.text.count('data-label="Event"'), second.text.count('data-label="Event"')]
    assert [50, 1] == shown
    assert "First page" in said(second)
    assert "status=pending" in link


async def test_a_dead_letter_shows_why_it_is_dead_as_text(desk: Desk) -> None:
    await put(desk, dead("evt_dead"))
    await desk.sign_in()

    page = await desk.get("/ops/events/evt_dead")

    assert "KeyError: &lt;balance&gt;" in page.text


async def test_a_dead_letter_begins_anew(desk: Desk) -> None:
    await put(desk, dead("evt_1"))
    await desk.sign_in(Role.SUPPORT)

    answer = await desk.send("/ops/events/evt_1/replay", at="/ops/events/evt_1")

    assert "/ops/events/evt_1?done=event-replayed" == answer.headers["Location"]
    assert [InboxStatus.PENDING] == await statuses(desk, "evt_1")
    assert "The event begins anew" in said(await desk.get(answer.headers["Location"]))


async def test_the_chosen_dead_letters_begin_anew_and_the_others_stay(desk: Desk) -> None:
    await put(desk, dead("evt_1"), dead("evt_2"), dead("evt_3"))
    await desk.sign_in(Role.SUPPORT)

    answer = await desk.send("/ops/events/replay", {"id": ["evt_1", "evt_3"]}, at="/ops/events")

    assert 303 == answer.status_code
    assert [InboxStatus.PENDING, InboxStatus.DEAD, InboxStatus.PENDING] == await statuses(
        desk, "evt_1", "evt_2", "evt_3"
    )


async def test_an_event_of_the_other_mode_is_not_replayed_and_the_page_says_why(
    desk: Desk,
) -> None:
    other = event("evt_live").ignore(WRONG_MODE, now=event().updated_at)
    await put(desk, other, dead("evt_1"))
    await desk.sign_in(Role.SUPPORT)

    answer = await desk.send("/ops/events/replay", {"id": ["evt_live", "evt_1"]})

    assert 409 == answer.status_code
    assert "1 of 2 begin anew. Not these: evt_live: An event of the other mode" in said(answer)
    assert [InboxStatus.IGNORED, InboxStatus.PENDING] == await statuses(desk, "evt_live", "evt_1")


async def test_one_of_the_other_mode_is_not_offered_to_be_replayed(desk: Desk) -> None:
    await put(desk, event("evt_live").ignore(WRONG_MODE, now=event().updated_at))
    await desk.sign_in(Role.SUPPORT)

    page = await desk.get("/ops/events/evt_live")

    assert "/replay" not in page.text


@pytest.mark.parametrize("ids", [[], [f"evt_{number}" for number in range(51)]])
async def test_as_many_events_are_replayed_at_once_as_a_page_shows(
    desk: Desk, ids: list[str]
) -> None:
    await desk.sign_in(Role.SUPPORT)

    answer = await desk.send("/ops/events/replay", {"id": ids})

    assert 400 == answer.status_code


async def test_an_event_that_is_sealed_under_a_lost_key_is_not_shown(desk: Desk) -> None:
    await put(desk, attrs.evolve(event("evt_1", payload='{"sealed": "x"}'), is_readable=False))
    await desk.sign_in()

    page = await desk.get("/ops/events/evt_1")

    assert "sealed with a key that is not known here" in said(page)


# --- deliveries ------------------------------------------------------------------------------


async def deliveries(desk: Desk) -> list[tuple[str, DeliveryStatus]]:
    page = await desk.world.container.delivery_queries().deliveries()
    return [(each.delivery.message_id, each.delivery.status) for each in page.items]


async def skipped(desk: Desk) -> list[str]:
    """Let something happen that the storefront is told, and let nobody be told of it."""
    await desk.world.register()
    started = await desk.world.charge()
    desk.world.pay(started)
    await desk.world.confirm(started.payment)
    desk.world.clock.advance(hours=1)
    transactions, now = desk.world.container.store().transactions, desk.world.clock.now()
    await transactions.run(lambda tx: tx.deliveries.skip_older(now, now=now, limit=9))
    return [message for message, _ in await deliveries(desk)]


async def test_the_deliveries_are_listed_with_their_state(desk: Desk) -> None:
    ids = await skipped(desk)
    await desk.sign_in()

    page = await desk.get("/ops/deliveries?status=skipped")

    assert ids
    assert all(each in page.text for each in ids)
    assert "MARKETHUB_OUT_WEBHOOK_URL is not set" in said(page)


async def test_the_chosen_deliveries_are_sent_again(desk: Desk) -> None:
    first, *others = await skipped(desk)
    await desk.sign_in(Role.SUPPORT)

    answer = await desk.send("/ops/deliveries/replay", {"id": first}, at="/ops/deliveries")

    assert "/ops/deliveries?done=deliveries-replayed" == answer.headers["Location"]
    expected = [
        (first, DeliveryStatus.PENDING),
        *((each, DeliveryStatus.SKIPPED) for each in others),
    ]
    assert expected == await deliveries(desk)


async def test_an_unknown_delivery_is_a_sentence_on_the_list(desk: Desk) -> None:
    await desk.sign_in(Role.SUPPORT)

    answer = await desk.send("/ops/deliveries/replay", {"id": "msg_7_00"})

    assert 404 == answer.status_code
    assert "No such delivery: msg_7_00." in said(answer)


# --- saved methods ---------------------------------------------------------------------------


async def test_a_customer_is_found_by_their_number(desk: Desk) -> None:
    await desk.sign_in()

    answer = await desk.get("/ops/customers?id=c-1")

    assert "/ops/customers/c-1" == answer.headers["Location"]


async def test_what_is_no_customers_number_is_said_beside_the_field(desk: Desk) -> None:
    await desk.sign_in()

    page = await desk.get("/ops/customers?id=c+1")

    assert 400 == page.status_code
    assert 'value="c 1"' in page.text


async def test_a_saved_card_shows_what_may_be_shown_of_it(desk: Desk) -> None:
    await desk.world.save_card()
    await desk.sign_in()

    page = await desk.get("/ops/customers/c-1")

    assert "visa ending in 4242 default Expires" in said(page)
    assert "pm_" not in page.text


async def test_a_method_is_removed_after_a_question(desk: Desk) -> None:
    method = await desk.world.save_card()
    await desk.sign_in(Role.SUPPORT)
    path = f"/ops/customers/c-1/methods/{method.id}/remove"

    question = await desk.get(path)
    answer = await desk.send(path, at=path)

    assert "Remove this payment method?" in said(question)
    assert "/ops/customers/c-1?done=method-removed" == answer.headers["Location"]
    assert [] == await desk.world.container.queries().methods(CustomerId("c-1"))


async def test_a_removal_that_is_sent_twice_says_that_it_is_gone(desk: Desk) -> None:
    method = await desk.world.save_card()
    await desk.sign_in(Role.SUPPORT)
    path = f"/ops/customers/c-1/methods/{method.id}/remove"

    first, second = await desk.send(path), await desk.send(path)

    assert (303, 404) == (first.status_code, second.status_code)
    assert "No such payment method." in said(second)


@pytest.mark.parametrize("act", ["remove", "default"])
async def test_a_method_is_changed_under_its_own_customer_only(desk: Desk, act: str) -> None:
    method = await desk.world.save_card()
    await desk.sign_in(Role.SUPPORT)

    answer = await desk.send(f"/ops/customers/c-2/methods/{method.id}/{act}")

    assert 404 == answer.status_code
    assert [method] == await desk.world.container.queries().methods(CustomerId("c-1"))
