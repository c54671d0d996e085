"""A browser for tests: one Chromium per process, a fresh context and server for each test.

A test takes ``page`` (and ``server``, ``watch``, ``axe``, ``fits_a_phone`` as it needs) and is a
plain function in Playwright's synchronous style. Where no browser is, it is skipped. Fixtures of
these tests may use the browser before their ``yield``; after it they run on another thread.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import pytest
from _pytest.fixtures import pytest_fixture_setup as set_up_fixture
from playwright.sync_api import BrowserContext, Page

from tests.browser import looks
from tests.browser.chromium import START_S_MAXIMUM, BrowserThread, find_browser
from tests.browser.server import Server, serving
from tests.browser.watch import Watch

TEST_S_MAXIMUM: Final = 60.0
"""Seconds after which a test in the browser is given up."""
STEP_MS_MAXIMUM: Final = 10_000.0
"""Milliseconds that one step in the browser may take; far more than any does."""


@pytest.fixture(scope="session")
def browser_thread() -> Iterator[BrowserThread]:
    if find_browser() is None:
        pytest.skip("no Chromium is installed (Debian: apt install chromium)")
    thread = BrowserThread()
    yield thread
    thread.stop()


@pytest.fixture
def server() -> Iterator[Server]:
    """A server with the fake gateway and an empty shop in memory."""
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Server]:
    """A server that is not empty any more, for tests whose customers are all somebody new."""
    with serving() as server:
        yield server


@pytest.fixture
def watch(server: Server) -> Watch:
    """What the test's pages did; the test fails afterwards if they did what they must not."""
    return Watch(server.url)


@pytest.fixture
def context(
    browser_thread: BrowserThread, server: Server, watch: Watch
) -> Iterator[BrowserContext]:
    """A browser without a past, on a desktop, to which relative addresses are the server's."""

    def opened() -> BrowserContext:
        context = browser_thread.browser().new_context(
            base_url=server.url,
            viewport={"width": 1280, "height": 800},
            locale="en-US",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        context.set_default_timeout(STEP_MS_MAXIMUM)
        watch.over(context)
        return context

    context = browser_thread.do(opened, within_s=START_S_MAXIMUM)
    yield context
    browser_thread.do(context.close, within_s=START_S_MAXIMUM)
    watch.assert_nothing_found()


@pytest.fixture
def page(browser_thread: BrowserThread, context: BrowserContext) -> Page:
    """An empty page."""
    return browser_thread.do(context.new_page, within_s=START_S_MAXIMUM)


@pytest.fixture
def axe() -> Callable[[Page], None]:
    """``axe(page)`` fails on serious and critical violations, in light and in dark."""
    return looks.assert_accessible


@pytest.fixture
def fits_a_phone() -> Callable[[Page], None]:
    """``fits_a_phone(page)`` fails if anything is cut or the page scrolls sideways at 360 px."""
    return looks.assert_fits_a_phone


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> object | None:
    """Make the fixtures of these tests on the browser's thread, too."""
    if fixturedef.scope != "function" or not fixturedef.func.__module__.startswith(__package__):
        return None
    thread: BrowserThread = request.getfixturevalue("browser_thread")
    made: object = thread.do(
        partial(set_up_fixture, fixturedef, request),  # type: ignore[arg-type]  # a subclass
        within_s=TEST_S_MAXIMUM,
    )
    return made


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object | None:
    """Run a test that looks through the browser on the browser's thread."""
    thread = pyfuncitem.funcargs.get("browser_thread")
    if not isinstance(thread, BrowserThread):
        return None
    # As pytest's own hook does: the test's arguments, without the fixtures that it only uses.
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    thread.do(partial(pyfuncitem.obj, **arguments), within_s=TEST_S_MAXIMUM)
    return True
