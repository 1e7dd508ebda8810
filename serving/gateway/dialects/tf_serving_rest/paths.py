"""Which path asks what of which model; knows nothing of bodies."""

import re
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import unquote

from starlette.types import Scope

from serving.errors import InvalidInput, MalformedRequest
from serving.gateway.inference.model_ref import ModelRef

# KServe's clients also ask why: https://kserve.github.io/website/ calls it V1's explain.
Method = Literal["predict", "classify", "regress", "explain", "status", "metadata"]
_METHODS: tuple[Method, ...] = get_args(Method)

# Source: http_rest_api_util.cc of TF Serving, whose matches ignore case too.
_VERSION = r"(?:/versions/(?P<version>[0-9]+)|/labels/(?P<label>[^/:]+))?"
_POST = re.compile(
    rf"/v1/models/(?P<name>[^/:]+){_VERSION}:(?P<method>classify|regress|predict|explain)",
    re.IGNORECASE,
)
_GET = re.compile(
    rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}(?:/(?P<method>metadata))?", re.IGNORECASE
)
_MAX_VERSION = 2**63 - 1


@dataclass(frozen=True)
class Target:
    """What a path asks, and of which model."""

    method: Method
    ref: ModelRef


def target_of(scope: Scope) -> Target:
    """Read the path of a request as it was sent: with its escapes, and with its query.

    Raises:
        MalformedRequest: it is no path of this API, or another verb belongs to it.
        InvalidInput: it names no model, or a version that is too large.
    """
    path = _path(scope)
    pattern = {"POST": _POST, "GET": _GET}.get(scope["method"])
    match = pattern.fullmatch(path) if pattern else None
    # The name of a method counts as it is written, though its place is found in any case.
    method = (match["method"] or "status") if match else ""
    if match is None or (pattern is _POST and method != method.lower()):
        message = f"Malformed request: {scope['method']} {path}"
        raise MalformedRequest(message, hint="")
    if match["name"] is None:
        message = "Missing model name in request."
        raise InvalidInput(message, hint="")
    label = None if match["label"] is None else unquote(match["label"])
    ref = ModelRef(unquote(match["name"]), _version(match["version"]), label)
    # Of what follows a model's name in a GET, TF Serving takes all but `metadata` for the status.
    known: Method = next((each for each in _METHODS if each == method), "status")
    return Target(known, ref)


def _path(scope: Scope) -> str:
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    path = path.partition(b"?")[0].removeprefix(scope.get("root_path", "").encode())
    query: bytes = scope.get("query_string", b"")
    return (path + b"?" + query if query else path).decode("ascii", "backslashreplace")


def _version(digits: str | None) -> int | None:
    if digits is None:
        return None
    # Python reads no number of more than 4,300 digits.
    significant = digits.lstrip("0") or "0"
    if len(significant) > len(str(_MAX_VERSION)) or int(significant) > _MAX_VERSION:
        message = f"Failed to convert version: {digits} to numeric."
        raise InvalidInput(message, hint="")
    return int(significant)
