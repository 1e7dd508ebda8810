"""What one connection may take: the size of a request's head, how many requests wait, and time.

What is refused here never reaches the application; a problem document says why.
"""

import asyncio
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.errors import HeadersTooLarge, MalformedRequest, RequestTimeout, TfgateError
from serving.gateway.problems import problem_response
from serving.gateway.telemetry import metrics

_LINGER_SECONDS = 1
_MAX_PATH = 200
_MAX_PIPELINED = 8  # requests sent ahead, while the first of them is at work
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)


@dataclass(frozen=True)
class ConnectionLimits:
    """How large a request's line and headers may be together, and how long a client may dawdle.

    `seconds` are for a whole head to arrive, and for an answer to be taken bit by bit.
    """

    max_head_bytes: int
    seconds: float


class BoundedConnection(HttpToolsProtocol):
    """uvicorn's protocol, which by itself takes any number of bytes and waits for ever."""

    def __init__(self, *args: Any, limits: ConnectionLimits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._inside_message = self._inside_head = False
        self._head_bytes = 0  # that have come since the last byte that was of a body
        self._reading = _Timer(self.loop, limits.seconds, self._read_for_too_long)
        self._writing = _Timer(self.loop, limits.seconds, self._abort)
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection; until a first byte comes, it is idle, as between two requests."""
        super().connection_made(transport)
        self._begin_idleness()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave nothing behind; uvicorn's own timer stays when a connection is reset."""
        self._reading.stop()
        self._writing.stop()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take the next bytes of a request, unless one was refused before."""
        if self._refused:
            return
        self._head_bytes = len(data) + (self._head_bytes if self._inside_message else 0)
        if b"pgrade" in data and (self.cycle is None or not self.cycle.more_body):
            data = _without_upgrade(data)
        super().data_received(data)
        if self._refused:
            return
        # Behind a body come trailers, which nobody reads, but the parser would keep.
        if self._inside_message and self._head_bytes > self._limits.max_head_bytes:
            self._refuse(self._too_large())
        # Any byte has ended the idleness, also one that belongs to no request at work.
        elif self._inside_head or not self._is_at_work():
            self._reading.start()

    def pause_writing(self) -> None:
        """Wait for the client to take what it was sent, but not for ever."""
        super().pause_writing()
        self._writing.start()

    def resume_writing(self) -> None:
        """Go on: the client has taken it."""
        super().resume_writing()
        self._writing.stop()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._inside_message = self._inside_head = True
        self._reading.stop()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; those that follow a body come too late to mean anything."""
        if self._inside_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let the application have the request, if its head is not too large."""
        self._inside_head = False
        self._reading.stop()
        received, self._head_bytes = self._head_bytes, 0
        # Counted only where so much has come together that it may be; the body may be part of it.
        if received > self._limits.max_head_bytes and self._size() > self._limits.max_head_bytes:
            self._refuse_and_stop(self._too_large())
        if len(self.pipeline) >= _MAX_PIPELINED:
            message = f"more than {_MAX_PIPELINED} requests were sent ahead of their answers"
            self._refuse_and_stop(MalformedRequest(message))
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body, which is not for this class to bound."""
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; if it has been answered already, the connection is idle from now on."""
        self._inside_message = False
        super().on_message_complete()
        if not self._is_at_work():
            self._reading.stop()
            self._begin_idleness()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser could not read; what was raised while it read ends here, too."""
        if not self._refused:
            self._refuse(MalformedRequest(f"no HTTP/1.1 request can be read: {msg}"))

    def _is_at_work(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _begin_idleness(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _too_large(self) -> HeadersTooLarge:
        limit = f"{self._limits.max_head_bytes:,}"
        return HeadersTooLarge(f"the request's line and headers have more than {limit} bytes")

    def _read_for_too_long(self) -> None:
        if self._is_at_work():
            # The next request on a connection whose last one is not answered yet.
            self._reading.start()
        elif self._inside_head:
            message = f"no complete headers had arrived after {self._limits.seconds:g} seconds"
            self._refuse(RequestTimeout(message))
        else:
            self.transport.close()

    def _abort(self) -> None:
        self.transport.abort()

    def _refuse_and_stop(self, error: TfgateError) -> None:
        """Refuse a request from within the parser, which nothing but an exception stops."""
        self._refuse(error)
        raise error

    def _refuse(self, error: TfgateError) -> None:
        """Answer, and go on taking what still comes for a moment.

        A socket that is closed while there is something to read is reset, and the answer with it.
        """
        self._refused = True
        self._reading.stop()
        metrics.REFUSED_HEADS.labels(error.code).inc()
        if self._is_at_work():
            if self.pipeline or not self.cycle.more_body:
                # Answers are given in order: those to the requests before, and then the end.
                self.cycle.keep_alive = False
                return
            # It is this request's body that cannot be read: nobody shall answer it twice.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        path = getattr(self, "url", b"")[:_MAX_PATH].decode("ascii", "replace")
        response = problem_response(error, path=path, request_id=f"{random.getrandbits(128):032x}")
        self.transport.write(_message(response.status_code, response.raw_headers, response.body))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)


class _Timer:
    """Does something once, some time after it was first started, unless it was stopped."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, act: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._act = act
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if self._handle is None:
            self._handle = self._loop.call_later(self._seconds, self._end)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _end(self) -> None:
        self._handle = None
        self._act()


def _without_upgrade(data: bytes) -> bytes:
    """Rename the header by which a client offers another protocol, such as Java's offers HTTP/2.

    Whoever does not switch answers as if it were not there (RFC 9110, 7.8); but the parser takes
    the body for the beginning of the other protocol.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nx-upgrade:", head) + end + rest


def _message(status: int, headers: list[tuple[bytes, bytes]], body: bytes | memoryview) -> bytes:
    lines = [b": ".join(header) for header in headers if header[0] != b"connection"]
    head = [b"HTTP/1.1 %d " % status, *lines, b"connection: close", b"", b""]
    return b"\r\n".join(head) + bytes(body)
