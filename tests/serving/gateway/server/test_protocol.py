"""HTTP as no client library sends it: what could be read in two ways is refused, the rest works.

The gateway is a process with a port; behind it is the fake model server.
"""

import json
import socket
from http.client import HTTPResponse

import httpx
import pytest

from tests import stack
from tests.example_bodies import HOUSE
from tests.fake_model_server import FakeModelServer
from tests.faults import hang
from tests.readings import reading
from tests.visitor import Answer, Visitor

BODY = b'{"text": "A good film."}'
JSON = b"Content-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)


def connect(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", httpx.URL(url).port), timeout=30)


def read(connection: socket.socket) -> Answer:
    with HTTPResponse(connection) as answer:
        answer.begin()
        headers = httpx.Headers(answer.getheaders())
        return Answer(answer.status, headers, json.loads(answer.read()))


def send(url: str, sent: bytes) -> Answer:
    with connect(url) as connection:
        connection.sendall(sent)
        return read(connection)


def prediction(*lines: bytes, body: bytes = BODY, target: bytes = b"/predict/sentiment") -> bytes:
    head = b"POST %s HTTP/1.1\r\nHost: x\r\n" % target
    return head + JSON + b"".join(lines) + b"\r\n" + body


AMBIGUOUS = {
    "both lengths": prediction(b"Content-Length: 5\r\n", CHUNKED, body=CHUNKS),
    "both lengths, the other way": prediction(CHUNKED, LENGTH, body=CHUNKS),
    "two lengths": prediction(LENGTH, b"Content-Length: 5\r\n"),
    "a list of lengths": prediction(b"Content-Length: 5, 24\r\n"),
    "a negative length": prediction(b"Content-Length: -5\r\n"),
    "a length with a plus": prediction(b"Content-Length: +24\r\n"),
    "a length of 26 digits": prediction(b"Content-Length: " + b"9" * 26 + b"\r\n"),
    "no length at all": prediction(b"Content-Length: \r\n"),
    "an unknown coding": prediction(b"Transfer-Encoding: xchunked\r\n", body=CHUNKS),
    "chunked, but not at last": prediction(
        b"Transfer-Encoding: chunked, identity\r\n", body=CHUNKS
    ),
    "a space before the colon": prediction(b"Transfer-Encoding : chunked\r\n", body=CHUNKS),
    "a chunk of no number": prediction(CHUNKED, body=b"zz\r\n"),
    "a negative chunk": prediction(CHUNKED, body=b"-5\r\n"),
    "a chunk that is too large": prediction(CHUNKED, body=b"f" * 17 + b"\r\n"),
    "a chunk longer than it says": prediction(CHUNKED, body=b"5\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "NUL in a path": prediction(LENGTH, target=b"/predict/sentiment\0"),
    "bytes in a path": prediction(LENGTH, target=b"/predict/\xff"),
    "NUL in a header": prediction(LENGTH, b"X-Request-Id: a\0b\r\n"),
    "a lone line feed in a header": prediction(LENGTH, b"X-Request-Id: a\nb\r\n"),
    "a lone carriage return in a header": prediction(LENGTH, b"X-Request-Id: a\rb: c\r\n"),
    "a control code in a header": prediction(LENGTH, b"X-Other: a\x01b\r\n"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


def test_what_could_be_read_in_two_ways_is_refused(url: str) -> None:
    for what, sent in AMBIGUOUS.items():
        answer = send(url, sent)

        assert (answer.status, answer.code) == (400, "malformed-request"), what
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Connection"] == "close"


def test_odd_targets_are_answered(url: str) -> None:
    for target in (
        b"/%00",
        b"/models/%00",
        b"/errors/%ff",
        b"/models/" + b"a" * 20_000,
        b"/static-offline-docs/../app.py",
        b"/static-offline-docs/%2e%2e/%2e%2e/app.py",
        b"*",
        b"//healthz",
    ):
        answer = send(url, b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % target)

        assert answer.status == 404, target
        assert answer.code in ("not-found", "unknown-model")

    elsewhere = b"GET http://elsewhere.example/healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    assert send(url, elsewhere).status == 200


def test_a_client_may_ask_before_it_sends_the_body(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(prediction(LENGTH, b"Expect: 100-continue\r\n", body=b""))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"

        connection.sendall(BODY)

        assert read(connection).status == 200


def test_a_client_of_1996_cannot_be_asked_for_the_body(url: str) -> None:
    head = prediction(LENGTH, b"Expect: 100-continue\r\n", body=b"")
    with connect(url) as connection:
        connection.sendall(head.replace(b"HTTP/1.1", b"HTTP/1.0"))
        stack.wait_until(
            lambda: reading(url, "tfgate_requests_in_flight", model="sentiment") == 1,
            "the request that waits for its body",
        )
        connection.sendall(BODY)

        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("withheld", [BODY, BODY[1:]])
def test_a_body_that_was_not_asked_for_is_no_next_request(url: str, withheld: bytes) -> None:
    """Nobody knows whether it still comes: the connection ends."""
    refused = prediction(LENGTH, b"Expect: 100-continue\r\nContent-Encoding: br\r\n", body=b"")
    with connect(url) as connection:
        connection.sendall(refused + BODY.removesuffix(withheld))
        answer = read(connection)
        assert (answer.status, answer.headers.get("Connection")) == (415, "close")
        assert connection.recv(1) == b""


def test_one_that_was_leaves_the_connection_as_it_is(url: str) -> None:
    asking = prediction(LENGTH, b"Expect: 100-continue\r\n", body=b"")
    with connect(url) as connection:
        for _ in range(2):
            connection.sendall(asking)
            assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(BODY)
            answer = read(connection)
            assert (answer.status, answer.headers.get("Connection")) == (200, None)


def test_a_body_that_is_too_large_is_never_asked_for(url: str) -> None:
    lines = b"Expect: 100-continue\r\nContent-Length: 99000000\r\n"

    answer = send(url, prediction(lines, body=b""))

    assert (answer.status, answer.code) == (413, "payload-too-large")


def test_a_wish_for_another_protocol_costs_no_body(url: str) -> None:
    for protocol in (b"websocket", b"h2c"):
        for length, body in ((LENGTH, BODY), (CHUNKED, CHUNKS)):
            wish = b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMA\r\n"
            wish += b"Upgrade: %s\r\n" % protocol
            with connect(url) as connection:
                connection.sendall(prediction(length, wish, body=body[:5]))
                connection.sendall(body[5:])
                assert read(connection).status == 200, (protocol, length)


def test_nor_does_one_that_comes_in_pieces(url: str) -> None:
    """Cut at every place, also within its name and within the end of the head."""
    wish = b"Connection: Upgrade\r\nuPGRADE: h2c\r\n"
    sent = prediction(LENGTH, wish)
    with connect(url) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for cut in range(sent.index(b"uPGRADE") - 3, len(sent)):
            connection.sendall(sent[:cut])
            connection.sendall(sent[cut:])
            assert read(connection).status == 200, sent[:cut]
        for start in range(len(sent)):
            connection.sendall(sent[start : start + 1])
        assert read(connection).status == 200
        connection.sendall(b"\r\n")
        connection.sendall(sent[:50])
        connection.sendall(sent[50:].replace(b"uPGRADE", b"A: b\r\nUPGRADE: x\r\nupgrade"))
        assert read(connection).status == 200


@pytest.mark.parametrize(
    ("version", "line"),
    [
        (b"1.0", b""),  # as nginx asks, if it is not told otherwise
        (b"1.1", b"Connection: close\r\n"),
        (b"1.1", b"Expect: 100-continue\r\n"),
        (b"1.1", b""),
    ],
)
def test_an_answer_is_not_lost_for_the_rest_of_its_request(
    url: str, version: bytes, line: bytes
) -> None:
    size = 40_000_000
    sent = prediction(b"Content-Length: %d\r\n" % size, line, body=bytes(size))
    with connect(url) as connection:
        connection.sendall(sent.replace(b"HTTP/1.1", b"HTTP/" + version))
        answer = read(connection)
        assert (answer.status, answer.code) == (413, "payload-too-large")
        if line or version == b"1.0":
            assert answer.headers["Connection"] == "close"
            assert connection.recv(1) == b""


def test_trailers_are_no_headers(url: str) -> None:
    body = CHUNKS.removesuffix(b"\r\n") + b"X-Request-Id: trailer\r\n\r\n"

    answer = send(url, prediction(CHUNKED, body=body))

    assert answer.status == 200
    assert answer.document["request_id"] != "trailer"


@pytest.mark.parametrize(
    "trailers", [b"a: b\r\n" * 200_000, b"a: " + b"b" * 1_000_000], ids=["lines", "line"]
)
def test_trailers_that_never_end_are_refused(url: str, trailers: bytes) -> None:
    with connect(url) as connection:
        connection.sendall(prediction(CHUNKED, body=CHUNKS.removesuffix(b"\r\n")))
        connection.sendall(trailers)

        answer = read(connection)

    assert (answer.status, answer.code) == (431, "headers-too-large")


def test_a_client_that_leaves_several_requests_behind_is_no_defect(url: str) -> None:
    labels = {"model": "sentiment", "outcome": "internal-error"}
    before = reading(url, "tfgate_requests_total", **labels)
    with connect(url) as connection:
        connection.sendall(prediction(LENGTH) * 5)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass

    assert send(url, prediction(LENGTH)).status == 200
    assert reading(url, "tfgate_requests_total", **labels) == before


def test_requests_that_are_sent_at_once_are_answered_in_their_order(url: str) -> None:
    ids = [f"request-{number}" for number in range(5)]
    sent = [prediction(LENGTH, f"X-Request-Id: {each}\r\n".encode()) for each in ids]
    with connect(url) as connection, connection.makefile("rb") as received:
        connection.sendall(b"".join(sent))
        answered = [line for _ in ids for line in iter(received.readline, b"\r\n")]

    told = [line for line in answered if line.startswith(b"x-request-id: ")]
    assert told == [f"x-request-id: {each}\r\n".encode() for each in ids]


def test_a_client_of_1996_is_answered(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(65536), b""))

    assert received.endswith(b'{"status":"ok"}')


def test_what_a_client_that_hangs_up_has_asked_for_is_cancelled(
    url: str, server: FakeModelServer
) -> None:
    server.faults["housing"] = hang
    server.calls.clear()
    with Visitor(url, "/predict/housing", HOUSE, {}) as visitor:
        stack.wait_until(lambda: len(server.calls) == 1, "the call")
        visitor.leave()

    stack.wait_until(lambda: server.calls[0].ended, "the end of the call")
    assert server.calls[0].cancelled
    labels = {"model": "housing", "outcome": "client-disconnected"}
    assert reading(url, "tfgate_requests_total", **labels) == 1
    server.faults.clear()
