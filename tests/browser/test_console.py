"""The console in a real browser: signing in, roles, the keyboard, what a page may not do."""

from collections.abc import Callable

import attrs
import pytest
from playwright.sync_api import Page, expect

from markethub.domain.ids import CustomerId, EventId
from markethub.domain.inbox_event import InboxEvent, InboxStatus
from markethub.entrypoints.setting_values import Role
from tests.browser.server import OPS_SECRETS, Server
from tests.browser.watch import Watch
from tests.support.console import SESSION
from tests.support.stores import event, put, receive, saved_method


@pytest.fixture
def sign_in(page: Page) -> Callable[[Role], None]:
    def sign_in(role: Role) -> None:
        page.goto("/ops/sign-in?next=/ops/events")
        page.get_by_label("Your ops key").fill(OPS_SECRETS[role])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Inbox")).to_be_visible()

    return sign_in


@pytest.fixture
def shop(server: Server) -> Server:
    """A server that has been told something, not all of which it could take."""
    now = server.container.clock().now()
    failed = event("evt_dead", now=now).fail("KeyError", error="KeyError: balance", now=now)
    dead = attrs.evolve(failed, failures=12).bury("KeyError", now=now)
    fine = event("evt_fine", now=now).process(now=now)
    store = server.container.store()
    server.run(receive(store, [dead, fine, event("evt_odd", now=now).ignore("foreign", now=now)]))
    first = attrs.evolve(saved_method("mth_1", now=now), is_default=True)
    server.run(put(store, first, saved_method("mth_2", now=now)))
    return server


def status(server: Server, id: str) -> InboxStatus:
    found = server.run(server.container.inbox_queries().event(EventId(id)))
    assert isinstance(found, InboxEvent)
    return found.status


def test_a_key_signs_in_and_out_again(
    page: Page, sign_in: Callable[[Role], None], axe: Callable[[Page], None]
) -> None:
    page.goto("/ops/audit")
    axe(page)

    sign_in(Role.VIEWER)
    kept = [each for each in page.context.cookies() if each.get("name") == SESSION]
    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("status")).to_have_text("You are signed out.")
    assert [(True, True, "Strict", "/")] == [
        (each.get("secure"), each.get("httpOnly"), each.get("sameSite"), each.get("path"))
        for each in kept
    ]
    assert [] == [each for each in page.context.cookies() if each.get("name") == SESSION]


def test_after_signing_out_the_way_back_shows_nothing(
    page: Page, sign_in: Callable[[Role], None]
) -> None:
    sign_in(Role.VIEWER)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/ops/sign-in**")

    page.go_back()

    expect(page.get_by_label("Your ops key")).to_be_visible()


def test_a_wrong_key_is_refused_in_a_sentence(page: Page, watch: Watch) -> None:
    page.goto("/ops/sign-in")
    page.get_by_label("Your ops key").fill("wrong")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_have_text("No key of the staff is that one.")
    watch.found.clear()  # The browser reports each answer of 401 as an error.


def test_dead_letters_are_chosen_and_replayed(
    page: Page, shop: Server, sign_in: Callable[[Role], None]
) -> None:
    sign_in(Role.SUPPORT)
    page.get_by_label("Status").select_option("dead")
    expect(page.get_by_text("evt_fine")).to_have_count(0)
    button = page.get_by_role("button", name="Replay")
    expect(button).to_be_disabled()

    page.get_by_label("Select all on this page").check()
    expect(button).to_have_text("Replay 1 selected")
    button.click()

    expect(page.get_by_role("status")).to_contain_text("begin anew")
    assert InboxStatus.DEAD is not status(shop, "evt_dead")


def test_the_filter_is_in_the_address_and_the_way_back_undoes_it(
    page: Page, shop: Server, sign_in: Callable[[Role], None]
) -> None:
    sign_in(Role.VIEWER)
    page.get_by_label("Status").select_option("dead")
    page.wait_for_url("**/ops/events?status=dead**")
    expect(page.get_by_text("evt_fine")).to_have_count(0)

    page.go_back()

    expect(page.get_by_text("evt_fine")).to_be_visible()


def test_the_keyboard_alone_removes_a_method(
    page: Page, shop: Server, sign_in: Callable[[Role], None]
) -> None:
    sign_in(Role.SUPPORT)
    page.goto("/ops/customers/c-1")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")

    def focused() -> str:
        return str(page.evaluate("document.activeElement.textContent.trim()"))

    for _ in range(12):
        page.keyboard.press("Tab")
        if focused() == "Remove":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/remove")
    page.get_by_label("Why").focus()
    page.keyboard.type("lost card")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status")).to_contain_text("is removed")
    left = shop.run(shop.container.queries().methods(CustomerId("c-1")))
    assert ["mth_2"] == [method.id for method in left]


def test_a_viewer_is_offered_nothing_to_do_and_refused_what_they_try(
    page: Page, shop: Server, sign_in: Callable[[Role], None], watch: Watch
) -> None:
    sign_in(Role.VIEWER)
    expect(page.get_by_role("button", name="Replay")).to_have_count(0)
    page.goto("/ops/events/evt_dead")
    expect(page.get_by_role("button", name="Replay")).to_have_count(0)

    page.evaluate(
        "() => { const form = document.querySelector('.who');"
        " form.action = '/ops/events/evt_dead/replay'; form.submit(); }"
    )

    expect(page.get_by_role("heading")).to_have_text("This is not yours to do")
    assert InboxStatus.DEAD is status(shop, "evt_dead")
    watch.found.clear()  # The browser reports each answer of 403 as an error.


def test_a_script_that_gets_into_a_page_does_not_run(
    page: Page, sign_in: Callable[[Role], None], watch: Watch
) -> None:
    sign_in(Role.VIEWER)

    page.evaluate(
        "() => { const script = document.createElement('script');"
        " script.textContent = 'window.ran = true'; document.body.append(script);"
        " const image = document.createElement('div');"
        " image.innerHTML = '<img src=/ops/none onerror=\"window.ran = true\">';"
        " document.body.append(image); }"
    )

    page.wait_for_timeout(100)
    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in each for each in watch.found)
    watch.found.clear()
