import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from tensorflow_serving.apis.get_model_status_pb2 import (
    GetModelStatusRequest,
    GetModelStatusResponse,
)

from serving.embedded.rpc import CallLimit, Method, start_threads
from serving.embedded.statuses import StatusError


@contextmanager
def calling(answer: Callable[[Any, int | None], Message]) -> Iterator[grpc.UnaryUnaryMultiCallable]:
    """Serve one method, one call at a time."""
    with start_threads(1) as threads:
        server = grpc.server(threads)
        method = Method(GetModelStatusRequest, answer)
        server.add_generic_rpc_handlers((CallLimit(1).service("service", {"Method": method}),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield channel.unary_unary("/service/Method")
        finally:
            server.stop(None).wait()


def test_a_fault_of_the_servers_own_is_internal_tells_no_details_and_frees_its_place() -> None:
    def fail(request: Message, timeout_milliseconds: int | None) -> Message:
        raise ZeroDivisionError("a detail", request, timeout_milliseconds)

    with calling(fail) as call:
        for _ in range(2):
            with pytest.raises(grpc.RpcError) as error:
                call(b"", timeout=20)
            assert error.value.code() == grpc.StatusCode.INTERNAL
            assert error.value.details() == "Server: ZeroDivisionError"


def limit_threads(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Let so many threads for calls start, and then none, as a limit of the machine does."""
    start = threading.Thread.start
    allowed = iter(range(number))

    def start_or_not(thread: threading.Thread) -> None:
        # The library has threads of its own, which are not these.
        if thread.name.startswith("call") and next(allowed, None) is None:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_not)


def test_no_call_needs_a_thread_that_is_not_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    with calling(lambda *_: GetModelStatusResponse()) as call:
        limit_threads(monkeypatch, 0)
        assert call(b"", timeout=20) == b""


def test_threads_that_cannot_be_started_are_said_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = set(threading.enumerate())
    limit_threads(monkeypatch, 3)
    with pytest.raises(StatusError, match=r"12 threads .* lower --grpc_max_threads") as refusal:
        start_threads(12)
    assert refusal.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert set(threading.enumerate()) <= before, "the three that were started go on"
