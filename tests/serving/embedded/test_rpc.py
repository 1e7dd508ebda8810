from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest

from serving.embedded.rpc import CallLimit, Method


@contextmanager
def calling(answer: Callable[[Any, int | None], Message]) -> Iterator[grpc.UnaryUnaryMultiCallable]:
    """Serve one method, one call at a time."""
    with ThreadPoolExecutor(1) as threads:
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
