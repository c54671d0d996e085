"""What a page does besides what it shows: its console, its errors, whom it asks."""

from urllib.parse import urlsplit

import attrs
from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

_INSIDE = frozenset({"data", "blob", "about"})


@attrs.define(slots=False)  # Playwright notes its own on the methods that it calls
class Watch:
    """Notes what no page of ours may do.

    A page that is refused something on purpose says so in the console ("Failed to load
    resource: ... 402"): a test announces the part of such a message that it expects.
    """

    origin: str
    found: list[str] = attrs.field(factory=list)
    _expected: list[str] = attrs.field(factory=list)

    def over(self, context: BrowserContext) -> None:
        """Look at all pages of ``context``."""
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)

    def expect_in_console(self, text: str) -> None:
        """Let messages pass that contain ``text``."""
        self._expected.append(text)

    def assert_nothing_found(self) -> None:
        """Fail on errors and warnings of the console, uncaught errors and foreign requests."""
        assert [] == self.found

    def _console(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning", "assert"}:
            return
        if not any(text in message.text for text in self._expected):
            self.found.append(f"console {message.type}: {message.text}")

    def _error(self, error: WebError) -> None:
        self.found.append(f"uncaught: {error.error}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in _INSIDE and f"{parts.scheme}://{parts.netloc}" != self.origin:
            self.found.append(f"request to another host: {request.url}")
