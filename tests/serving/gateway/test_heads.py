"""Requests that never become one are told why: heads too large or too slow, and what is no HTTP."""

import json
import socket
from collections.abc import Iterator
from http.client import HTTPResponse

import httpx
import pytest

from tests import stack
from tests.readings import reading
from tests.visitor import Answer

LIMIT = 4_000
SECONDS = 2


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
