"""The Open Inference Protocol's service, and what Triton's Python client asks beyond it."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict

from google.protobuf.message import Message
from starlette.types import Receive, Scope, Send

from proto import open_inference_pb2 as messages
from serving.errors import (
    FieldError,
    InvalidInput,
    ModelServerUnavailable,
    ModelUnavailable,
    NotFound,
    ShuttingDown,
    UnknownModel,
)
from serving.gateway.dialects.calls import Call, Calls
from serving.gateway.dialects.grpc_messages import parse, send_message
from serving.gateway.dialects.open_inference import metadata, states
from serving.gateway.dialects.open_inference.timeouts import predict_within
from serving.gateway.dialects.open_inference.versions import version_number
from serving.gateway.dialects.open_inference_grpc import infer
from serving.gateway.inference.model_ref import ModelRef
from serving.gateway.middleware.draining import is_draining

# Of what Triton offers more, why it is not here.
_SHARED_MEMORY = "memory is not shared with clients: send tensors in the message"
_REPOSITORY = "what is loaded is the model server's affair: change its models.config"
_NOT_OFFERED = {
    "RepositoryModelLoad": _REPOSITORY,
    "RepositoryModelUnload": _REPOSITORY,
    "ModelConfig": "there is no configuration in Triton's form: ask for ModelMetadata",
    "ModelStatistics": "what was answered, and how fast, is told over HTTP at /metrics",
    "TraceSetting": "traces are set up by TFGATE_TRACING and OpenTelemetry's variables",
    "LogSettings": "the log is set up by TFGATE_LOG_LEVEL and TFGATE_LOG_FORMAT",
    **dict.fromkeys(
        [
            f"{kind}SharedMemory{verb}"
            for kind in ("System", "Cuda")
            for verb in ("Status", "Register", "Unregister")
        ],
        _SHARED_MEMORY,
    ),
}

Answer = Callable[[Call, Scope, bytes], Awaitable[Message]]


class OpenInferenceGrpc:
    """ASGI application for calls of this service."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._methods: dict[str, Answer] = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ServerMetadata": self._server_metadata,
            "ModelReady": self._model_ready,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._infer,
            "ModelStreamInfer": self._infer_in_stream,
            "RepositoryIndex": self._index,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call.

        Raises:
            TfgateError: it cannot be answered.
        """
        method = scope["path"].rpartition("/")[2]
        answer = self._methods.get(method)
        if answer is None:
            why = _NOT_OFFERED.get(method)
            said = f"{method} is not offered: {why}" if why else f"there is no {method[:100]!r}"
            raise NotFound(said)
        with self._calls.begin(scope, receive) as call:
            message = await answer(call, scope, await call.read())
        await send_message(send, message.SerializeToString())

    async def _server_live(self, _call: Call, _scope: Scope, _content: bytes) -> Message:
        return messages.ServerLiveResponse(live=True)

    async def _server_ready(self, _call: Call, scope: Scope, _content: bytes) -> Message:
        try:
            await self._calls.check_ready(scope)
        except (ShuttingDown, ModelUnavailable, ModelServerUnavailable):
            return messages.ServerReadyResponse(ready=False)
        return messages.ServerReadyResponse(ready=True)

    async def _server_metadata(self, _call: Call, _scope: Scope, _content: bytes) -> Message:
        return messages.ServerMetadataResponse(**asdict(metadata.SERVER))

    async def _model_ready(self, call: Call, scope: Scope, content: bytes) -> Message:
        request = parse(messages.ModelReadyRequest, content)
        ref = model_ref(request.name, request.version)
        try:
            await call.find(ref.name)
        except UnknownModel:
            # A question for yes or no, whatever is wrong.
            return messages.ModelReadyResponse(ready=False)
        if is_draining(scope):
            return messages.ModelReadyResponse(ready=False)
        found = await self._calls.monitor.look_at(ref.name)
        return messages.ModelReadyResponse(ready=states.is_ready(found, ref.version))

    async def _model_metadata(self, call: Call, _scope: Scope, content: bytes) -> Message:
        request = parse(messages.ModelMetadataRequest, content)
        ref = model_ref(request.name, request.version)
        live = await call.live(ref)
        versions = await self._calls.catalog.versions(ref.name)
        told = metadata.model_metadata(live, versions)
        tensor = messages.ModelMetadataResponse.TensorMetadata
        return messages.ModelMetadataResponse(
            name=told.name,
            versions=told.versions,
            platform=told.platform,
            inputs=[tensor(**asdict(each)) for each in told.inputs],
            outputs=[tensor(**asdict(each)) for each in told.outputs],
            parameters={
                name: messages.InferParameter(bool_param=is_taken)
                for name, is_taken in told.parameters.items()
            },
        )

    async def _infer(
        self, call: Call, _scope: Scope, content: bytes
    ) -> messages.ModelInferResponse:
        request = parse(messages.ModelInferRequest, content)
        ref = model_ref(request.model_name, request.model_version)
        with await call.asking(ref) as model:
            asked = infer.understand(request)
            answer = await predict_within(asked.timeout_seconds, model, asked)
        return infer.write(asked, answer)

    async def _infer_in_stream(self, call: Call, scope: Scope, content: bytes) -> Message:
        response = await self._infer(call, scope, content)
        return messages.ModelStreamInferResponse(infer_response=response)

    async def _index(self, _call: Call, _scope: Scope, content: bytes) -> Message:
        request = parse(messages.RepositoryIndexRequest, content)
        entries = states.index(await self._calls.monitor.look(), only_ready=request.ready)
        line = messages.RepositoryIndexResponse.ModelIndex
        return messages.RepositoryIndexResponse(models=[line(**asdict(each)) for each in entries])


def model_ref(name: str, version: str) -> ModelRef:
    """Return what a message names.

    Raises:
        InvalidInput: the version is no number.
    """
    if not version:
        return ModelRef(name)
    number = version_number(version)
    if number is None:
        message = f"the version {version[:40]!r} is no number of one"
        hint = "Send a number that is served, or nothing for the one that answers by default."
        raise InvalidInput(message, hint=hint, fields=[FieldError("model_version", message)])
    return ModelRef(name, version=number)
