"""One headless Chromium, and the one thread that Playwright's objects live in.

Playwright's synchronous calls run an event loop of their own on the thread that they are made
from, and no second loop could run there. So the browser has a thread to itself, on which
the tests that look through it run as well. Whatever hangs in it ends a test, never the suite.
"""

import queue
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from playwright.sync_api import Browser, Playwright, sync_playwright

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS: Final = (
    "--no-sandbox",  # Chromium refuses root a sandbox, and the pages are our own.
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No name is resolved: what a page asks of another host is seen, and never leaves.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
START_S_MAXIMUM: Final = 60.0
"""Seconds for the driver and the browser to start on a busy machine."""

_T = TypeVar("_T")


class BrowserHung(Exception):
    """The browser did not do in time what it was asked to; it is not asked again."""


def find_browser() -> str | None:
    """Return the path of an installed Chromium, or None."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


class BrowserThread:
    """A thread that does one thing after the other, and a browser that lives in it."""

    def __init__(self) -> None:
        self._todo: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._hung = False
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        # A daemon: a browser that hangs for ever does not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name="browser", daemon=True)
        self._thread.start()

    def do(self, act: Callable[[], _T], *, within_s: float) -> _T:
        """Let the thread do it. Raises what it raises, and BrowserHung after ``within_s``."""
        if self._hung:
            raise BrowserHung("the browser hung in an earlier test")
        done: Future[_T] = Future()

        def work() -> None:
            try:
                result = act()
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                done.set_exception(error)
            else:
                done.set_result(result)

        self._todo.put(work)
        try:
            return done.result(timeout=within_s)
        except TimeoutError:
            if done.done():
                raise
            self._hung = True
            raise BrowserHung(f"the browser was not done within {within_s:g} s") from None

    def browser(self) -> Browser:
        """Return the browser, started when it is first asked for. Only for this thread."""
        if self._browser is None:
            self._playwright = sync_playwright().start()
            self._browser = self._playwright.chromium.launch(
                executable_path=find_browser(), args=list(_ARGUMENTS)
            )
        return self._browser

    def stop(self) -> None:
        """Close the browser and end the thread, unless it hangs: then it ends with the process."""
        if self._hung:
            return
        self.do(self._close, within_s=START_S_MAXIMUM)
        self._todo.put(None)
        self._thread.join(START_S_MAXIMUM)

    def _close(self) -> None:
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()

    def _work(self) -> None:
        while (act := self._todo.get()) is not None:
            act()


def call(function: Callable[..., Any], arguments: dict[str, Any]) -> Callable[[], Any]:
    """Return the call, to be made later."""
    return lambda: function(**arguments)
