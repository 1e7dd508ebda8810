"""The fake model server on a port of its own, for a gateway that runs as a process."""

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import grpc

from tests.fake_model_server import FakeModelServer, Refused

_NUM_THREADS = 16  # of which each answers one call at a time


@contextmanager
def listening(
    server: FakeModelServer,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    options: Sequence[tuple[str, int]] = (),
    credentials: grpc.ServerCredentials | None = None,
) -> Iterator[str]:
    """Serve calls over gRPC; yields the address. On leaving, whatever still hangs is cancelled.

    It speaks TLS if it has `credentials`.
    """
    unlimited = ("grpc.max_receive_message_length", -1)
    grpc_server = grpc.server(
        ThreadPoolExecutor(_NUM_THREADS),
        handlers=[_Handler(server)],
        options=[unlimited, *options],
    )
    address = f"{host}:{port}"
    if credentials is None:
        port = grpc_server.add_insecure_port(address)
    else:
        port = grpc_server.add_secure_port(address, credentials)
    grpc_server.start()
    try:
        yield f"{host}:{port}"
    finally:
        grpc_server.stop(grace=0).wait()


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    def __init__(self, server: FakeModelServer) -> None:
        self._server = server

    def service(self, details: Any) -> Any:
        """Answer a call of any method."""

        def answer(body: bytes, context: Any) -> bytes:
            with asyncio.Runner() as runner:
                try:
                    return runner.run(self._answer(details.method, body, context))
                except Refused as refused:
                    context.abort(refused.code, refused.details)
                except asyncio.CancelledError:
                    context.abort(grpc.StatusCode.CANCELLED, "the caller has gone")
            raise AssertionError

        return grpc.unary_unary_rpc_method_handler(answer)

    async def _answer(self, path: str, body: bytes, context: Any) -> bytes:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def cancel() -> None:
            # A call that was answered is over, too.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(task.cancel)

        if not context.add_callback(cancel):
            task.cancel()
        metadata = context.invocation_metadata()
        return await self._server.answer(path, body, context.time_remaining(), metadata)
