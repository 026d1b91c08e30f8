"""HTTP/1.1 of one connection: Uvicorn's, with bounds on what a client may keep open.

A request's headers have a deadline and a size; so has what a client goes on sending after its
answer. Idle connections between requests are bounded by Uvicorn's own `timeout_keep_alive`. What is
wrong with a client's bytes is logged once in a while, however often it comes.
"""

import asyncio
import logging
import time
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_LARGEST_HEAD = 64 << 10  # Bytes of a request's first line and headers.
_QUIET = 10.0  # Seconds between two lines of the same text.


class Seldom(logging.Filter):
    """Lets each text through once in ten seconds, with the number of those held back."""

    def __init__(self):
        super().__init__()
        self._last: dict[str, float] = {}
        self._held: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is shown."""
        if record.exc_info:  # A defect of ours.
            return True
        text, now = str(record.msg), time.monotonic()
        if now - self._last.get(text, -_QUIET) < _QUIET:
            self._held[text] = self._held.get(text, 0) + 1
            return False
        self._last[text] = now
        held = self._held.pop(text, 0)
        if held:
            record.msg = f"{text} ({held} more of these since the last such line)"
        return True


log = logging.getLogger(__name__)
log.addFilter(Seldom())


def bounded(read_seconds: float) -> type[HttpToolsProtocol]:
    """The protocol class for a server.

    Args:
        read_seconds: For the headers of a request, and for what comes after an answer; 0: no limit.
    """

    class Bounded(HttpToolsProtocol):
        def __init__(self, *arguments: Any, **named: Any):
            super().__init__(*arguments, **named)
            self.logger = log
            self._timer: asyncio.TimerHandle | None = None
            self._head = 0  # Bytes of a request whose headers are not complete.
            self._is_whole = True  # Whether the last request has come to its end.

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._heard()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            is_head = self._is_whole
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                return
            self._wait()  # For the rest of the headers, or the end of what nobody reads.
            if is_head:
                self._head += len(data)
                if self._head > _LARGEST_HEAD and not self.transport.is_closing():
                    log.warning("The headers of a request are longer than %d bytes.", _LARGEST_HEAD)
                    self.send_400_response(f"Headers of more than {_LARGEST_HEAD} bytes.")

        def on_headers_complete(self) -> None:
            self._heard()
            self._is_whole = False
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self._is_whole = True
            super().on_message_complete()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if not self._is_whole:
                self._wait()

        def _wait(self):
            if self._timer is None and read_seconds and not self.transport.is_closing():
                self._timer = self.loop.call_later(read_seconds, self._late)

        def _heard(self):
            self._head = 0
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _late(self):
            self._timer = None
            if not self.transport.is_closing():
                log.info("Closed a connection whose request did not come to its end in time.")
                self.transport.close()

    return Bounded
