"""What one connection may take: the size of a request's head, how many requests wait, and time.

What is refused here never reaches the application; a problem document says why. uvicorn bounds
none of this where httptools parses: the list of what to bound is Kludex/uvicorn#157, closed with
only h11's share done. If it had an option for each, this file would not be needed.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uvicorn.config import Config

from serving.errors import HeadersTooLarge, MalformedRequest, RequestTimeout, TfgateError
from serving.gateway.server import refusals
from serving.gateway.server.requests import Requests

_LINGER_SECONDS = 1
# How soon a client that sends nothing more is asked whether it still listens, and again.
_PROBE_SECONDS = 0.25
_INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True)
class ConnectionLimits:
    """How large a request's line and headers may be together, and how long a client may dawdle.

    `seconds` are for a whole head to arrive, and for an answer to be taken bit by bit.
    """

    max_head_bytes: int
    seconds: float


class BoundedConnection(asyncio.Protocol):
    """Stands between a socket and uvicorn, which takes any number of bytes and waits for ever."""

    _transport: asyncio.Transport

    def __init__(
        self,
        *,
        limits: ConnectionLimits,
        root_path: str = "",
        config: Config,
        **state: Any,
    ) -> None:
        """`root_path` stands before every path where clients ask."""
        self._limits = limits
        self._idle = _Timer(config.timeout_keep_alive, self._close)
        self._reading = _Timer(limits.seconds, self._read_for_too_long)
        self._writing = _Timer(limits.seconds, self._abort)
        self._probing = _Timer(_PROBE_SECONDS, self._probe)
        self._requests = Requests(
            self._reading.stop, self._refuse, root_path, config=config, **state
        )
        self._deaf = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection; until a first byte comes, it is idle, as between two requests."""
        self._transport = transport
        forgiving = _ForgivingTransport(transport, self._end)
        self._requests.connection_made(forgiving)  # type: ignore[arg-type]
        # uvicorn waits for ever for the first request: Kludex/uvicorn#1192.
        self._idle.start()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Leave nothing behind."""
        self._deaf = True
        for timer in (self._idle, self._reading, self._writing, self._probing):
            timer.stop()
        # Told of an error, uvicorn would keep its timer, and so the last request, for a minute and
        # more: Soju06/codex-lb#2041 describes it.
        self._requests.connection_lost(None)

    def data_received(self, data: bytes) -> None:
        """Take the next bytes of a request, unless one was the last."""
        self._idle.stop()
        while data and not self._deaf:
            # No more than are left for a head, which is too large if it does not end with them.
            left = self._limits.max_head_bytes - self._requests.num_bytes
            self._take(data[:left])
            data = data[left:]

    def eof_received(self) -> bool:
        """Answer what was asked, if anything is left of that, and close then."""
        requests = self._requests
        # TLS has no half of a connection: asyncio closes it in any case.
        if requests.is_idle() or self._deaf or not self._transport.can_write_eof():
            return False
        if requests.inside_head or requests.inside_body:
            self._refuse(MalformedRequest("the client stopped sending in the middle of a request"))
        else:
            requests.shutdown()
            self._probing.start()
        return True

    def pause_writing(self) -> None:
        """Wait for the client to take what it was sent, but not for ever."""
        self._requests.pause_writing()
        self._writing.start()

    def resume_writing(self) -> None:
        """Go on: the client has taken it."""
        self._requests.resume_writing()
        self._writing.stop()

    def _take(self, data: bytes) -> None:
        requests = self._requests
        requests.data_received(data)
        if self._deaf:
            return
        if requests.num_bytes >= self._limits.max_head_bytes:
            limit = f"{self._limits.max_head_bytes:,}"
            message = f"the request's line and headers have more than {limit} bytes"
            self._refuse(HeadersTooLarge(message))
        elif requests.is_idle() and not requests.num_bytes:
            # The end of a request that was answered before it was complete, or as it came.
            self._idle.start()
        # Any byte has ended the idleness, also one that belongs to no request at work.
        elif requests.inside_head or not requests.num_unanswered:
            self._reading.start()

    def _read_for_too_long(self) -> None:
        if self._requests.num_unanswered:
            # The next request on a connection whose last one is not answered yet.
            self._reading.start()
        elif self._requests.inside_head:
            message = f"no complete headers had arrived after {self._limits.seconds:g} seconds"
            self._refuse(RequestTimeout(message))
        else:
            self._close()

    def _probe(self) -> None:
        """Find out whether a client that sends nothing more has gone altogether.

        Both look the same, until something is written: where nobody listens, the second time fails.
        """
        if not self._requests.is_silent():
            # What is being written, or will be before the last answer, tells as much.
            self._probing.start()
        elif self._requests.may_be_interim():
            self._transport.write(_INTERIM)
            self._probing.start()
        else:
            # Most likely it has gone.
            self._abort()

    def _refuse(self, error: TfgateError) -> None:
        """Answer, and end the connection."""
        self._deaf = True
        self._reading.stop()
        refusals.count(error)
        requests = self._requests
        if requests.num_unanswered > int(requests.inside_body):
            # Answers are given in order: those to the requests before, and then the end.
            if requests.inside_body:
                requests.take_back_last()
            requests.shutdown()
            return
        # A request whose body cannot be read may have been answered already.
        if requests.num_unanswered or not requests.inside_body:
            self._transport.write(requests.refusal(error))
        requests.connection_lost(error)
        self._linger(_LINGER_SECONDS)

    def _end(self) -> None:
        """Close after the last answer; there may be more to come that nobody reads any more."""
        if self._deaf:
            self._linger(_LINGER_SECONDS)
        elif self._requests.inside_body:
            # It was answered before its end.
            self._deaf = True
            self._linger(self._limits.seconds)
        else:
            self._close()

    def _linger(self, seconds: float) -> None:
        """Close, but go on for a while with taking what still comes, and with ignoring it.

        A socket that is closed while there is something to read is reset, and the answer with it.
        """
        if self._transport.can_write_eof():
            self._transport.write_eof()
        asyncio.get_running_loop().call_later(seconds, self._close)

    def _close(self) -> None:
        self._transport.close()

    def _abort(self) -> None:
        self._transport.abort()


class _ForgivingTransport:
    """A transport that drops what is written after the end, as asyncio's do and uvloop's do not.

    Of several requests that a client has left behind, uvicorn tells only the last one. `close` is
    what ends the connection.
    """

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self._write = transport.write
        # Bound once, what is asked with every request costs no look-up each time.
        self.is_closing = transport.is_closing
        self.close = close
        self.get_extra_info = transport.get_extra_info
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def write(self, data: bytes) -> None:
        if not self.is_closing():
            self._write(data)


class _Timer:
    """Does something once, some time after it was first started, unless it was stopped."""

    def __init__(self, seconds: float, act: Callable[[], None]) -> None:
        self._seconds = seconds
        self._act = act
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(self._seconds, self._end)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _end(self) -> None:
        self._handle = None
        self._act()
