"""How long a request is worked on: as long as its headers say, or until its client has gone."""

import asyncio
import re
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from starlette.types import Receive

from serving import errors
from serving.errors import ClientDisconnected, DeadlineExceeded, FieldError, InvalidInput
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import RequestContext

TIMEOUT = "Request-Timeout"
GRPC_TIMEOUT = "grpc-timeout"

_SECONDS = re.compile(rb"\d{1,9}(\.\d{1,9})?")
# Source: "Timeout" in gRPC over HTTP/2: at most eight digits, then the unit.
_GRPC = re.compile(rb"(\d{1,8})([HMSmun])")
_GRPC_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_HINT = "Correct the header, or leave it out."
# Most requests are answered sooner, also 128 at once: listening to each would take 7 % more
# instructions of the gateway (46,000 of 657,000 a house when measured).
_LISTEN_AFTER_SECONDS = 0.05


class RequestTimeout:
    """Cancels what runs inside when the deadline passes, or when the client closes its connection.

    It listens to the client only once `body_is_read` is set, for until then somebody else does.

    Raises:
        TimeoutError: the deadline has passed.
        ClientDisconnected: the client has gone.
    """

    def __init__(self, receive: Receive, seconds: float) -> None:
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds
        self._receive = receive
        self.body_is_read = False
        self._ended_by: TimeoutError | ClientDisconnected | None = None
        self._listener: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        first = min(_LISTEN_AFTER_SECONDS, self.seconds)
        self._timer = self._loop.call_later(first, self._look)
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if self._listener is not None:
            self._listener.cancel()
        if self._ended_by is None or self._task is None:
            return
        # Whoever else has cancelled the task, such as a server that stops, means it as it is.
        if self._task.uncancel() == 0 and error_type is asyncio.CancelledError:
            raise self._ended_by from error

    def _look(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            self._end(TimeoutError())
            return
        if self.body_is_read and self._listener is None:
            self._listener = self._loop.create_task(self._listen())
        # For a slow body ever more rarely: a thousand that never end would keep the loop busy.
        pause = left if self._listener else max(_LISTEN_AFTER_SECONDS, self.seconds - left)
        # uvloop counts in whole milliseconds, and comes early: then it looks again.
        self._timer = self._loop.call_later(max(min(pause, left), 0.001), self._look)

    async def _listen(self) -> None:
        # After the body, ASGI has nothing else to say.
        await self._receive()
        self._end(ClientDisconnected("the client closed the connection before it was answered"))

    def _end(self, ended_by: TimeoutError | ClientDisconnected) -> None:
        if self._ended_by is None and self._task is not None:
            self._ended_by = ended_by
            self._task.cancel()


def request_timeout(
    headers: Mapping[bytes, bytes], receive: Receive, *, longest: float
) -> RequestTimeout:
    """Allow a request the time that it asks for, in seconds, but no more than `longest`.

    Raises:
        InvalidInput: a header is there but cannot be read, or leaves no time at all.
    """
    return RequestTimeout(receive, _timeout_seconds(headers, longest))


def too_late(context: RequestContext, seconds: float) -> errors.TfgateError:
    """Build the error for a request whose time is over: it was not sent, or not answered."""
    if context.stage == metrics.READ:
        message = f"the body had not arrived as a whole after {seconds:g} seconds"
        return errors.RequestTimeout(message)
    # Whether there is such a model, and how it stands, the model server is asked, too.
    known = context.model not in (None, metrics.UNKNOWN_MODEL)
    asked = context.model if known else "the model server"
    return DeadlineExceeded(f"{asked} did not answer within {seconds:g} seconds")


def _timeout_seconds(headers: Mapping[bytes, bytes], longest: float) -> float:
    stated = _stated(headers)
    if stated is None:
        return longest
    header, seconds = stated
    if seconds == 0:
        raise _invalid(header, "leaves no time at all for the answer")
    return min(seconds, longest)


def _stated(headers: Mapping[bytes, bytes]) -> tuple[str, float] | None:
    stated = headers.get(b"request-timeout")
    if stated is not None:
        if not _SECONDS.fullmatch(stated):
            raise _invalid(TIMEOUT, "must be a number of seconds, such as 0.5")
        return TIMEOUT, float(stated)
    stated = headers.get(b"grpc-timeout")
    if stated is not None:
        parts = _GRPC.fullmatch(stated)
        if parts is None:
            raise _invalid(GRPC_TIMEOUT, "must be digits and a unit of H, M, S, m, u or n: 500m")
        return GRPC_TIMEOUT, int(parts[1]) * _GRPC_UNITS[parts[2]]
    return None


def _invalid(header: str, message: str) -> InvalidInput:
    return InvalidInput(
        f"the header {header} {message}",
        hint=_HINT,
        fields=[FieldError(f"header.{header}", message)],
    )
