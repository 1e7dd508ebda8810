"""Errors as answers: each dialect has its own form, and our own API problem documents."""

from starlette.responses import Response

from serving.errors import TfgateError
from serving.gateway.dialects.open_inference_grpc import errors as open_inference_grpc
from serving.gateway.dialects.open_inference_http import errors as open_inference_http
from serving.gateway.dialects.paths import dialect_of
from serving.gateway.dialects.tf_serving_grpc import errors as tf_serving_grpc
from serving.gateway.dialects.tf_serving_rest import errors as tf_serving_rest
from serving.gateway.problems import problem_response
from serving.gateway.telemetry.request_context import RequestContext


def error_response(error: TfgateError, context: RequestContext, root_path: str) -> Response:
    """Build the answer that reports an error, in the form that whoever asked understands."""
    match dialect_of(context.method, context.path):
        case "tf_serving_rest":
            return tf_serving_rest.error_response(error, context, root_path)
        case "open_inference_http":
            return open_inference_http.error_response(error, context, root_path)
        case "open_inference_grpc":
            return open_inference_grpc.error_response(error, context.path)
        case "tf_serving_grpc":
            return tf_serving_grpc.error_response(error)
        case None:
            return problem_response(
                error,
                path=context.path,
                request_id=context.request_id,
                root_path=root_path,
                model=context.model,
            )
