"""Errors as HTTP answers: which status each has, and its RFC 9457 problem document."""

import json
from dataclasses import asdict
from typing import Any

import orjson
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails
from starlette.responses import Response

from serving import errors
from serving.errors import FieldError, InvalidInput, MalformedBody, TfgateError

PROBLEM_MEDIA_TYPE = "application/problem+json"
MAX_FIELDS = 100  # told in one problem: a million would hold everybody up
MAX_NAME = 100  # characters of a field's name, which may be anything
RETRY_AFTER_SECONDS = 1  # a model server's restart or a burst is over in about this time

# The nearest base class that stands here decides; 499 is nginx's "client closed request".
STATUSES: dict[type[TfgateError], int] = {
    errors.MalformedBody: 400,
    errors.MalformedRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.UnknownModel: 404,
    errors.UnknownVersion: 404,
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
    errors.ShuttingDown: 503,
    errors.DeadlineExceeded: 504,
    errors.UnsupportedHttpVersion: 505,
}
RETRY_LATER = (429, 503)


class FieldProblem(BaseModel):
    """One wrong field."""

    field: str = Field(description="dotted path in the body", examples=["instances.3.latitude"])
    message: str
    received: str | float | None = Field(default=None, description="a number, or a description")


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


def status_of(error: type[TfgateError]) -> int:
    """Return the HTTP status of an error class, its own or the nearest base class's.

    Raises:
        LookupError: nothing was decided for it.
    """
    for base in error.__mro__:
        if base in STATUSES:
            return STATUSES[base]
    raise LookupError(error)


def title_of(error: type[TfgateError]) -> str:
    """Return the error's name in words."""
    return error.code.replace("-", " ").capitalize()


def problem_response(error: TfgateError, *, path: str, request_id: str) -> Response:
    """Build the answer that reports an error."""
    status = status_of(type(error))
    # As `Problem` says; not made from it, for an answer that sheds load must cost next to nothing.
    problem = {
        "type": f"/errors/{error.code}",
        "title": title_of(type(error)),
        "status": status,
        "detail": error.detail,
        "instance": path,
        "code": error.code,
        "hint": error.hint,
        "errors": [_given(field) for field in error.fields],
        "request_id": request_id,
    }
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
    return Response(orjson.dumps(problem), status, headers=headers, media_type=PROBLEM_MEDIA_TYPE)


def _given(field: FieldError) -> dict[str, Any]:
    return {name: value for name, value in asdict(field).items() if value is not None}


def from_pydantic(error: ValidationError, *, where: str = "") -> TfgateError:
    """Translate a failed validation of a body, or of what `where` names.

    A body of nothing but wrong fields is not taken apart.
    """
    if error.error_count() > MAX_FIELDS:
        return InvalidInput(
            f"{error.error_count()} fields are wrong; send those of the schema alone"
        )
    details = error.errors(include_url=False)
    if where:
        details = [{**detail, "loc": (where, *detail["loc"])} for detail in details]
    return from_validation(details)


def from_validation(details: list[ErrorDetails]) -> TfgateError:
    """Translate pydantic's findings."""
    if details[0]["type"] == "json_invalid":
        return MalformedBody(f"the body is not valid JSON: {details[0]['ctx']['error']}")
    fields = [
        FieldError(
            field=".".join(str(part)[:MAX_NAME] for part in detail["loc"]),
            message=detail["msg"],
            received=None if detail["type"] == "missing" else _describe(detail["input"]),
        )
        for detail in details
    ]
    if len(fields) == 1:
        return InvalidInput(f"{fields[0].field or 'body'}: {fields[0].message}", fields=fields)
    names = ", ".join(field.field for field in fields)
    return InvalidInput(f"{len(fields)} fields are wrong: {names}", fields=fields)


def _describe(value: object) -> str | float:
    """Say what was received without repeating a payload."""
    match value:
        case None | bool():
            return json.dumps(value)
        case int() | float():
            if not abs(value) < 1e300:
                return "a number that is too large, or none"
            # An integer of more bits is more than the writer takes.
            return value if -(2**63) <= value < 2**64 else float(value)
        case str():
            return f"a string of {len(value)} characters"
        case list() | dict():
            kind = "a list" if isinstance(value, list) else "an object"
            return f"{kind} of {len(value)} items"
        case _:
            return f"a {type(value).__name__}"
