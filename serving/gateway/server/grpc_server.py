"""The gRPC port: hands each call to the application as if it had come over HTTP.

So admission, keys, the log and errors are the same for both. What the calls mean, the dialects
know; here, messages are bytes. Health and reflection, which are about the port, are answered here.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import grpc
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection
from starlette.types import ASGIApp, Scope

from proto import open_inference_pb2
from serving.gateway.server.grpc_as_http import Reply, ask, new_scope, scope_of
from serving.gateway.server.listener import GRPC_PORT, CannotListen, listen
from serving.gateway.settings import Settings

_LOGGER = logging.getLogger("tfgate.grpc")
# Those whose messages we have under their true names; of TensorFlow Serving's we have our own.
_OPEN_INFERENCE = open_inference_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].full_name
_REFLECTED = (
    _OPEN_INFERENCE,
    health_pb2.DESCRIPTOR.services_by_name["Health"].full_name,
    reflection.SERVICE_NAME,
)
# What stands for the whole port, if asked for its health; everything else is a model.
_SERVICES = (
    "",
    _OPEN_INFERENCE,
    "tensorflow.serving.PredictionService",
    "tensorflow.serving.ModelService",
)
_STREAM = f"/{_OPEN_INFERENCE}/ModelStreamInfer"
_CHECK, _WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"
# Of gRPC's servers behind the port; the kernel spreads the connections over them. Each takes one
# call at a time off its own, and hears of the next by way of another thread: from one server alone,
# calls come too slowly to meet in a call of the model server. Of one house over four connections,
# four servers answer 1.4 times as many as one, when measured; over a single connection, as many.
_NUM_SERVERS = 4
_WATCH_SECONDS = 1
_REOPEN_SECONDS = 0.1
_STOPS = "the gateway is shutting down; open the stream again"


class GrpcServer:
    """Serves one application over gRPC; to be started and stopped inside the running event loop.

    `port` is the one that it listens on, once started.
    """

    def __init__(self, app: ASGIApp, state: Mapping[str, Any], settings: Settings) -> None:
        """Each call has the `state` as it is when it begins."""
        self.port = settings.grpc_port
        self._app = app
        self._state = state
        self._settings = settings
        self._stopping = asyncio.Event()
        self._servers: set[grpc.aio.Server] = set()
        self._handlers = {
            _STREAM: grpc.stream_stream_rpc_method_handler(self._stream),
            _CHECK: grpc.unary_unary_rpc_method_handler(
                self._check,
                health_pb2.HealthCheckRequest.FromString,
                health_pb2.HealthCheckResponse.SerializeToString,
            ),
            _WATCH: grpc.unary_stream_rpc_method_handler(
                self._watch,
                health_pb2.HealthCheckRequest.FromString,
                health_pb2.HealthCheckResponse.SerializeToString,
            ),
        }

    async def start(self) -> None:
        """Listen, and serve from now on.

        Raises:
            CannotListen: another program listens there, or the host is not this machine's.
        """
        if self._settings.workers == 1:
            # gRPC's servers would in silence share a port that another program has.
            listen(self._settings.host, self.port or 0, option=GRPC_PORT).close()
        opened = [await self._open() for _ in range(_NUM_SERVERS)]
        self._keeping_open = [asyncio.create_task(self._keep_open(each)) for each in opened]

    async def _open(self) -> grpc.aio.Server:
        settings = self._settings
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", settings.max_body_bytes),
                ("grpc.max_metadata_size", settings.max_header_bytes),
                ("grpc.so_reuseport", 1),
            ],
            # Half of them may be inside; of the others the messages are still arriving.
            maximum_concurrent_rpcs=2 * settings.max_requests,
        )
        reflection.enable_server_reflection(_REFLECTED, server)
        server.add_generic_rpc_handlers([_Methods(self._find)])
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"{host}:{self.port}"
        try:
            if credentials := _credentials(settings):
                self.port = server.add_secure_port(address, credentials)
            else:
                self.port = server.add_insecure_port(address)
        except RuntimeError as error:
            message = f"cannot listen on {address}. Choose another with {GRPC_PORT}."
            raise CannotListen(message) from error
        await server.start()
        self._servers.add(server)
        return server

    async def _keep_open(self, server: grpc.aio.Server) -> None:
        """Open the port again when gRPC's own loop breaks, which ends every call of that server.

        A path that is no UTF-8 is enough for that, and anybody can send one.
        """
        while not self._stopping.is_set():
            try:
                await server.wait_for_termination()
            # Whatever it is: nobody could call any more.
            except Exception as error:  # noqa: BLE001
                _LOGGER.error("the gRPC port has failed, and is opened again: %r", error)
            self._servers.discard(server)
            # It stops listening, and closes its connections, when nothing refers to it.
            del server
            while not self._stopping.is_set():
                try:
                    server = await self._open()
                    break
                except CannotListen as error:
                    _LOGGER.warning("%s", error)
                    await _until(self._stopping, _REOPEN_SECONDS)

    async def stop(self, grace_seconds: float) -> None:
        """Take no new calls, and let those in progress finish; streams end after an answer."""
        self._stopping.set()
        await asyncio.gather(*[each.stop(grace_seconds) for each in self._servers])
        await asyncio.gather(*self._keeping_open)

    def _find(self, path: str) -> grpc.RpcMethodHandler | None:
        if path in self._handlers:
            return self._handlers[path]
        if path.startswith("/grpc."):
            return None  # reflection's, or nobody's
        return grpc.unary_unary_rpc_method_handler(partial(self._answer, path))

    async def _ask(self, scope: Scope, message: bytes) -> Reply:
        return await ask(self._app, {**scope, "state": dict(self._state)}, message)

    async def _answer(self, path: str, message: bytes, context: Any) -> bytes:
        reply = await self._ask(scope_of(path, context), message)
        if (code := reply.code) is not grpc.StatusCode.OK:
            await context.abort(code, reply.details, reply.metadata)
        context.set_trailing_metadata(reply.metadata)
        return reply.body

    async def _stream(self, messages: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        """Answer one message after the other; one that fails has its error in its answer."""
        while (message := await self._next(messages)) is not None:
            reply = await self._ask(scope_of(_STREAM, context), message)
            if not reply.body:
                await context.abort(reply.code, reply.details, reply.metadata)
            yield reply.body
        if self._stopping.is_set():
            await context.abort(grpc.StatusCode.UNAVAILABLE, _STOPS)

    async def _next(self, messages: AsyncIterator[bytes]) -> bytes | None:
        """Wait for the next message of a stream; None if it has ended, or is to end."""
        arriving = asyncio.ensure_future(anext(messages, None))
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((arriving, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            arriving.cancel()
        return arriving.result() if arriving.done() else None

    async def _check(self, request: health_pb2.HealthCheckRequest, context: Any) -> Any:
        status = await self._health(request.service)
        if status is None:
            message = f"there is no service or model {request.service[:100]!r}"
            await context.abort(grpc.StatusCode.NOT_FOUND, message)
        return health_pb2.HealthCheckResponse(status=status)

    async def _watch(
        self, request: health_pb2.HealthCheckRequest, context: Any
    ) -> AsyncIterator[Any]:
        told = None
        while not self._stopping.is_set():
            status = await self._health(request.service)
            if status is None:
                status = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
            if status != told:
                yield health_pb2.HealthCheckResponse(status=status)
                told = status
            await _until(self._stopping, _WATCH_SECONDS)
        await context.abort(grpc.StatusCode.UNAVAILABLE, _STOPS)

    async def _health(self, service: str) -> Any:
        """Ask for readiness, of the whole or of a model; None if there is no such model."""
        path = "/readyz" if service in _SERVICES else f"/readyz/{service}"
        reply = await self._ask(new_scope("GET", path), b"")
        if reply.status == 404:
            return None
        is_ready = reply.status == 200
        health = health_pb2.HealthCheckResponse
        return health.SERVING if is_ready else health.NOT_SERVING


class _Methods(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Finds the handler of a call."""

    def __init__(self, find: Callable[[str], grpc.RpcMethodHandler | None]) -> None:
        self._find = find

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Return it by the path of the method."""
        return self._find(details.method)


async def _until(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but no longer than so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _credentials(settings: Settings) -> grpc.ServerCredentials | None:
    """Read what the port shows its clients; those need a certificate if their CA is named."""
    certificate, key = settings.grpc_certificate_file, settings.grpc_private_key_file
    if certificate is None or key is None:
        return None
    authorities = settings.grpc_client_ca_file
    return grpc.ssl_server_credentials(
        [(key.read_bytes(), certificate.read_bytes())],
        authorities.read_bytes() if authorities else None,
        require_client_auth=authorities is not None,
    )
