"""Errors as TensorFlow Serving has them, where it would say the same."""

from starlette.responses import Response

from serving.errors import TfgateError
from serving.gateway.dialects import grpc_statuses
from serving.gateway.dialects.grpc_statuses import grpc_response, grpc_status_of, text_of
from serving.gateway.dialects.tf_serving_grpc.predict import SIGNATURE
from serving.gateway.inference.client import CallFailed

# What the model server says of a request, and not of itself or of us.
_ABOUT_REQUESTS = (
    grpc_statuses.INVALID_ARGUMENT,
    grpc_statuses.NOT_FOUND,
    grpc_statuses.FAILED_PRECONDITION,
    grpc_statuses.OUT_OF_RANGE,
    grpc_statuses.UNIMPLEMENTED,
)


def error_response(error: TfgateError) -> Response:
    """Build the answer that reports an error."""
    cause = error.__cause__
    if isinstance(cause, CallFailed) and cause.number in _ABOUT_REQUESTS:
        return grpc_response(error, cause.number, cause.details)
    if any(field.field == SIGNATURE for field in error.fields):
        return grpc_response(error, grpc_statuses.FAILED_PRECONDITION, error.detail)
    return grpc_response(error, grpc_status_of(type(error)), text_of(error))
