"""Errors as answers: each dialect has its own form, and our own API problem documents."""

from starlette.responses import JSONResponse, Response

from serving.errors import MethodNotAllowed, TfgateError
from serving.gateway.dialects.open_inference_grpc import errors as open_inference_grpc
from serving.gateway.dialects.paths import (
    GRPC,
    OPEN_INFERENCE_SERVICE,
    TF_SERVING_REST,
    is_open_inference,
)
from serving.gateway.dialects.tf_serving_grpc import errors as tf_serving_grpc
from serving.gateway.dialects.tf_serving_rest import errors as tf_serving_rest
from serving.gateway.problems import RETRY_AFTER_SECONDS, RETRY_LATER, problem_response, status_of
from serving.gateway.telemetry.request_context import RequestContext


def error_response(error: TfgateError, context: RequestContext, root_path: str) -> Response:
    """Build the answer that reports an error, in the form that whoever asked understands."""
    if context.method == GRPC:
        if context.path.startswith(OPEN_INFERENCE_SERVICE):
            return open_inference_grpc.error_response(error, context.path)
        return tf_serving_grpc.error_response(error)
    if context.path[: len(TF_SERVING_REST)].lower() == TF_SERVING_REST:
        return tf_serving_rest.error_response(error)
    if is_open_inference(context.path):
        return JSONResponse({"error": error.detail}, status_of(type(error)), headers=headers(error))
    return problem_response(
        error,
        path=context.path,
        request_id=context.request_id,
        root_path=root_path,
        model=context.model,
    )


def headers(error: TfgateError) -> dict[str, str]:
    """Return the headers of HTTP that belong to an error, whatever the form of its body."""
    said = {}
    if status_of(type(error)) in RETRY_LATER:
        said["Retry-After"] = str(error.retry_after_seconds or RETRY_AFTER_SECONDS)
    if isinstance(error, MethodNotAllowed):
        said["Allow"] = error.allowed
    return said
