"""The gRPC port over real sockets, in front of an application of a few lines."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from starlette.types import Receive, Scope, Send

from serving.gateway.server.grpc_server import GrpcServer
from serving.gateway.server.listener import CannotListen
from serving.gateway.settings import Settings
from tests.certificates import Authority

METHOD = "/some.Service/Method"
STREAM = "/inference.GRPCInferenceService/ModelStreamInfer"
LONGEST_SECONDS = 60  # of anything that is waited for; it comes much sooner, or is a failure


class Application:
    """Answers a message with itself, behind what `before` waits for; `scopes` are those asked."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.cancelled = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.ready: dict[str, int] = {}
        self.before: Callable[[bytes], Awaitable[Any]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        status, headers = 200, self.headers
        body = (await receive())["body"]
        if scope["path"].startswith("/readyz"):
            status, headers = self.ready.get(scope["path"], 404), []
        try:
            if self.before is not None:
                await self.before(body)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(
    app: Application, credentials: grpc.ChannelCredentials | None = None, **settings: Any
) -> AsyncIterator[tuple[GrpcServer, grpc.aio.Channel]]:
    """Serve an application, and connect to it; what still hangs at the end is cancelled."""
    server = GrpcServer(app, {}, Settings(grpc_port=0, **settings))
    await server.start()
    address = f"localhost:{server.port}"
    channel = (
        grpc.aio.secure_channel(address, credentials)
        if credentials
        else grpc.aio.insecure_channel(address)
    )
    async with channel:
        try:
            yield server, channel
        finally:
            await server.stop(0)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(LONGEST_SECONDS):
            await test()

    asyncio.run(bounded())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


async def failure(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return raised.value


def test_a_call_is_a_request_of_its_own_method_and_its_answer_the_body() -> None:
    app = Application()
    app.headers = [
        *[(b"x-model-version", b"3"), (b"content-type", b"text/plain")],
        # Metadata are ASCII; a model's name need not be.
        (b"x-model-name", "mieszkań".encode()),
    ]

    async def test() -> None:
        async with serving(app) as (_, channel):
            call = channel.unary_unary(METHOD)(
                b"message", metadata=[("authorization", "Bearer k"), ("trace-bin", b"\xff")]
            )
            assert await call == b"message"
            assert tuple(await call.trailing_metadata()) == (("x-model-version", "3"),)

    run(test)

    [scope] = app.scopes
    assert (scope["type"], scope["method"], scope["path"]) == ("http", "GRPC", METHOD)
    assert scope["client"][0] in ("127.0.0.1", "::1")
    headers = dict(scope["headers"])
    assert headers[b"authorization"] == b"Bearer k"
    assert headers[b"trace-bin"] == b"\xff"
    assert b"grpc-timeout" not in headers


def test_the_time_that_a_client_waits_is_told() -> None:
    app = Application()

    async def test() -> None:
        async with serving(app) as (_, channel):
            await channel.unary_unary(METHOD)(b"", timeout=50)

    run(test)

    told = dict(app.scopes[0]["headers"])[b"grpc-timeout"]
    assert told.endswith(b"m")
    assert 0 < int(told[:-1]) <= 50_000


def test_an_error_is_a_status_with_its_text() -> None:
    app = Application()
    app.headers = [
        *[(b"grpc-status", b"8"), (b"grpc-message", b"zu%20viel%3A%20%C3%BC%0A")],
        *[(b"retry-after", b"7"), (b"x-request-id", b"abc")],
    ]

    async def test() -> None:
        async with serving(app) as (_, channel):
            error = await failure(channel.unary_unary(METHOD)(b""))
            assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert error.details() == "zu viel: ü\n"
            told = dict(tuple(error.trailing_metadata()))
            assert told == {"retry-after": "7", "x-request-id": "abc"}

    run(test)


def test_a_client_that_goes_ends_its_request() -> None:
    app = Application()
    never = asyncio.Event

    async def test() -> None:
        app.before = lambda _: never().wait()
        async with serving(app) as (_, channel):
            call = channel.unary_unary(METHOD)(b"")
            waiting = asyncio.ensure_future(failure(call))
            await until(lambda: bool(app.scopes))
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await until(lambda: app.cancelled == 1)

    run(test)


@pytest.mark.parametrize("compression", grpc.Compression, ids=lambda each: each.name)
def test_messages_are_read_up_to_the_limit_however_small_they_arrive(
    compression: grpc.Compression,
) -> None:
    app = Application()

    async def test() -> None:
        async with serving(app, max_body_bytes=100_000) as (_, channel):
            ask = channel.unary_unary(METHOD)
            assert await ask(b"\0" * 100_000, compression=compression) == b"\0" * 100_000
            for size in (100_001, 10_000_000):
                error = await failure(ask(b"\0" * size, compression=compression))
                assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    run(test)

    assert len(app.scopes) == 1


def test_a_stream_is_answered_in_its_order() -> None:
    app = Application()

    async def test() -> None:
        async with serving(app) as (_, channel):
            stream = channel.stream_stream(STREAM)()
            for message in (b"one", b"two"):
                await stream.write(message)
            assert [await stream.read(), await stream.read()] == [b"one", b"two"]
            await stream.done_writing()
            assert await stream.read() is grpc.aio.EOF
            assert await stream.code() is grpc.StatusCode.OK

    run(test)

    assert [scope["path"] for scope in app.scopes] == [STREAM, STREAM]


def test_an_error_within_a_stream_ends_nothing_unless_it_has_no_message() -> None:
    app = Application()
    app.headers = [(b"grpc-status", b"3"), (b"grpc-message", b"wrong")]

    async def test() -> None:
        async with serving(app) as (_, channel):
            stream = channel.stream_stream(STREAM)()
            await stream.write(b"the error as a message")
            assert await stream.read() == b"the error as a message"
            await stream.write(b"")
            error = await failure(stream.read())
            assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "wrong")

    run(test)


def test_stopping_lets_calls_finish_and_ends_streams_that_wait() -> None:
    app = Application()

    async def test() -> None:
        goes_on = asyncio.Event()

        async def wait(body: bytes) -> None:
            if body == b"slow":
                await goes_on.wait()

        app.before = wait
        async with serving(app) as (server, channel):
            stream = channel.stream_stream(STREAM)()
            await stream.write(b"one")
            assert await stream.read() == b"one"
            slow = asyncio.ensure_future(channel.unary_unary(METHOD)(b"slow"))
            await until(lambda: len(app.scopes) == 2)

            stopping = asyncio.ensure_future(server.stop(LONGEST_SECONDS))
            error = await failure(stream.read())
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            assert "shutting down" in (error.details() or "")
            late = await failure(channel.unary_unary(METHOD)(b"late"))
            assert late.code() is grpc.StatusCode.UNAVAILABLE
            goes_on.set()
            assert await slow == b"slow"
            await stopping

    run(test)


def test_health_is_readiness_of_the_whole_and_of_each_model() -> None:
    app = Application()
    app.ready = {"/readyz": 200, "/readyz/housing": 503}
    answers = health_pb2.HealthCheckResponse

    async def test() -> None:
        async with serving(app) as (_, channel):
            health = health_pb2_grpc.HealthStub(channel)
            for service in ("", "inference.GRPCInferenceService"):
                request = health_pb2.HealthCheckRequest(service=service)
                assert (await health.Check(request)).status == answers.SERVING
            housing = health_pb2.HealthCheckRequest(service="housing")
            assert (await health.Check(housing)).status == answers.NOT_SERVING
            unknown = health_pb2.HealthCheckRequest(service="nope")
            error = await failure(health.Check(unknown))
            assert error.code() is grpc.StatusCode.NOT_FOUND
            assert (await health.Watch(unknown).read()).status == answers.SERVICE_UNKNOWN

            watch = health.Watch(housing)
            assert (await watch.read()).status == answers.NOT_SERVING
            app.ready["/readyz/housing"] = 200
            assert (await watch.read()).status == answers.SERVING

    run(test)


def test_reflection_tells_the_services_whose_messages_are_known() -> None:
    async def test() -> None:
        async with serving(Application()) as (_, channel):
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            kind = reflection_pb2.ServerReflectionRequest
            call = stub.ServerReflectionInfo()
            await call.write(kind(list_services=""))
            services = (await call.read()).list_services_response.service
            names = {service.name for service in services}
            assert {"inference.GRPCInferenceService", "grpc.health.v1.Health"} <= names
            for name in names:
                await call.write(kind(file_containing_symbol=name))
                answer = await call.read()
                assert answer.HasField("file_descriptor_response"), name

    run(test)


def test_tls_with_and_without_certificates_of_clients(tmp_path: Path) -> None:
    authority, strangers = Authority(tmp_path), Authority(tmp_path, "strangers")
    server, client = authority.issue("localhost"), authority.issue("client")
    stranger = strangers.issue("client")
    root = authority.certificate.read_bytes()
    identity = {
        "grpc_certificate_file": server.certificate,
        "grpc_private_key_file": server.private_key,
    }

    async def answers(credentials: grpc.ChannelCredentials | None, **more: Any) -> bool:
        async with serving(Application(), credentials, **identity, **more) as (_, channel):
            call = channel.unary_unary(METHOD)(b"x")
            code = await call.code()
        assert code in (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE)
        return bool(code is grpc.StatusCode.OK)

    async def test() -> None:
        ours = grpc.ssl_channel_credentials(
            root, client.private_key.read_bytes(), client.certificate.read_bytes()
        )
        theirs = grpc.ssl_channel_credentials(
            root, stranger.private_key.read_bytes(), stranger.certificate.read_bytes()
        )
        nobody = grpc.ssl_channel_credentials(root)
        assert await answers(nobody)
        assert not await answers(None)
        only_ours = {"grpc_client_ca_file": authority.certificate}
        assert await answers(ours, **only_ours)
        assert not await answers(theirs, **only_ours)
        assert not await answers(nobody, **only_ours)

    run(test)


def test_a_port_that_is_taken_is_not_shared() -> None:
    async def test() -> None:
        async with serving(Application()) as (server, _):
            second = GrpcServer(Application(), {}, Settings(grpc_port=server.port))
            with pytest.raises(CannotListen, match="TFGATE_GRPC_PORT"):
                await second.start()

    run(test)


def literal(name: bytes, value: bytes) -> bytes:
    """Write a header as HTTP/2 has it, neither packed nor remembered."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return len(content).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + content


async def send_raw(port: int | None, path: bytes, note: bytes) -> bytes:
    """Make a call as no client would let one, and return all that comes until it has ended."""
    headers = {
        b":method": b"POST",
        b":scheme": b"http",
        b":path": path,
        b":authority": b"x",
        b"te": b"trailers",
        b"content-type": b"application/grpc",
        b"x-note": note,
    }
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
    writer.write(frame(1, 4, 1, b"".join(map(literal, headers, headers.values()))))
    writer.write(frame(0, 1, 1, bytes(5)))
    received = b""
    while b"grpc-status" not in received and (more := await reader.read(4_096)):
        received += more
    writer.close()
    return received


def test_metadata_may_be_in_any_script() -> None:
    async def test() -> None:
        async with serving(app := Application()) as (server, _):
            received = await send_raw(server.port, METHOD.encode(), "€".encode())

        assert b"grpc-status\x010" in received
        assert (b"x-note", "€".encode()) in app.scopes[0]["headers"]

    run(test)


def test_a_path_that_is_no_text_does_not_close_the_port() -> None:
    async def test() -> None:
        async with serving(Application()) as (server, channel):
            for _ in range(2):
                await send_raw(server.port, b"/\xff/x", b"")
                answer = await channel.unary_unary(METHOD)(b"next", wait_for_ready=True)
                assert answer == b"next"
            # Each may be for another of the servers behind the port.
            options = [("grpc.use_local_subchannel_pool", 1)]
            for _ in range(16):
                address = f"localhost:{server.port}"
                async with grpc.aio.insecure_channel(address, options=options) as another:
                    answer = await another.unary_unary(METHOD)(b"next", wait_for_ready=True)
                    assert answer == b"next"

    run(test)
