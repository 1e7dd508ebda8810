"""Clients that send nothing more, and those that have gone, which looks the same at first."""

import asyncio
import json
import socket
import threading
from http.client import HTTPResponse

import httpx
import pytest

from proto.predict_pb2 import PredictResponse
from tests import stack
from tests.fake_model_server import FakeModelServer, PredictCall
from tests.faults import hang
from tests.readings import reading

BODY = b'{"text": "A good film."}'
HEAD = b"POST /predict/sentiment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
ASK = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
OLDER = ASK.replace(b"HTTP/1.1", b"HTTP/1.0")


@pytest.fixture(autouse=True)
def _no_faults(server: FakeModelServer) -> None:
    server.faults.clear()
    server.calls.clear()


def half_closed(url: str, sent: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", httpx.URL(url).port), timeout=30)
    connection.sendall(sent)
    connection.shutdown(socket.SHUT_WR)
    return connection


def all_of(connection: socket.socket) -> bytes:
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("sent", [ASK, OLDER])
def test_a_complete_request_is_answered(url: str, sent: bytes) -> None:
    received = all_of(half_closed(url, sent))

    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in head
    assert "prediction" in json.loads(body)


def test_so_are_several(url: str) -> None:
    received = all_of(half_closed(url, 3 * ASK))

    assert received.count(b"HTTP/1.1 200 ") == 3


def test_so_is_one_that_takes_its_time(url: str, server: FakeModelServer) -> None:
    may_answer = threading.Event()

    async def wait(call: PredictCall) -> PredictResponse:
        await asyncio.to_thread(may_answer.wait)
        return call.answer()

    server.faults["sentiment"] = wait
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    with half_closed(url, ASK) as connection:
        # A client that has gone is found out by the second of them.
        for _ in range(4):
            assert connection.recv(len(interim), socket.MSG_WAITALL) == interim
        may_answer.set()
        answer = HTTPResponse(connection)
        answer.begin()  # it skips interim answers, as any client has to
        assert (answer.status, "prediction" in json.loads(answer.read())) == (200, True)


def test_an_answer_that_is_larger_than_any_buffer_comes_as_a_whole(url: str) -> None:
    large = b"GET /static-offline-docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
    head, _, body = all_of(half_closed(url, large)).partition(b"\r\n\r\n")

    assert b"content-length: %d\r\n" % len(body) in head


@pytest.mark.parametrize(
    "sent",
    [ASK[:20], HEAD, ASK[:-1], HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
    ids=["line", "head", "body", "chunks"],
)
def test_half_a_request_is_told_so(url: str, sent: bytes) -> None:
    received = all_of(half_closed(url, sent))

    assert received.startswith(b"HTTP/1.1 400 ")
    assert b"stopped sending in the middle" in received


@pytest.mark.parametrize("sent", [b"", b"\r\n"])
def test_nothing_is_told_where_nothing_was_asked(url: str, sent: bytes) -> None:
    assert all_of(half_closed(url, sent)) == b""


@pytest.mark.parametrize("sent", [ASK, OLDER])
def test_what_a_client_that_has_gone_had_asked_for_is_cancelled(
    url: str, server: FakeModelServer, sent: bytes
) -> None:
    server.faults["sentiment"] = hang
    labels = {"model": "sentiment", "outcome": "client-disconnected"}
    before = reading(url, "tfgate_requests_total", **labels)

    half_closed(url, sent).close()

    stack.wait_until(lambda: server.calls != [] and server.calls[0].ended, "the end of the call")
    assert server.calls[0].cancelled
    stack.wait_until(
        lambda: reading(url, "tfgate_requests_total", **labels) == before + 1, "the count of it"
    )
