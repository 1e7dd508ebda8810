"""Errors as the Open Inference Protocol has them over gRPC: as statuses, or within a stream."""

from starlette.responses import Response

from proto.open_inference_pb2 import ModelStreamInferResponse
from serving.errors import TfgateError
from serving.gateway.dialects.grpc_statuses import grpc_response, grpc_status_of, text_of


def error_response(error: TfgateError, path: str) -> Response:
    """Build the answer that reports an error; in a stream, one message failing ends nothing."""
    body = b""
    if path.endswith("/ModelStreamInfer"):
        body = ModelStreamInferResponse(error_message=text_of(error)).SerializeToString()
    return grpc_response(error, grpc_status_of(type(error)), text_of(error), body)
