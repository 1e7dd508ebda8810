"""What the head of a request must be beyond what the parser asks, as RFC 9110 and 9112 have it."""

import re
from functools import lru_cache

from serving.errors import (
    MalformedRequest,
    Unimplemented,
    UnmetExpectation,
    UnsupportedHttpVersion,
)

Lines = list[tuple[bytes, bytes]]

# Of what RFC 3986 allows in a name, no punctuation that no name of a host has: a comma is what is
# left of two Hosts that were joined on the way.
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[\w.~-]|%[0-9A-Fa-f]{2})*)(?::\d*)?")
_ABSOLUTE = re.compile(rb"(?i:https?)://([^/?#]+)(/[^?#]*)?(\?[^#]*)?")
_REQUEST_LINE = re.compile(rb"(?:\r?\n)*([\w!#$%&'*+.^`|~-]+) [!-~]+ HTTP/1\.[01]\r\n")
_OFFER = re.compile(rb"\r\nupgrade:", re.IGNORECASE)
_MAX_SHOWN = 100


def check(version: str, method: bytes, headers: Lines) -> dict[bytes, bytes]:
    """Refuse a head that nobody should act on, and join header lines of the same name.

    Returns them by their names.

    Raises:
        UnsupportedHttpVersion: it is neither HTTP/1.1 nor HTTP/1.0.
        Unimplemented: it asks for a tunnel, or for a transfer coding other than chunked.
        MalformedRequest: it does not say for which one host it is, or how long its body is.
        UnmetExpectation: it expects something else than to be told when to send its body.
    """
    if version not in ("1.1", "1.0"):
        message = f"the request's line says HTTP/{version}; spoken are HTTP/1.1 and HTTP/1.0"
        raise UnsupportedHttpVersion(message)
    if method == b"CONNECT":
        raise Unimplemented("the method is CONNECT; tfgate is no proxy")
    lines = dict(headers)
    if len(lines) != len(headers):
        # Source: RFC 9110, 5.3. Where only one is allowed, the two together are no valid value.
        lines = {}
        for name, value in headers:
            lines[name] = b", ".join((lines[name], value)) if name in lines else value
        headers[:] = lines.items()
    host = lines.get(b"host")
    if host is None:
        if version == "1.1":
            raise MalformedRequest("the request has no Host header")
    elif not _is_host(host):
        message = f"the Host header is {_shown(host)}, which is not one host's name or address"
        raise MalformedRequest(message)
    if b"transfer-encoding" in lines:
        _check_transfer_encoding(version, lines[b"transfer-encoding"])
    if b"expect" in lines:
        _check_expectation(lines[b"expect"])
    return lines


def origin_form(target: bytes) -> bytes:
    """Return the path and query of a target that does not begin with them; `*` stays as it is.

    Raises:
        MalformedRequest: it is neither, or has a fragment, which is for clients alone.
    """
    if target == b"*":
        return target
    parts = _ABSOLUTE.fullmatch(target)
    if parts is None or not _is_host(parts[1]):
        message = f"the request's target is {_shown(target)}, neither a path nor an http address"
        raise MalformedRequest(message)
    return (parts[2] or b"/") + (parts[3] or b"")


def without_offer(data: bytes) -> bytes:
    """Rename the header by which a client offers another protocol, as Java's offers HTTP/2."""
    head, end, rest = data.partition(b"\r\n\r\n")
    return _OFFER.sub(b"\r\nx-upgrade:", head) + end + rest


def unknown_method(piece: bytes) -> Unimplemented | None:
    """Return what to say of a request that the parser refuses for its method.

    None if it does not begin with a request's line at all.
    """
    line = _REQUEST_LINE.match(piece)
    return line and Unimplemented(f"the method is {_shown(line[1])}, which is none that is known")


# Clients ask the same few hosts, and matching one takes as long as all else here.
@lru_cache(maxsize=64)
def _is_host(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


def _check_transfer_encoding(version: str, value: bytes) -> None:
    if version == "1.0":
        # Source: RFC 9112, 6.1: whoever passed it on may have seen another body.
        raise MalformedRequest("a request of HTTP/1.0 has a Transfer-Encoding")
    *others, last = value.lower().split(b",")
    if last.strip() != b"chunked":
        # Source: RFC 9112, 6.3: nobody can tell where the body ends.
        message = f"the last Transfer-Encoding is {_shown(last)}, not chunked"
        raise MalformedRequest(message)
    if others:
        message = f"the Transfer-Encoding is {_shown(value)}; chunked alone is understood"
        raise Unimplemented(message)


def _check_expectation(value: bytes) -> None:
    expected = {each.strip().lower() for each in value.split(b",")}
    if expected - {b"", b"100-continue"}:
        message = f"the Expect header is {_shown(value)}; the only one met is 100-continue"
        raise UnmetExpectation(message)


def _shown(value: bytes) -> str:
    return repr(value[:_MAX_SHOWN].decode("ascii", "backslashreplace"))
