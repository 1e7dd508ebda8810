"""How long a caller waits: the time that a request may take, as its headers state it."""

import re

from serving.errors import FieldError, InvalidInput
from serving.gateway.api.bodies import HeaderLines

TIMEOUT = "Request-Timeout"
GRPC_TIMEOUT = "grpc-timeout"

_SECONDS = re.compile(rb"\d{1,9}(\.\d{1,9})?")
# Source: "Timeout" in gRPC over HTTP/2: at most eight digits, then the unit.
_GRPC = re.compile(rb"(\d{1,8})([HMSmun])")
_GRPC_UNITS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_HINT = "Correct the header, or leave it out."


def timeout_seconds(headers: HeaderLines, *, longest: float) -> float:
    """Return the time that a request may take: what it asks for, but no more than `longest`.

    Raises:
        InvalidInput: a header is there but cannot be read, or leaves no time at all.
    """
    stated = _stated(headers)
    if stated is None:
        return longest
    header, seconds = stated
    if seconds == 0:
        raise _invalid(header, "leaves no time at all for the answer")
    return min(seconds, longest)


def _stated(headers: HeaderLines) -> tuple[str, float] | None:
    stated = headers.get(b"request-timeout")
    if stated is not None:
        if not _SECONDS.fullmatch(stated):
            raise _invalid(TIMEOUT, "must be a number of seconds, such as 0.5")
        return TIMEOUT, float(stated)
    stated = headers.get(b"grpc-timeout")
    if stated is not None:
        parts = _GRPC.fullmatch(stated)
        if parts is None:
            raise _invalid(GRPC_TIMEOUT, "must be digits and a unit of H, M, S, m, u or n: 500m")
        return GRPC_TIMEOUT, int(parts[1]) * _GRPC_UNITS[parts[2]]
    return None


def _invalid(header: str, message: str) -> InvalidInput:
    return InvalidInput(
        f"the header {header} {message}",
        hint=_HINT,
        fields=[FieldError(f"header.{header}", message)],
    )
