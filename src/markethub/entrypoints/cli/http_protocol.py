"""uvicorn's HTTP/1.1, with an end to its patience.

uvicorn waits for ever for the rest of a request, and takes a head of any length. Here both have
a limit, so that slow or endless requests cannot fill the server.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAXIMUM: Final = 32 * 1024
"""Bytes of request line and headers after the first piece; as much as nginx gives by default."""
RECEIVE_S_MAXIMUM: Final = 30.0
"""Seconds for one whole request to arrive, from the connection's or its own first byte."""


class ImpatientHttp(HttpToolsProtocol):
    """Closes a connection whose request is too long in its head, or too long under way."""

    receive_s_maximum = RECEIVE_S_MAXIMUM

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's own, passed on
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._in_head = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows it to TCP
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request."""
        if self._deadline is None:
            self._expect_request()
        was_in_head = self._in_head
        super().data_received(data)
        # The piece in which a head begins may hold a whole request before it: it is not counted.
        if was_in_head and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAXIMUM and not self.transport.is_closing():
                self.send_400_response("The request's head is too long.")

    def on_message_begin(self) -> None:
        """Begin with a head."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Go on to the body."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is here as a whole; uvicorn's own keep-alive timer takes over."""
        self._stop_waiting()
        super().on_message_complete()

    def _expect_request(self) -> None:
        self._deadline = self.loop.call_later(self.receive_s_maximum, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self.logger.info("A request took too long to arrive.")
        self.transport.close()
