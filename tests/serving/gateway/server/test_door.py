"""A full gateway refuses predictions once it has their head, and is as exact as ever."""

import asyncio
import json
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.client import HTTPResponse
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState

from serving.gateway.inference.concurrency_limit import ConcurrencyLimit
from serving.gateway.middleware.forwarded import Forwarded
from serving.gateway.middleware.load_shedding import DOOR, LoadShedding
from serving.gateway.server.connections import BoundedConnection, ConnectionLimits
from tests import stack
from tests.fake_model_server import FakeModelServer
from tests.fake_over_grpc import listening
from tests.readings import reading
from tests.visitor import Answer

BOUND = 8  # the smallest that there is
BODY = b'{"text": "A good film."}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
ORIGIN = "https://shop.example"


def prediction(
    *lines: bytes,
    body: bytes = BODY,
    target: bytes = b"/predict/sentiment",
    version: bytes = b"1.1",
    method: bytes = b"POST",
) -> bytes:
    head = b"%s %s HTTP/%s\r\nHost: x\r\nContent-Type: application/json\r\n"
    return head % (method, target, version) + b"".join(lines) + b"\r\n" + body


@pytest.fixture(scope="module")
def url(server: FakeModelServer) -> Iterator[str]:
    settings = {"max_requests": str(BOUND), "predict_timeout_seconds": "300"}
    settings |= {"cors_origins": ORIGIN, "root_path": "/tfgate", "trusted_proxies": "127.0.0.1"}
    with listening(server) as address, stack.gateway(address, **settings) as url:
        stack.wait_until_ready(url)
        yield url


@pytest.fixture
def full(url: str) -> Iterator[str]:
    """Keep the gateway full, of uploads that do not end."""
    with filled(url):
        yield url


@contextmanager
def filled(url: str) -> Iterator[None]:
    with ExitStack() as held:
        for _ in range(BOUND):
            connection = held.enter_context(connect(url))
            connection.sendall(prediction(LENGTH, body=b""))
        stack.wait_until(lambda: in_flight(url) == BOUND, "a full gateway")
        yield
    stack.wait_until(lambda: in_flight(url) == 0, "an empty gateway")


def in_flight(url: str) -> float:
    return reading(url, "tfgate_requests_in_flight")


def connect(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", httpx.URL(url).port), timeout=30)


def read(connection: socket.socket, method: str = "POST") -> Answer:
    answer = HTTPResponse(connection, method=method)
    answer.begin()
    headers, body = httpx.Headers(answer.getheaders()), answer.read()
    return Answer(answer.status, headers, json.loads(body) if body else {})


def is_alive(connection: socket.socket) -> bool:
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        return read(connection).status == 200
    except OSError:
        return False


@pytest.mark.parametrize(
    "request_",
    [
        prediction(LENGTH),
        prediction(LENGTH, target=b"/predict/sentiment?version=1"),
        prediction(LENGTH, target=b"/predict/sentiment/batch"),
        prediction(LENGTH, target=b"/tfgate/predict/sentiment"),
        prediction(LENGTH, target=b"http://x/predict/sentiment"),
        prediction(LENGTH, target=b"/predict/%73entiment"),
        prediction(CHUNKED, body=CHUNKS),
        prediction(b"Content-Length: 0\r\n", body=b""),
        prediction(LENGTH, b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"),
        prediction(LENGTH, b"Origin: %s\r\n" % ORIGIN.encode()),
        prediction(LENGTH, b"X-Forwarded-Prefix: /tfgate\r\n"),
    ],
)
def test_a_refusal_is_the_same_whoever_decides_and_keeps_the_connection(
    request_: bytes, full: str
) -> None:
    with connect(full) as connection:
        for _ in range(2):
            connection.sendall(request_)
            answer = read(connection)
            assert (answer.status, answer.code) == (429, "overloaded")
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"] == "1"
            assert "date" in answer.headers
            assert answer.document["request_id"] == answer.headers["x-request-id"]
            assert answer.document["type"] == "/tfgate/errors/overloaded"
            assert answer.document["instance"].startswith("/tfgate/predict/sentiment")
            of_browsers = "origin" in request_.decode().lower()
            assert ("access-control-allow-origin" in answer.headers) == of_browsers
        assert is_alive(connection)


def test_the_request_id_of_a_caller_comes_back(full: str) -> None:
    with connect(full) as connection:
        connection.sendall(prediction(LENGTH, b"X-Request-Id: mine-1\r\n"))
        answer = read(connection)
        assert answer.headers["x-request-id"] == answer.document["request_id"] == "mine-1"

        connection.sendall(prediction(LENGTH, b'X-Request-Id: "}\r\n'))
        answer = read(connection)
        assert answer.document["request_id"] == answer.headers["x-request-id"] != '"}'


def test_each_refusal_is_counted_once(full: str) -> None:
    def counts() -> tuple[float, float]:
        shed = reading(full, "tfgate_requests_shed_total", model="sentiment", reason="bound")
        refused = reading(
            full, "tfgate_requests_total", model="sentiment", version="none", outcome="overloaded"
        )
        return shed, refused

    before = counts()
    with connect(full) as connection:
        for request in (prediction(LENGTH), prediction(LENGTH, b"Origin: https://a.example\r\n")):
            connection.sendall(request)
            assert read(connection).status == 429
    assert counts() == (before[0] + 2, before[1] + 2)


def test_requests_that_are_sent_ahead_are_refused_in_their_order(full: str) -> None:
    health = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    last = prediction(LENGTH, b"Connection: close\r\n")
    with connect(full) as connection, connection.makefile("rb") as answers:
        connection.sendall(prediction(LENGTH) * 2 + health + prediction(LENGTH) + last)
        told = re.findall(rb"HTTP/1\.1 (\d+)", answers.read())
    assert told == [b"429", b"429", b"200", b"429", b"429"]


def test_a_body_in_pieces_is_no_next_request(full: str) -> None:
    inner = prediction(LENGTH)
    with connect(full) as connection:
        connection.sendall(prediction(b"Content-Length: %d\r\n" % (2 * len(inner)), body=b""))
        assert read(connection).status == 429
        for piece in (inner[:7], inner[7:], inner):
            connection.sendall(piece)
        assert is_alive(connection)


@pytest.mark.parametrize(
    "request_",
    [
        prediction(LENGTH, b"Expect: 100-continue\r\n", body=b""),
        prediction(LENGTH, b"Connection: close\r\n"),
        prediction(LENGTH, version=b"1.0"),
        prediction(LENGTH, b"Connection: keep-alive\r\n", version=b"1.0"),
    ],
)
def test_a_connection_that_cannot_go_on_ends_with_the_refusal(request_: bytes, full: str) -> None:
    with connect(full) as connection:
        connection.sendall(request_)
        answer = read(connection)
        assert (answer.status, answer.headers["connection"]) == (429, "close")
        assert connection.recv(1) == b""


def test_what_is_no_prediction_is_answered(full: str) -> None:
    for method, status in (("GET", 405), ("HEAD", 405), ("PUT", 405)):
        with connect(full) as connection:
            connection.sendall(prediction(LENGTH, method=method.encode()))
            assert read(connection, method).status == status
    assert httpx.get(f"{full}/readyz").status_code == 200


@pytest.mark.parametrize(
    ("lines", "status"),
    [(b"Transfer-Encoding: gzip, chunked\r\n", 501), (LENGTH + CHUNKED, 400)],
)
def test_a_body_whose_end_nobody_knows_is_refused_as_ever(
    lines: bytes, status: int, full: str
) -> None:
    with connect(full) as connection:
        connection.sendall(prediction(lines, body=CHUNKS))
        assert read(connection).status == status
        assert connection.recv(1) == b""


def test_a_client_that_stops_sending_after_a_refusal_is_let_go(full: str) -> None:
    for body in (BODY, b""):
        with connect(full) as connection:
            connection.sendall(prediction(LENGTH, body=body))
            assert read(connection).status == 429
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b""


def test_as_soon_as_there_is_room_a_connection_that_was_refused_is_answered(url: str) -> None:
    with connect(url) as connection:
        with filled(url):
            connection.sendall(prediction(LENGTH))
            assert read(connection).status == 429
        connection.sendall(prediction(LENGTH))
        assert read(connection).status == 200
        connection.sendall(prediction(CHUNKED, body=CHUNKS))
        assert read(connection).status == 200


def test_while_it_drains_a_refusal_is_the_last_answer_of_its_connection(
    server: FakeModelServer,
) -> None:
    settings = {"max_requests": str(BOUND), "predict_timeout_seconds": "300"}
    with (
        listening(server) as address,
        stack.gateway_process(model_server=address, drain_seconds="300", **settings) as running,
    ):
        process, url = running
        with connect(url) as connection, filled(url):
            connection.sendall(prediction(LENGTH))
            assert read(connection).status == 429
            process.send_signal(signal.SIGTERM)
            stack.wait_until(lambda: httpx.get(f"{url}/readyz").status_code == 503, "draining")

            connection.sendall(prediction(LENGTH))
            answer = read(connection)
            assert (answer.status, answer.headers["connection"]) == (429, "close")
            assert connection.recv(1) == b""


def test_a_burst_is_let_in_as_far_as_there_is_room() -> None:
    """Decided by the server, before any task of the application has had its turn."""
    asked: list[str] = []
    may_answer = asyncio.Event()

    async def inner(scope: Scope, _receive: Receive, send: Send) -> None:
        asked.append(scope["path"])
        await may_answer.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    limit = ConcurrencyLimit("sentiment", max_limit=BOUND)
    door = LoadShedding(
        inner,
        limits={"/predict/sentiment": limit},
        registry={},  # type: ignore[arg-type]  # no other path is asked here
        model_asked=lambda _: None,
        answer=lambda *_: pytest.fail("it is not asked"),
        max_requests=2 * BOUND,
    )

    app = Forwarded(door, root_path="/tfgate", trusted=[])

    async def come() -> list[bytes]:
        loop = asyncio.get_running_loop()
        make = partial(
            BoundedConnection,
            limits=ConnectionLimits(4_000, 10),
            root_path="/tfgate",
            config=uvicorn.Config(app, log_config=None),
            server_state=ServerState(),
            app_state={DOOR: door},
            _loop=loop,
        )
        transports = [_Transport() for _ in range(BOUND + 3)]
        connections = [make() for _ in transports]
        for connection, transport in zip(connections, transports, strict=True):
            connection.connection_made(transport)
            connection.data_received(prediction(LENGTH, target=b"/tfgate/predict/sentiment"))
        assert asked == []
        told = [transport.written[:12] for transport in transports]
        may_answer.set()
        while len(asked) < BOUND:
            await asyncio.sleep(0)
        while not all(transport.written for transport in transports):
            await asyncio.sleep(0)
        # Those that were expected are so no more.
        connections[0].data_received(prediction(LENGTH))
        while len(asked) < BOUND + 1:
            await asyncio.sleep(0)
        return told

    told = asyncio.run(come())
    assert told == [b""] * BOUND + [b"HTTP/1.1 429"] * 3


def test_a_request_that_never_becomes_one_takes_no_place() -> None:
    """Such as one whose target is longer than uvicorn's parser of addresses takes."""
    asked: list[str] = []

    async def inner(scope: Scope, _receive: Receive, _send: Send) -> None:
        asked.append(scope["path"])

    limit = ConcurrencyLimit("sentiment", max_limit=BOUND)
    door = LoadShedding(
        inner,
        limits={"/predict/sentiment": limit},
        registry={},  # type: ignore[arg-type]  # no other path is asked here
        model_asked=lambda _: None,
        answer=lambda *_: pytest.fail("it is not asked"),
        max_requests=BOUND,
    )

    async def come(target: bytes) -> bytes:
        transport = _Transport()
        connection = BoundedConnection(
            limits=ConnectionLimits(1_000_000, 10),
            config=uvicorn.Config(door, interface="asgi3", log_config=None),
            server_state=ServerState(),
            app_state={DOOR: door},
            _loop=asyncio.get_running_loop(),
        )
        connection.connection_made(transport)
        connection.data_received(prediction(LENGTH, target=target))
        return transport.written[:12]

    async def all_come() -> None:
        target = b"/predict/sentiment"
        for _ in range(BOUND):
            assert await come(target + b"?" + 70_000 * b"a") == b"HTTP/1.1 400"
        assert await come(target) == b""
        while not asked:
            await asyncio.sleep(0)

    asyncio.run(all_come())


def test_a_target_that_cannot_be_read_is_not_answered_in_place_of_the_request_before() -> None:
    may_answer = asyncio.Event()

    async def inner(_scope: Scope, _receive: Receive, send: Send) -> None:
        await may_answer.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def come() -> list[bytes]:
        transport = _Transport()
        connection = BoundedConnection(
            limits=ConnectionLimits(1_000_000, 10),
            config=uvicorn.Config(inner, log_config=None),
            server_state=ServerState(),
            app_state={},
            _loop=asyncio.get_running_loop(),
        )
        connection.connection_made(transport)
        connection.data_received(prediction(LENGTH))
        connection.data_received(prediction(LENGTH, target=b"/?" + 70_000 * b"a"))
        may_answer.set()
        while not transport.written:
            await asyncio.sleep(0)
        return re.findall(rb"HTTP/1\.1 (\d+)", transport.written)

    assert asyncio.run(come()) == [b"204"]


def test_whom_the_server_has_let_in_counts_for_those_whom_it_does_not_ask_about() -> None:
    asked: list[str] = []

    async def inner(scope: Scope, _receive: Receive, _send: Send) -> None:
        asked.append(scope["path"])

    typed, other = "/predict/sentiment", "/v1/models/sentiment:predict"
    door = LoadShedding(
        inner,
        limits={typed: ConcurrencyLimit("sentiment", max_limit=BOUND)},
        registry={},  # type: ignore[arg-type]  # it is asked as one asks a dictionary
        model_asked=lambda _: "sentiment",
        answer=lambda *_: Response(status_code=429),
        max_requests=1,
    )

    async def come(path: str, state: dict[str, Any]) -> list[int]:
        told: list[int] = []

        async def send(message: Message) -> None:
            told.extend([message["status"]] if "status" in message else [])

        scope = {"type": "http", "method": "POST", "path": path, "headers": [], "state": state}
        await door(scope, None, send)  # type: ignore[arg-type]  # nobody receives
        return told

    async def both_come() -> None:
        known, state = door.path_of(typed.encode(), b""), dict[str, Any]()
        assert known is not None
        door.let_in(known, state)
        assert await come(other, {}) == [429]
        await come(typed, state)
        await come(other, {})
        assert asked == [typed, other]

    asyncio.run(both_come())


class _Transport(asyncio.Transport):
    """Keeps what is written."""

    written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass
