"""HTTP as the server speaks it, with a limit and a deadline for whatever a client sends or leaves.

uvicorn waits for the head of a request, for its body and for a reader of the answer as long as the
other side likes, and its fast parser keeps a head of any size in memory. A client that sends a byte
a minute, opens connections and says nothing, or never reads, would hold them all. Here

* the head (request line and headers, trailers too) has at most `MAX_HEAD` bytes: 431;
* it has to be there `HEAD_S` seconds after the connection or its first byte: 408;
* of a body at least `BODY_BYTES` have to come every `BODY_S` seconds, while it is wanted: 408;
* an answer that is not taken for `WRITE_S` seconds is given up;
* what is no HTTP is told so as a problem, like the rest: 400.

A whole request that comes in one piece costs no timer.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

log = structlog.get_logger(__name__)


class GuardedProtocol(HttpToolsProtocol):
    """One connection."""

    MAX_HEAD = 64 << 10
    HEAD_S = 10.0
    BODY_S = 30.0
    BODY_BYTES = 1024
    WRITE_S = 60.0

    def __init__(self, *given: Any, **named: Any) -> None:
        """Take what the server gives."""
        super().__init__(*given, **named)
        self._in_body = False
        self._begun = False
        self._too_large = False
        self._fed = 0
        """Bytes of the present head, or of the present piece between two pieces of a body."""
        self._came = 0
        """Bytes of the body since the clock began."""
        self._clock: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    # --- what the transport calls ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._clock = self.loop.call_later(self.HEAD_S, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._stop_clock()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request, or of many."""
        self._fed += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._too_large or ((self._begun or self._in_body) and self._fed > self.MAX_HEAD):
            told = f"A head may have {self.MAX_HEAD} bytes. Send fewer or shorter headers."
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, told)
        elif self._clock is None:
            if self._in_body:
                self._came = 0
                self._clock = self.loop.call_later(self.BODY_S, self._look_at_body)
            elif self._begun or self.cycle is None or self.cycle.response_complete:
                self._clock = self.loop.call_later(self.HEAD_S, self._head_is_late)

    def pause_writing(self) -> None:
        """Begin to wait for the client to take what was written."""
        super().pause_writing()
        if self._writing is None:
            self._writing = self.loop.call_later(self.WRITE_S, self._give_up)

    def resume_writing(self) -> None:
        """Go on: the client takes what is written."""
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
        super().resume_writing()

    # --- what the parser calls -------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._begun, self._in_body = True, False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or a trailer behind the body."""
        super().on_header(name, value)
        if self._in_body:
            self._check_head()

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the head is too large."""
        self._check_head()
        if self._too_large:
            return
        self._stop_clock()
        self._begun, self._in_body = False, True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self._too_large:
            return
        self._fed = 0
        self._came += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request: what comes next is another."""
        if self._too_large:
            return
        self._stop_clock()
        self._in_body, self._fed = False, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; the parser does not say why."""
        told = (
            "These bytes are no HTTP/1.1 request. Send a request line, headers without control "
            "characters and one statement of the body's length: Content-Length or chunks."
        )
        self._refuse(HTTPStatus.BAD_REQUEST, told)

    # --- deadlines -------------------------------------------------------------------------------

    def _check_head(self) -> None:
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        self._too_large = self._too_large or size > self.MAX_HEAD

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _head_is_late(self) -> None:
        self._clock = None
        if self._begun:
            told = f"The head of a request has to be there within {self.HEAD_S:g} s."
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, told)
        elif not self.transport.is_closing():
            self.transport.close()

    def _look_at_body(self) -> None:
        self._clock = None
        # Nothing can come while the service does not read, for it has enough to do for now.
        if self._came >= self.BODY_BYTES or self.flow.read_paused:
            self._came = 0
            self._clock = self.loop.call_later(self.BODY_S, self._look_at_body)
            return
        told = f"Of a body at least {self.BODY_BYTES} bytes have to come every {self.BODY_S:g} s."
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, told)

    def _give_up(self) -> None:
        self._writing = None
        log.info("connection.given-up", reason="the answer is not read", client=self.client)
        self.transport.abort()

    def _refuse(self, status: HTTPStatus, told: str) -> None:
        """Say why, unless an answer is on its way, and hang up."""
        self._stop_clock()
        if self.transport.is_closing():
            return
        log.info("connection.refused", status=status.value, client=self.client)
        answering = self.cycle is not None and not self.cycle.response_complete
        if not answering or not self.cycle.response_started:
            body = orjson.dumps(
                {"type": "about:blank", "title": status.phrase, "status": status, "detail": told}
            )
            lines = [
                STATUS_LINE[status],
                b"content-type: application/problem+json\r\n",
                b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body),
                body,
            ]
            self.transport.write(b"".join(lines))
        self.transport.close()
