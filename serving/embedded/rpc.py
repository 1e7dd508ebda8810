"""How a call reaches its function and how its errors reach the client; knows no service.

Requests are parsed here and not by gRPC's library, whose words for a bad message, a full server
or an unknown method differ from the ones that TF Serving's clients see.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from serving.embedded.statuses import StatusError, cut_to_limit

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

    def handler(self, method: Method) -> grpc.RpcMethodHandler:
        """Return the gRPC handler of a method, counted against the limit."""

        def serve(raw: bytes, context: grpc.ServicerContext) -> bytes:
            if not self._places.acquire(blocking=False):
                context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Server Threadpool Exhausted")
            try:
                return _answer(method, raw, context)
            except StatusError as error:
                context.abort(error.code, cut_to_limit(error.message))
                raise  # not reached: abort raises
            finally:
                self._places.release()

        return grpc.unary_unary_rpc_method_handler(serve)

    def service(self, name: str, methods: Mapping[str, Method]) -> grpc.GenericRpcHandler:
        """Return the handler of a whole service."""
        handlers = {method: self.handler(call) for method, call in methods.items()}
        return grpc.method_handlers_generic_handler(name, handlers)


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
        raise StatusError(grpc.StatusCode.CANCELLED, "")  # nobody waits for the answer
    try:
        request = method.request.FromString(raw)
    except DecodeError as error:
        raise StatusError(grpc.StatusCode.INTERNAL, "") from error
    return method.answer(request, timeout).SerializeToString()


def _milliseconds_left(context: grpc.ServicerContext) -> int | None:
    seconds = context.time_remaining()
    # Without a deadline gRPC's library counts down from the end of its clock.
    return None if seconds is None or seconds > _LONGEST_DEADLINE_SECONDS else int(seconds * 1000)
