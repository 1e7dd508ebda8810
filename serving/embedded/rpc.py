"""What every call has in common, whatever its service: parsing, time left, and how many at once.

Requests are parsed here and not by gRPC's library, whose words for a bad message or a full server
differ from the ones that TF Serving's clients see.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from serving.embedded.call_server import Call, Handler
from serving.embedded.statuses import StatusError

_LONGEST_DEADLINE_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True)
class Method:
    """A call: its request message and the function of (request, milliseconds left or None)."""

    request: type[Message]
    answer: Callable[[Any, int | None], Message]


class CallLimit:
    """Refuses calls beyond a number at once, in the words of gRPC's C++ server."""

    def __init__(self, calls_at_once: int) -> None:
        self._places = threading.Semaphore(calls_at_once)

    def service(self, name: str, methods: Mapping[str, Method]) -> dict[str, Handler]:
        """Return a service's handlers, counted against the limit."""
        handlers = service(name, methods)
        return {
            path: replace(handler, answer=self._counted(handler.answer))
            for path, handler in handlers.items()
        }

    def _counted(self, answer: Callable[[Call], bytes]) -> Callable[[Call], bytes]:
        def answer_if_there_is_place(call: Call) -> bytes:
            if not self._places.acquire(blocking=False):
                raise StatusError(grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")
            try:
                return answer(call)
            finally:
                self._places.release()

        return answer_if_there_is_place


def service(name: str, methods: Mapping[str, Method]) -> dict[str, Handler]:
    """Return the handlers of a service's methods by their full names."""
    return {f"/{name}/{method}": handler(call) for method, call in methods.items()}


def handler(method: Method, *, holds: bool = False) -> Handler:
    """Return what parses a call's message and writes its answer's."""

    def answer(call: Call) -> bytes:
        timeout = _milliseconds_left(call)
        if call.cancelled or (timeout is not None and timeout <= 0):
            # Nobody waits for the answer.
            raise StatusError(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
        try:
            request = method.request.FromString(call.message)
        except DecodeError as error:
            raise StatusError(grpc.StatusCode.INTERNAL, "") from error
        return method.answer(request, timeout).SerializeToString()

    return Handler(answer, holds)


def _milliseconds_left(call: Call) -> int | None:
    seconds = call.deadline - time.time()
    # Without a deadline gRPC's library counts down from the end of its clock.
    if seconds > _LONGEST_DEADLINE_SECONDS:
        return None
    return math.ceil(seconds * 1000)
