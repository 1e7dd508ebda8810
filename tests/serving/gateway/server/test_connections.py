"""What a connection may take: what is no request is told why, and nobody stays for ever."""

import asyncio
import json
import socket
import struct
from collections.abc import Iterator
from functools import partial
from http.client import HTTPResponse

import httpx
import pytest
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from serving.gateway.server.connections import BoundedConnection, ConnectionLimits
from tests import stack
from tests.readings import reading
from tests.visitor import Answer

LIMIT = 4_000
SECONDS = 2
CHUNKED = b"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    settings = {"max_header_bytes": str(LIMIT), "header_seconds": str(SECONDS)}
    with stack.gateway_process(**settings) as (_, url):
        yield url


def send(url: str, *pieces: bytes) -> Answer:
    """Send bytes on a connection of their own, and read what comes back."""
    with socket.create_connection(address(url), timeout=30) as connection:
        for piece in pieces:
            connection.sendall(piece)
        answer = HTTPResponse(connection)
        answer.begin()
        document = json.loads(answer.read())
    return Answer(answer.status, httpx.Headers(answer.getheaders()), document)


def answer_on(connection: socket.socket) -> HTTPResponse:
    """Read one answer, and leave the connection open."""
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer


def is_refused(connection: socket.socket) -> bool:
    try:
        connection.sendall(b"\r\n")
    except OSError:
        return True
    return False


def address(url: str) -> tuple[str, int]:
    parsed = httpx.URL(url)
    assert parsed.port is not None
    return parsed.host, parsed.port


def head(*, lines: int) -> bytes:
    many = b"".join(b"x-%d: y\r\n" % number for number in range(lines))
    return b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [head(lines=10_000)],
        [head(lines=10_000)[:LIMIT], head(lines=10_000)[LIMIT:-2]],
        [b"GET /" + b"a" * LIMIT + b" HTTP/1.1\r\nHost: x\r\n\r\n"],
        [b"GET /healthz HTTP/1.1\r\nHost: " + b"a" * 2 * LIMIT],
    ],
    ids=["ten thousand lines", "and in pieces", "path", "one endless line"],
)
def test_a_head_that_is_too_large_is_refused(url: str, pieces: list[bytes]) -> None:
    answer = send(url, *pieces)

    assert answer.status == 431
    assert answer.code == "headers-too-large"
    assert f"{LIMIT:,}" in answer.document["detail"]
    assert answer.headers["Connection"] == "close"


def test_a_head_within_the_limit_is_not(url: str) -> None:
    assert httpx.get(f"{url}/healthz", headers={"x-long": "y" * (LIMIT - 500)}).is_success


def test_a_large_body_does_not_count_as_head(url: str) -> None:
    body = b'{"text": "%s"}' % (b"a" * 3 * LIMIT)
    headers = {"Content-Type": "application/json"}

    answer = httpx.post(f"{url}/predict/sentiment", content=body, headers=headers)

    assert answer.json()["code"] == "model-server-unavailable"


def test_a_head_that_does_not_arrive_is_given_up(url: str) -> None:
    answer = send(url, b"GET /healthz HTTP/1.1\r\nHost: x\r\nx-slow: ")

    assert answer.status == 408
    assert answer.code == "request-timeout"
    assert "headers" in answer.document["detail"]


def test_a_connection_may_be_silent_for_longer_than_a_head_may_take(url: str) -> None:
    with socket.create_connection(address(url), timeout=SECONDS + 1) as connection:
        with pytest.raises(TimeoutError):
            connection.recv(1)

        connection.sendall(head(lines=0))

        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_body_before_it_does_not_count_for_the_next_head(url: str) -> None:
    body = b'{"text": "%s"}' % (b"a" * 3 * LIMIT)
    first = b"POST /predict/invented HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection(address(url), timeout=30) as connection:
        connection.sendall(first)
        connection.sendall(body)
        assert answer_on(connection).status == 404
        connection.sendall(head(lines=0)[:20])
        connection.sendall(head(lines=0)[20:])
        assert answer_on(connection).status == 200


@pytest.mark.parametrize(("lines", "status"), [(LIMIT // 20, 200), (LIMIT, 431)])
def test_lines_after_a_body_are_no_headers_but_bounded_like_them(
    url: str, lines: int, status: int
) -> None:
    assert send(url, CHUNKED + b"0\r\n" + lines * b"x-late: y\r\n" + b"\r\n").status == status


def test_a_body_that_cannot_be_read_is_not_answered_a_second_time(url: str) -> None:
    with socket.create_connection(address(url), timeout=30) as connection:
        connection.sendall(CHUNKED)
        assert answer_on(connection).status == 200
        connection.sendall(b"no chunk\r\n")
        assert connection.recv(1) == b""


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n1",
    ],
    ids=["an empty line", "an empty line after a request", "a body that nobody waits for"],
)
def test_what_belongs_to_no_request_keeps_no_connection_open(url: str, sent: bytes) -> None:
    with socket.create_connection(address(url), timeout=30) as connection:
        connection.sendall(sent)
        if sent.strip():
            answer_on(connection)
            connection.sendall(b"\r\n")
        assert connection.recv(1) == b""


def test_answers_that_nobody_takes_are_not_kept_for_ever(url: str) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(address(url))
        connection.sendall(
            b"GET /static-offline-docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
        )

        stack.wait_until(lambda: is_refused(connection), "the end of the connection")


def test_a_few_requests_may_be_sent_ahead(url: str) -> None:
    with socket.create_connection(address(url), timeout=30) as connection:
        connection.sendall(5 * head(lines=0))
        received = b""
        while received.count(b'{"status":"ok"}') < 5:
            received += connection.recv(100_000)


def test_but_not_thousands(url: str) -> None:
    with socket.create_connection(address(url), timeout=30) as connection:
        connection.sendall(1000 * head(lines=0))
        received = b""
        while data := connection.recv(100_000):
            received += data

    assert 1 <= received.count(b"HTTP/1.1 200 ") < 100


def test_an_answer_is_not_lost_for_what_follows_its_request(url: str) -> None:
    labels = {"outcome": "internal-error"}
    with socket.create_connection(address(url), timeout=30) as connection:
        connection.sendall(head(lines=0) + b"nonsense\r\n\r\n")
        assert answer_on(connection).status == 200
        assert connection.recv(1) == b""

    assert reading(url, "tfgate_requests_total", **labels) == 0


def test_another_protocol_that_is_offered_is_ignored(url: str) -> None:
    """As Java's own client does by default."""
    body = b'{"text": "fine"}'
    request = (
        b"POST /predict/sentiment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )

    assert send(url, request).code == "model-server-unavailable", "the body was read"


def test_behind_another_request_its_body_is_never_taken_for_a_third(url: str) -> None:
    body = LIMIT // 40 * head(lines=0)
    offer = b"POST /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection(address(url), timeout=30) as connection:
        connection.sendall(head(lines=0) + offer + length + body)
        received = b"".join(iter(lambda: connection.recv(65536), b""))

    assert received.count(b"HTTP/1.1 ") == received.count(b"HTTP/1.1 200 ") == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /healthz HTTP/1.1\r\nno colon\r\n\r\n",
    ],
    ids=["words", "TLS", "broken line"],
)
def test_what_is_no_http_is_told_so(url: str, sent: bytes) -> None:
    answer = send(url, sent)

    assert answer.status == 400
    assert answer.code == "malformed-request"


def test_refusals_are_counted(url: str) -> None:
    labels = {"outcome": "malformed-request"}
    before = reading(url, "tfgate_refused_heads_total", **labels)

    send(url, b"hello\r\n\r\n")

    assert reading(url, "tfgate_refused_heads_total", **labels) == before + 1


def test_a_body_that_cannot_be_read_costs_no_answer_before_it(url: str) -> None:
    with socket.create_connection(address(url), timeout=30) as connection:
        broken = CHUNKED.replace(b"GET /healthz", b"POST /predict/sentiment")
        json_type = b"Host: x\r\nContent-Type: application/json\r\n"
        broken = broken.replace(b"Host: x\r\n", json_type) + b"no chunk\r\n"
        connection.sendall(head(lines=0) + broken)
        answer = answer_on(connection)
        assert answer.status == 200
        assert answer.headers["Connection"] == "close"
        assert connection.recv(1) == b"", "nothing waits for the rest of it"


def test_what_still_comes_after_a_broken_request_costs_no_answer_before_it(url: str) -> None:
    """A connection that is closed with something unread is reset, and its answers are lost."""
    with socket.create_connection(address(url), timeout=30) as connection:
        connection.sendall(head(lines=0) + CHUNKED + b"no chunk\r\n" + bytes(2_000_000))
        received = b"".join(iter(lambda: connection.recv(65536), b""))

    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.count(b"HTTP/1.1 ") == 1


def test_a_client_that_leaves_several_requests_behind_breaks_none() -> None:
    """uvloop raises where a connection that is gone is written to; asyncio does not."""
    broken: list[RuntimeError] = []

    async def leave() -> None:
        may_answer, answered = asyncio.Semaphore(1), asyncio.Semaphore(0)
        lost = asyncio.Event()

        class Connection(BoundedConnection):
            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                lost.set()

        async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
            await may_answer.acquire()
            try:
                await send({"type": "http.response.start", "status": 204, "headers": []})
                await send({"type": "http.response.body"})
            except RuntimeError as error:
                broken.append(error)
            answered.release()

        loop = asyncio.get_running_loop()
        make = partial(
            Connection,
            limits=ConnectionLimits(LIMIT, SECONDS),
            config=uvicorn.Config(app, log_config=None),
            server_state=ServerState(),
            app_state={},
            _loop=loop,
        )
        server = await loop.create_server(make, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(3 * head(lines=0))
        # Until the first one is answered, nothing more is read, not even that the client left.
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 ")
        reset = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        writer.transport.abort()
        await lost.wait()
        may_answer.release()
        await answered.acquire()
        await answered.acquire()
        server.close()

    uvloop.run(leave())

    assert not broken
