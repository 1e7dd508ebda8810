"""How a call reaches its function and how its errors reach the client; knows no service.

Requests are parsed here and not by gRPC's library, whose words for a bad message, a full server
or an unknown method differ from the ones that TF Serving's clients see.
"""

import logging
import math
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from serving.embedded.statuses import StatusError, cut_to_limit

_LONGEST_DEADLINE_SECONDS = 365 * 24 * 3600

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Method:
    """A call: its request message and the function of (request, milliseconds left or None)."""

    request: type[Message]
    answer: Callable[[Any, int | None], Message]


class CallLimit:
    """Refuses calls beyond a number at once, in the words of gRPC's C++ server."""

    def __init__(self, calls_at_once: int) -> None:
        self._places = threading.Semaphore(calls_at_once)

    def handler(self, method: Method) -> grpc.RpcMethodHandler:
        """Return the gRPC handler of a method, counted against the limit."""

        def serve(raw: bytes, context: grpc.ServicerContext) -> bytes:
            if not self._places.acquire(blocking=False):
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")
            try:
                return _answer(method, raw, context)
            except StatusError as error:
                failure = error
            except Exception as error:  # noqa: BLE001 - the outermost handler
                _log.exception("A call failed for a reason of the server's own")
                failure = StatusError(grpc.StatusCode.INTERNAL, f"Server: {type(error).__name__}")
            finally:
                self._places.release()
            context.abort(failure.code, cut_to_limit(failure.message))
            raise failure  # not reached: abort raises

        return grpc.unary_unary_rpc_method_handler(serve)

    def service(self, name: str, methods: Mapping[str, Method]) -> grpc.GenericRpcHandler:
        handlers = {method: self.handler(call) for method, call in methods.items()}
        return grpc.method_handlers_generic_handler(name, handlers)


def start_threads(count: int) -> ThreadPoolExecutor:
    """Return a pool whose threads all run already.

    A pool starts them as calls arrive, and gRPC's library answers no call any more once one could
    not be started.

    Raises:
        StatusError: RESOURCE_EXHAUSTED for more threads than the machine lets this process have.
    """
    pool = ThreadPoolExecutor(count, thread_name_prefix="call")
    all_there = threading.Barrier(count)
    try:
        waiting = [pool.submit(all_there.wait) for _ in range(count)]
    except RuntimeError as error:
        all_there.abort()
        pool.shutdown()
        raise StatusError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"{count} threads for calls cannot be started ({error}): lower --grpc_max_threads, "
            "or raise the limit of processes or memory",
        ) from error
    wait(waiting)
    return pool


class UnknownMethods(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers what no service knows; to be registered last."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:  # noqa: ARG002
        """Refuse the call with UNIMPLEMENTED and, as TF Serving does, no text."""
        return grpc.unary_unary_rpc_method_handler(
            lambda _, context: context.abort(grpc.StatusCode.UNIMPLEMENTED, "")
        )


def _answer(method: Method, raw: bytes, context: grpc.ServicerContext) -> bytes:
    timeout = _milliseconds_left(context)
    if not context.is_active() or (timeout is not None and timeout <= 0):
        # Nobody waits for the answer.
        raise StatusError(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
    try:
        request = method.request.FromString(raw)
    except DecodeError as error:
        raise StatusError(grpc.StatusCode.INTERNAL, "") from error
    return method.answer(request, timeout).SerializeToString()


def _milliseconds_left(context: grpc.ServicerContext) -> int | None:
    seconds: float | None = context.time_remaining()
    # Without a deadline gRPC's library counts down from the end of its clock.
    if seconds is None or seconds > _LONGEST_DEADLINE_SECONDS:
        return None
    return math.ceil(seconds * 1000)
