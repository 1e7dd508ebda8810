"""What the head of a request must be; whatever it is not is told, and ends the connection.

Sources: RFC 9110, RFC 9112, and what http-garden and h11's own tests send.
"""

import email.utils
import json
import re
import socket
import time
from collections.abc import Iterator
from http.client import HTTPResponse

import httpx
import pytest

from serving.errors import MalformedRequest
from serving.gateway.server import refusals
from tests import stack
from tests.visitor import Answer

HOST = b"Host: x\r\n"
CHUNKS = b"0\r\n\r\n"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with stack.gateway_process() as (_, url):
        yield url


def send(url: str, sent: bytes) -> Answer:
    """Send bytes on a connection of their own, and read what comes back."""
    with connect(url) as connection:
        connection.sendall(sent)
        return read(connection)


def connect(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", httpx.URL(url).port), timeout=30)


def read(connection: socket.socket) -> Answer:
    answer = HTTPResponse(connection)
    answer.begin()
    return Answer(answer.status, httpx.Headers(answer.getheaders()), json.loads(answer.read()))


def get(*lines: bytes, start: bytes = b"GET /healthz HTTP/1.1\r\n", host: bytes = HOST) -> bytes:
    return start + host + b"".join(lines) + b"\r\n"


def host(value: bytes) -> bytes:
    return get(host=b"Host: " + value + b"\r\n")


def coded(*values: bytes) -> bytes:
    return get(*(b"Transfer-Encoding: " + value + b"\r\n" for value in values)) + CHUNKS


def target(value: bytes, method: bytes = b"GET") -> bytes:
    return get(start=method + b" " + value + b" HTTP/1.1\r\n")


OLD = b"GET /healthz HTTP/1.0\r\n"

REFUSED = {
    (400, "malformed-request"): {
        "no Host": get(host=b""),
        "two Hosts": get(host=HOST + HOST),
        "two Hosts, apart": get(b"A: b\r\n", b"hOST: y\r\n"),
        "two Hosts, one empty": get(b"Host:\r\n"),
        "two Hosts of HTTP/1.0": get(host=HOST + HOST, start=OLD),
        "a wrong Host of HTTP/1.0": get(host=b"Host: a b\r\n", start=OLD),
        "joined Hosts": host(b"a,b"),
        "words": host(b"a b"),
        "a path": host(b"a/b"),
        "a query": host(b"a?b"),
        "a user": host(b"a@b"),
        "an address": host(b"http://a"),
        "a port of letters": host(b"a:b"),
        "two ports": host(b"a:1:2"),
        "a negative port": host(b"a:-1"),
        "IPv6 without brackets": host(b"::1"),
        "half a bracket": host(b"[::1"),
        "letters beyond ASCII": host("häuser.example".encode()),
        "quotes": host(b'"a"'),
        "half an escape": host(b"a%2"),
        "gzip alone": coded(b"gzip"),
        "chunked, then gzip": coded(b"chunked, gzip"),
        "chunked in quotes": coded(b'"chunked"'),
        "chunked with a parameter": coded(b"chunked;q=1"),
        "chunked twice": coded(b"chunked, chunked"),
        "chunked in two lines": coded(b"chunked", b"chunked"),
        "no coding": coded(b""),
        "HTTP/1.0 chunked": get(b"Transfer-Encoding: chunked\r\n", start=OLD) + CHUNKS,
        "an address of ftp": target(b"ftp://x/healthz"),
        "an address with a user": target(b"http://me:secret@x/healthz"),
        "an address without a host": target(b"http:///healthz"),
        "an authority": target(b"x:80"),
        "a word": target(b"healthz"),
        "a query alone": target(b"?a"),
        "a fragment": target(b"/healthz#top"),
        "a fragment of an address": target(b"http://x/healthz#top"),
        "a folded line": get(b"A: b\r\n c\r\n"),
        "a folded first line": b"GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n",
        "a line without a name": get(b": b\r\n"),
        "lone line feeds": b"GET /healthz HTTP/1.1\nHost: x\n\n",
        "HTTP/1.2": get(start=b"GET /healthz HTTP/1.2\r\n"),
        "HTTP/1": get(start=b"GET /healthz HTTP/1\r\n"),
        "http/1.1": get(start=b"GET /healthz http/1.1\r\n"),
        "a space too many at the end": get(start=b"GET /healthz HTTP/1.1 \r\n"),
        "a space in the target": target(b"/hea lthz"),
        "a space at the start": b" " + get(),
        "a method that is no word": b"G@T /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    },
    (417, "unmet-expectation"): {
        "another expectation": get(b"Expect: 200-ok\r\n"),
        "one more": get(b"Expect: 100-continue, more\r\n"),
        "one more line": get(b"Expect: 100-continue\r\n", b"Expect: more\r\n"),
    },
    (501, "unimplemented"): {
        "gzip, chunked": coded(b"gzip, chunked"),
        "gzip, chunked in two lines": coded(b"gzip", b"chunked"),
        "GZip,Chunked": coded(b"GZip,Chunked"),
        "identity, chunked": coded(b"identity, chunked"),
        "a comma": coded(b",chunked"),
        "an unknown method": target(b"/healthz", b"FETCH"),
        "a method in small letters": target(b"/healthz", b"get"),
        "an unknown method after an empty line": b"\r\n" + target(b"/healthz", b"FETCH"),
        "a tunnel": target(b"x:443", b"CONNECT"),
        "a tunnel to a path": target(b"/healthz", b"CONNECT"),
    },
    (505, "unsupported-http-version"): {
        "HTTP/2.0": get(start=b"GET /healthz HTTP/2.0\r\n"),
        "HTTP/0.9": get(start=b"GET /healthz HTTP/0.9\r\n"),
        "no version": get(start=b"GET /healthz\r\n"),
    },
}


@pytest.mark.parametrize("status", REFUSED, ids=str)
def test_a_head_that_nobody_should_act_on_is_refused(url: str, status: tuple[int, str]) -> None:
    for what, sent in REFUSED[status].items():
        with connect(url) as connection:
            connection.sendall(sent)
            answer = read(connection)
            assert connection.recv(1) == b"", what

        assert (answer.status, answer.code) == status, what
        assert answer.headers["Connection"] == "close"


TAKEN = {
    "no Host of HTTP/1.0": get(host=b"", start=OLD),
    "an empty Host": host(b""),
    "a port": host(b"x:8000"),
    "no port after its colon": host(b"x:"),
    "a name of a container": host(b"my_gateway-1.default.svc"),
    "blanks around it": host(b" \tx \t"),
    "IPv4": host(b"127.0.0.1:8000"),
    "IPv6": host(b"[::1]:8000"),
    "IPv6 that maps IPv4": host(b"[::ffff:127.0.0.1]"),
    "an escape": host(b"a%20b"),
    "chunked": coded(b"chunked"),
    "Chunked": coded(b"Chunked"),
    "an address": target(b"http://x/healthz"),
    "an address of another host": target(b"http://y:80/healthz"),
    "an address of HTTPS": target(b"HTTPS://x/healthz?"),
    "an address of IPv6": target(b"http://[::1]/healthz"),
    "an address without a path": target(b"http://x"),
    "an address with a query alone": target(b"http://x?a=b"),
    "an expectation": get(b"Expect: 100-Continue\r\n"),
    "the same twice": get(b"Expect: 100-continue\r\n", b"Expect: 100-continue\r\n"),
    "no expectation": get(b"Expect:\r\n"),
    "an empty line before": b"\r\n" + get(),
}


def test_what_looks_odd_but_is_right_is_answered(url: str) -> None:
    for what, sent in TAKEN.items():
        with connect(url) as connection:
            connection.sendall(sent)
            assert connection.recv(100).startswith(b"HTTP/1.1 200 "), what


def test_it_says_what_was_wrong(url: str) -> None:
    for sent, reason in [
        (get(host=b""), "no Host header"),
        (get(b"Host: y\r\n"), "'x, y'"),
        (coded(b"gzip, chunked"), "'gzip, chunked'"),
        (target(b"/", b"FETCH"), "'FETCH'"),
        (target(b"ftp://x/"), "'ftp://x/'"),
        (get(b"Content-Length: +5\r\n"), "Content-Length"),
        (get(b"A: \0\r\n"), "header value"),
        (20 * get(b"A: b\r\n")[:-2] + b"no colon\r\n\r\n", "header"),
    ]:
        assert reason in send(url, sent).document["detail"], sent


def test_lines_of_one_name_are_one_value(url: str) -> None:
    """None of them is quietly left out: what was meant is unknown."""
    sent = b"POST /predict/sentiment HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
    kinds = b"Content-Type: application/json\r\ncontent-type: text/plain\r\n"

    answer = send(url, sent + kinds + b"\r\n")

    assert answer.code == "unsupported-media-type"
    assert "application/json, text/plain" in answer.document["detail"]


def test_what_is_refused_has_a_date_and_an_id(url: str) -> None:
    for line, name in [(b"X-Request-Id: mine\r\n", "mine"), (b"", "[0-9a-f]{32}")]:
        answer = send(url, get(line, host=b"", start=b"GET /healthz?a=b HTTP/1.1\r\n"))

        sent = email.utils.parsedate_to_datetime(answer.headers["Date"])
        assert abs(sent.timestamp() - time.time()) < 60
        assert re.fullmatch(name, answer.headers["X-Request-ID"])
        assert answer.headers["X-Request-ID"] == answer.document["request_id"]
        assert answer.document["instance"] == "/healthz"


@pytest.mark.parametrize(
    ("target", "instance"),
    [
        (b"/a?b", "/ml/a"),
        (b"/ml/a", "/ml/a"),
        (b"/ml", "/ml/"),
        (b"*", "*"),
        (b"x:443", "x:443"),
        (b"http://x/a", "http://x/a"),
        (b"", ""),
    ],
)
def test_it_is_told_where_the_client_asks(target: bytes, instance: str) -> None:
    answer = refusals.answer(
        MalformedRequest("no Host"),
        method=b"GET",
        target=target,
        root_path="/ml",
        headers=[],
        defaults=[],
    )

    problem = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert problem["type"] == "/ml/errors/malformed-request"
    assert problem["instance"] == instance


def test_the_root_path_that_is_set_stands_in_refusals_as_well() -> None:
    with stack.gateway_process(root_path="/ml") as (_, url):
        problem = send(url, get(host=b"")).document

    assert problem["type"] == "/ml/errors/malformed-request"
    assert problem["instance"] == "/ml/healthz"


def test_and_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    headers = [(b"x-request-id", b"mine")]

    error = MalformedRequest("no Host")
    refusals.answer(
        error, method=b"GET", target=b"/a?b", root_path="", headers=headers, defaults=[]
    )

    [record] = caplog.records
    assert "no Host" in record.getMessage()
    told = {"request_id": "mine", "path": "/a", "status": 400, "outcome": "malformed-request"}
    assert vars(record)["fields"] == told


def test_head_is_refused_without_a_body(url: str) -> None:
    with connect(url) as connection:
        connection.sendall(get(start=b"HEAD /healthz HTTP/1.1\r\n", host=b""))
        received = b"".join(iter(lambda: connection.recv(65536), b""))

    assert received.startswith(b"HTTP/1.1 400 ")
    assert received.endswith(b"\r\n\r\n")


def test_head_is_answered_as_get_is_without_a_body(url: str) -> None:
    closing = b"Connection: close\r\n"
    heads = []
    for method in (b"GET", b"HEAD"):
        with connect(url) as connection:
            connection.sendall(get(closing, start=method + b" /healthz HTTP/1.1\r\n"))
            received = b"".join(iter(lambda: connection.recv(65536), b""))
            head, _, body = received.partition(b"\r\n\r\n")
            lines = {line for line in head.split(b"\r\n") if not line.startswith((b"date", b"x-r"))}
            heads.append(lines)
    assert heads[0] == heads[1]
    assert body == b""
