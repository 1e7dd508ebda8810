"""The Open Inference Protocol's service, and what Triton's Python client asks beyond it."""

from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send

from proto import open_inference_pb2 as messages
from serving.errors import FieldError, InvalidInput, NotFound
from serving.gateway.dialects.calls import Call, Calls
from serving.gateway.dialects.grpc_messages import parse, send_message
from serving.gateway.dialects.open_inference.metadata import (
    EXTENSIONS,
    SERVER_NAME,
    SERVER_VERSION,
    TensorMetadata,
    model_metadata,
)
from serving.gateway.dialects.open_inference_grpc.infer import understand, write
from serving.gateway.inference.model_ref import ModelRef
from serving.gateway.settings import Settings

# Of what Triton offers more, why it is not here.
_NOT_OFFERED = {
    "RepositoryModelLoad": "what is loaded is the model server's affair: change its models.config",
    "RepositoryModelUnload": "what is loaded is the model server's affair: change its models.config",
    "ModelConfig": "there is no configuration in Triton's form; ask ModelMetadata",
    "ModelStatistics": "what was answered, and how fast, /metrics tells over HTTP",
    "TraceSetting": "traces are set up by TFGATE_TRACING and OpenTelemetry's variables",
    "LogSettings": "the log is set up by TFGATE_LOG_LEVEL and TFGATE_LOG_FORMAT",
}
_SHARED_MEMORY = "memory is not shared with clients: send tensors in the message"
