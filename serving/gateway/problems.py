"""Errors as HTTP answers: which status each has, and its RFC 9457 problem document."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson
from pydantic import BaseModel, Field
from starlette.responses import Response

from serving import errors
from serving.errors import FieldError, TfgateError

PROBLEM_MEDIA_TYPE = "application/problem+json"
_REQUEST = re.compile(r"\b(GET|POST) /")
RETRY_AFTER_SECONDS = 1  # a model server's restart or a burst is over in about this time

# The nearest base class that stands here decides; 499 is nginx's "client closed request".
STATUSES: dict[type[TfgateError], int] = {
    errors.MalformedBody: 400,
    errors.RejectedByModel: 400,
    errors.MalformedRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.UnknownModel: 404,
    errors.UnknownVersion: 404,
    errors.NotExplainable: 404,
    errors.MethodNotAllowed: 405,
    errors.RequestTimeout: 408,
    errors.PayloadTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.UnmetExpectation: 417,
    errors.InvalidInput: 422,
    errors.Overloaded: 429,
    errors.RateLimited: 429,
    errors.HeadersTooLarge: 431,
    errors.ClientDisconnected: 499,
    errors.InternalError: 500,
    errors.Unimplemented: 501,
    errors.ModelServerFailure: 502,
    errors.ModelServerUnavailable: 503,
    errors.ModelUnavailable: 503,
    errors.StoreUnavailable: 503,
    errors.ShuttingDown: 503,
    errors.DeadlineExceeded: 504,
    errors.UnsupportedHttpVersion: 505,
}
RETRY_LATER = (429, 503)


class FieldProblem(BaseModel):
    """One wrong field."""

    field: str = Field(description="dotted path in the body", examples=["instances.3.latitude"])
    message: str
    received: str | float | None = Field(
        default=None, description="a number, a short text, or a description"
    )


class Problem(BaseModel):
    """An error as RFC 9457 has it, with what tfgate adds: code, hint, errors and request_id."""

    type: str = Field(description="stable; GET it to read what it means")
    title: str
    status: int
    detail: str = Field(description="what was received and what is accepted")
    instance: str = Field(description="the path that was asked")
    code: str = Field(description="stable, for programs", examples=["invalid-input"])
    hint: str = Field(description="what to do next")
    errors: list[FieldProblem] = Field(description="the fields that are wrong, if any")
    request_id: str


def status_of(
    error: type[TfgateError], statuses: Mapping[type[TfgateError], int] = STATUSES
) -> int:
    """Return the status of an error class, its own or the nearest base class's: that of HTTP.

    Other protocols have `statuses` of their own.

    Raises:
        LookupError: nothing was decided for it.
    """
    for base in error.__mro__:
        if base in statuses:
            return statuses[base]
    raise LookupError(error)


def in_a_sentence(error: TfgateError, hint: str) -> str:
    """Say in one text what is wrong and what to do next, for forms that have room for no more."""
    return f"{error.detail}. {hint}" if hint else error.detail


def title_of(error: type[TfgateError]) -> str:
    """Return the error's name in words."""
    return error.code.replace("-", " ").capitalize()


def problem_response(
    error: TfgateError,
    *,
    path: str,
    request_id: str,
    root_path: str = "",
    model: str | None = None,
) -> Response:
    """Build the answer that reports an error.

    `root_path` stands before every path where the client asks; `model` is the one that was asked.
    """
    status = status_of(type(error))
    # As `Problem` says; not made from it, for an answer that sheds load must cost next to nothing.
    problem = {
        "type": f"{root_path}/errors/{error.code}",
        "title": title_of(type(error)),
        "status": status,
        "detail": error.detail,
        # `*` is none, nor is a whole address.
        "instance": root_path + path if path.startswith("/") else path,
        "code": error.code,
        "hint": hint_for(error.hint, root_path, model),
        "errors": [_given(field) for field in error.fields],
        "request_id": request_id,
    }
    headers = error_headers(error)
    return Response(orjson.dumps(problem), status, headers=headers, media_type=PROBLEM_MEDIA_TYPE)


def error_headers(error: TfgateError) -> dict[str, str]:
    """Return the headers that belong to an error, whatever the form of its body."""
    status = status_of(type(error))
    headers = {}
    if status in RETRY_LATER:
        headers["Retry-After"] = str(error.retry_after_seconds or RETRY_AFTER_SECONDS)
    if isinstance(error, errors.MethodNotAllowed):
        headers["Allow"] = error.allowed
    if isinstance(error, errors.UnsupportedMediaType) and error.accepted_encoding:
        headers["Accept-Encoding"] = error.accepted_encoding
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 408:
        # The rest may still come, or never: the connection is of no more use.
        headers["Connection"] = "close"
    return headers


def hint_for(hint: str, root_path: str, model: str | None) -> str:
    """Put into a hint what it names: the model that was asked, and paths as its reader has them."""
    if model is not None:
        hint = hint.replace("{model}", model)
    return _REQUEST.sub(rf"\1 {root_path}/", hint) if root_path else hint


def _given(field: FieldError) -> dict[str, Any]:
    return {name: value for name, value in asdict(field).items() if value is not None}
