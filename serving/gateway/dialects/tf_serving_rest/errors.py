"""Errors as TF Serving's REST API answers them: its statuses, its texts, one key."""

from starlette.responses import Response

from serving.errors import (
    InvalidInput,
    ModelUnavailable,
    RejectedByModel,
    TfgateError,
    Unimplemented,
    UnknownModel,
    UnknownVersion,
)
from serving.gateway.dialects.tf_serving_rest.json_value import string
from serving.gateway.dialects.tf_serving_rest.paths import Target
from serving.gateway.inference.client import CallFailed
from serving.gateway.problems import error_headers, hint_for, in_a_sentence, status_of
from serving.gateway.telemetry.request_context import RequestContext

# Where TF Serving has another status than our own API.
_STATUSES: dict[type[TfgateError], int] = {InvalidInput: 400, ModelUnavailable: 404}
# What the model server says of a request itself, and its text with it.
# Source: http_server.cc of TF Serving, where the first three are all 400.
_TOLD: dict[str, type[TfgateError]] = {
    "INVALID_ARGUMENT": RejectedByModel,
    "FAILED_PRECONDITION": RejectedByModel,
    "OUT_OF_RANGE": RejectedByModel,
    "UNIMPLEMENTED": Unimplemented,
}


def error_response(error: TfgateError, context: RequestContext, root_path: str) -> Response:
    """Build the answer that reports an error: what is wrong, and what to do next."""
    text = in_a_sentence(error, hint_for(error.hint, root_path, context.model))
    status = next(
        (status for kind, status in _STATUSES.items() if isinstance(error, kind)),
        status_of(type(error)),
    )
    content = f'{{\n    "error": {string(text)}\n}}'.encode("utf-8", "surrogateescape")
    return Response(content, status, error_headers(error), media_type="application/json")


def restated(error: TfgateError, target: Target) -> TfgateError:
    """Return an error in TF Serving's words, if it has words for it."""
    ref = target.ref
    if isinstance(error, UnknownModel) and target.method == "status":
        return UnknownModel(f"Could not find any versions of model {ref.name}", hint="")
    if isinstance(error, UnknownVersion) and target.method == "status":
        return UnknownVersion(f"Could not find version {ref.version} of model {ref.name}", hint="")
    if isinstance(error, UnknownModel | UnknownVersion | ModelUnavailable):
        if ref.label is not None:
            return InvalidInput(f"Unrecognized servable version label: {ref.label}", hint="")
        name = f"Latest({ref.name})"
        if ref.version is not None:
            name = f"Specific({ref.name}, {ref.version})"
        return type(error)(f"Servable not found for request: {name}", hint="")
    cause = error.__cause__
    if isinstance(cause, CallFailed) and cause.code.name in _TOLD:
        return _TOLD[cause.code.name](cause.details, hint="")
    return error
