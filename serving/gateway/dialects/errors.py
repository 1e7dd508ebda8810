"""Errors as answers: each dialect has its own form, and our own API problem documents."""

from starlette.responses import Response

from serving.errors import TfgateError
from serving.gateway.dialects.open_inference_grpc import errors as open_inference_grpc
from serving.gateway.dialects.open_inference_http import errors as open_inference_http
from serving.gateway.dialects.paths import (
    GRPC,
    OPEN_INFERENCE_SERVICE,
    TF_SERVING_REST,
    is_open_inference,
)
from serving.gateway.dialects.tf_serving_grpc import errors as tf_serving_grpc
from serving.gateway.dialects.tf_serving_rest import errors as tf_serving_rest
from serving.gateway.problems import problem_response
from serving.gateway.telemetry.request_context import RequestContext


def error_response(error: TfgateError, context: RequestContext, root_path: str) -> Response:
    """Build the answer that reports an error, in the form that whoever asked understands."""
    if context.method == GRPC:
        if context.path.startswith(OPEN_INFERENCE_SERVICE):
            return open_inference_grpc.error_response(error, context.path)
        return tf_serving_grpc.error_response(error)
    if context.path[: len(TF_SERVING_REST)].lower() == TF_SERVING_REST:
        return tf_serving_rest.error_response(error, context, root_path)
    if is_open_inference(context.path):
        return open_inference_http.error_response(error, context, root_path)
    return problem_response(
        error,
        path=context.path,
        request_id=context.request_id,
        root_path=root_path,
        model=context.model,
    )
