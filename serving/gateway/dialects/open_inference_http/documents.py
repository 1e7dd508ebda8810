"""The JSON of a request as simdjson has it, or why it is none."""

import re
from typing import Any

from pydantic_core import from_json
from simdjson import Parser

from serving.errors import FieldError, MalformedBody
from serving.gateway.bodies.broken_json import explain

# A longer document is not read a second time to say what is wrong with it.
_MAX_EXPLAINED = 1_000_000
_MAX_LINES = 10_000  # that are counted through to find a place
_NAME = re.compile(rb'"name"\s*:\s*"((?:[^"\\]|\\.){0,100})"')


def parse(document: bytes | memoryview) -> Any:
    """Parse JSON into what can be looked at without being made into objects.

    Raises:
        MalformedBody: it is none; the message names the tensor in which it breaks off.
    """
    # A parser of its own: one that is used again keeps the memory of the largest document.
    try:
        return Parser().parse(document)
    except (ValueError, RuntimeError) as error:
        raise _malformed(bytes(document)) from error


def _malformed(document: bytes) -> MalformedBody:
    if len(document) > _MAX_EXPLAINED:
        return MalformedBody("the body is not valid JSON")
    try:
        from_json(document, allow_inf_nan=False)
    except ValueError as error:
        found = explain(document, str(error))
    else:
        # As 10^30 without an exponent, or a thousand brackets within each other.
        message = "the body is JSON that is not read: it is nested too deeply, or has a huge number"
        return MalformedBody(message)
    place = re.search(r"line (\d+), column (\d+)", found.detail)
    name = None if place is None else _name_before(document, int(place[1]), int(place[2]))
    if name is None:
        return found
    message = f"{found.detail} (in or after {name!r})"
    hint = f"{found.hint} In a tensor of FP32 or FP64, null is NaN."
    return MalformedBody(message, hint=hint, fields=[FieldError(f"inputs.{name}", message)])


def _name_before(document: bytes, line: int, column: int) -> str | None:
    """Return the tensor in which a document breaks off, if it has come to one."""
    start = 0
    for _ in range(min(line, _MAX_LINES) - 1):
        start = document.find(b"\n", start) + 1
    names = _NAME.findall(document[: start + column])
    return names[-1].decode(errors="replace") if names else None
