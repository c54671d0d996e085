"""The guards around the browser tests bite: each finds what it is there to find."""

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route

from tests.browser.chromium import BrowserHung, BrowserThread
from tests.browser.server import Server
from tests.browser.watch import Watch

GOOD = "<h1>A page</h1><p>Nothing is wrong with it.</p>"


@pytest.fixture
def show(page: Page, server: Server) -> Callable[[str], None]:
    """Show a page of this body instead of the server's."""

    def show(body: str) -> None:
        def answer(route: Route) -> None:
            head = '<title>Page</title><link rel="icon" href="data:,">'
            html = f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'
            route.fulfill(content_type="text/html", body=html)

        page.route(f"{server.url}/page", answer)
        page.goto("/page")

    return show


@pytest.fixture
def found(watch: Watch, context: object) -> Iterator[list[str]]:
    """What the watch found, which is no fault in these tests."""
    yield watch.found
    watch.found.clear()


def test_a_page_of_the_server_is_shown(page: Page) -> None:
    answer = page.goto("/health/live")

    assert answer is not None
    assert 200 == answer.status


def test_the_console_is_listened_to(
    page: Page, show: Callable[[str], None], found: list[str]
) -> None:
    show(f"{GOOD}<script>console.error('broken'); console.log('fine')</script>")

    assert ["console error: broken"] == found


def test_an_error_that_nobody_catches_is_seen(
    page: Page, show: Callable[[str], None], found: list[str]
) -> None:
    show(f"{GOOD}<script>throw new Error('oops')</script>")

    assert ["oops" in each for each in found] == [True]


def test_a_request_to_another_host_is_seen_and_goes_nowhere(
    page: Page, show: Callable[[str], None], found: list[str]
) -> None:
    with page.expect_event("requestfailed"):
        show(f'{GOOD}<img alt="" src="http://elsewhere.example/pixel.png">')

    assert "request to another host: http://elsewhere.example/pixel.png" in found


def test_a_message_that_was_announced_passes(
    page: Page, show: Callable[[str], None], watch: Watch
) -> None:
    watch.expect_in_console("402")
    show(f"{GOOD}<script>console.error('status of 402')</script>")

    watch.assert_nothing_found()


def test_a_good_page_passes(
    page: Page,
    show: Callable[[str], None],
    axe: Callable[[Page], None],
    fits_a_phone: Callable[[Page], None],
) -> None:
    show(GOOD)

    axe(page)
    fits_a_phone(page)


@pytest.mark.parametrize(
    "body",
    [
        '<input type="text">',
        "<style>p { color: #ccc; background: #fff }</style><p>Hardly to be read.</p>",
        "<style>@media (prefers-color-scheme: dark) { p { background: #222 } }</style><p>Dim.",
        '<iframe title="inside" srcdoc="<input>"></iframe>',
    ],
)
def test_what_some_people_cannot_use_is_found(
    page: Page, show: Callable[[str], None], axe: Callable[[Page], None], body: str
) -> None:
    show(f"<main>{GOOD}{body}</main>")

    with pytest.raises(AssertionError):
        axe(page)


@pytest.mark.parametrize(
    "body",
    [
        '<p style="width: 500px">wide</p>',
        '<body style="overflow-x: hidden"><p style="width: 500px">cut by the page</p>',
        '<p style="width: 90px; overflow: hidden; white-space: nowrap">cut by its own box</p>',
    ],
)
def test_what_does_not_fit_a_phone_is_found(
    page: Page, show: Callable[[str], None], fits_a_phone: Callable[[Page], None], body: str
) -> None:
    show(f"{GOOD}{body}")

    with pytest.raises(AssertionError):
        fits_a_phone(page)


def test_a_wide_table_may_scroll_in_its_own_box(
    page: Page, show: Callable[[str], None], fits_a_phone: Callable[[Page], None]
) -> None:
    show(f'{GOOD}<div style="overflow-x: auto"><div style="width: 900px">wide</div></div>')

    fits_a_phone(page)


def test_a_browser_that_hangs_ends_a_test_and_is_not_asked_again() -> None:
    thread = BrowserThread()

    with pytest.raises(BrowserHung, match=r"within 0\.01 s"):
        thread.do(lambda: time.sleep(0.5), within_s=0.01)
    with pytest.raises(BrowserHung, match="earlier test"):
        thread.do(lambda: None, within_s=10)
    thread.stop()
