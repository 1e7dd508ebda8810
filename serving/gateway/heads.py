"""Heads of requests: how large they may be, how long they may take, and what is no HTTP at all."""

import asyncio
import random
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.errors import HeadersTooLarge, MalformedRequest, RequestTimeout, TfgateError
from serving.gateway import metrics
from serving.gateway.problems import problem_response

_LINGER_SECONDS = 1
_MAX_PATH = 200


@dataclass(frozen=True)
class HeadLimits:
    """What a request's line and headers may have together, and how long they may take."""

    max_bytes: int
    seconds: float


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's protocol, which by itself waits for ever for a head of any size.

    What it refuses is answered with a problem document, and never reaches the application.
    """

    def __init__(self, *args: Any, limits: HeadLimits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._inside_head = False
        self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._refusal: TfgateError | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection; until a first byte comes, it is idle, as between two requests."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take the next bytes of a request, unless one was refused before."""
        if self._refusal is not None:
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if self._inside_head and self._refusal is None:
            if self._head_bytes > self._limits.max_bytes:
                self._refuse(self._too_large())
            elif self._timer is None:
                self._start_timer()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._inside_head = True

    def on_headers_complete(self) -> None:
        """Let the application have the request, if its head is not too large."""
        self._inside_head = False
        self._stop_timer()
        received, self._head_bytes = self._head_bytes, 0
        # Counted only where so much has come together that it may be; the body may be part of it.
        if received > self._limits.max_bytes and self._size() > self._limits.max_bytes:
            self._refuse(self._too_large())
            # Nothing else stops the parser.
            raise self._too_large()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser could not read; here too ends what was raised above."""
        if self._refusal is None:
            self._refuse(MalformedRequest(f"no HTTP/1.1 request can be read: {msg}"))

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _too_large(self) -> HeadersTooLarge:
        limit = f"{self._limits.max_bytes:,}"
        return HeadersTooLarge(f"the request's line and headers have more than {limit} bytes")

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self._limits.seconds, self._time_over)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_over(self) -> None:
        self._timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            # The next request on a connection whose last one is still at work.
            self._start_timer()
            return
        message = f"no complete headers had arrived after {self._limits.seconds:g} seconds"
        self._refuse(RequestTimeout(message))

    def _refuse(self, error: TfgateError) -> None:
        """Answer, and go on taking what still comes for a moment.

        A socket that is closed while there is something to read is reset, and the answer with it.
        """
        self._refusal = error
        self._stop_timer()
        metrics.REFUSED_HEADS.labels(error.code).inc()
        path = getattr(self, "url", b"")[:_MAX_PATH].decode("ascii", "replace")
        response = problem_response(error, path=path, request_id=f"{random.getrandbits(128):032x}")
        self.transport.write(_message(response.status_code, response.raw_headers, response.body))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.close)


def _message(status: int, headers: list[tuple[bytes, bytes]], body: bytes | memoryview) -> bytes:
    lines = [b": ".join(header) for header in headers if header[0] != b"connection"]
    head = [b"HTTP/1.1 %d " % status, *lines, b"connection: close", b"", b""]
    return b"\r\n".join(head) + bytes(body)
