"""The gRPC client of the model server; the only file that knows gRPC's status codes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Self, TypeVar

import grpc
import numpy as np
from google.protobuf.message import DecodeError, Message
from google.protobuf.wrappers_pb2 import Int64Value

from proto.metadata_pb2 import GetModelMetadataRequest, GetModelMetadataResponse, SignatureDefMap
from proto.model_pb2 import ModelSpec
from proto.predict_pb2 import PredictRequest, PredictResponse, PredictResponseBytes
from proto.status_pb2 import GetModelStatusRequest, GetModelStatusResponse, ModelVersionStatus
from serving import tensors
from serving.contract import Tensors
from serving.errors import (
    DeadlineExceeded,
    ModelServerFailure,
    ModelServerUnavailable,
    ModelUnavailable,
    Overloaded,
    PayloadTooLarge,
    PredictionFailed,
    RejectedByModel,
    TfgateError,
    UnknownVersion,
)
from serving.gateway.inference.channel import MAX_ANSWER_BYTES, OpenChannel, Tls, open_channel
from serving.gateway.inference.model_ref import DESCRIBE_SIGNATURE, ModelRef, Question

# What each status means once our own validation has passed. NOT_FOUND and INVALID_ARGUMENT may also
# be a version that is not there: `_is_unknown_version` looks closer.
ERRORS: dict[grpc.StatusCode, type[TfgateError]] = {
    grpc.StatusCode.CANCELLED: ModelServerUnavailable,
    grpc.StatusCode.UNKNOWN: ModelServerFailure,
    grpc.StatusCode.INVALID_ARGUMENT: RejectedByModel,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.NOT_FOUND: ModelUnavailable,
    grpc.StatusCode.ALREADY_EXISTS: ModelServerFailure,
    grpc.StatusCode.PERMISSION_DENIED: ModelServerFailure,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Overloaded,
    grpc.StatusCode.FAILED_PRECONDITION: PredictionFailed,
    grpc.StatusCode.ABORTED: ModelServerUnavailable,
    grpc.StatusCode.OUT_OF_RANGE: PredictionFailed,
    grpc.StatusCode.UNIMPLEMENTED: ModelServerFailure,
    grpc.StatusCode.INTERNAL: PredictionFailed,
    grpc.StatusCode.UNAVAILABLE: ModelServerUnavailable,
    grpc.StatusCode.DATA_LOSS: ModelServerFailure,
    grpc.StatusCode.UNAUTHENTICATED: ModelServerFailure,
}

# Parts of what gRPC says of an attempt to connect -> what it means.
_MISTAKES = {
    "WRONG_VERSION_NUMBER": "does not speak TLS, for which TFGATE_MODEL_SERVER_CA_FILE is set",
    "CERTIFICATE_VERIFY_FAILED": "shows a certificate that those of TFGATE_MODEL_SERVER_CA_FILE do "
    "not vouch for",
    "Failed parsing HTTP/2": "does not speak gRPC: the port for that is 8500 by default",
}

_CODE_NAMES: dict[int, str] = {code.value[0]: code.name for code in grpc.StatusCode}
_TOO_LARGE = "Received message larger than max"  # so gRPC says it of what comes to itself
_NODE = "{{node"  # stands in what TensorFlow says of a kernel that failed, before its name
MAX_TOLD = 1_024  # characters of a kernel's text, as TensorFlow Serving has it
FAILURE_CODES = tuple(name for name in _CODE_NAMES.values() if name != "OK")

MessageT = TypeVar("MessageT", bound=Message)


class CallFailed(Exception):
    """A call that ended with another status than OK; gRPC's own error says so in twenty lines."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{code.name}: {details}")
        self.code = code
        self.details = details

    @property
    def number(self) -> int:
        """The code as it stands on the wire."""
        number: int = self.code.value[0]
        return number


@dataclass(frozen=True)
class Answer:
    """What a version answered: its outputs, batch dimension first."""

    version: int
    outputs: Tensors


class ModelServerClient:
    """Calls of TensorFlow Serving, or of anything that speaks its gRPC services.

    Use it as an async context manager: the channel opens inside the running event loop.
    """

    def __init__(
        self, target: str, tls: Tls | None = None, open_channel: OpenChannel = open_channel
    ) -> None:
        self.target = target
        self._tls = tls
        self._open_channel = open_channel

    async def __aenter__(self) -> Self:
        self._channel = self._open_channel(self.target, self._tls)
        # Answers are parsed below: gRPC would put None in the place of one that cannot be.
        self._predict = self._channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        self._metadata = self._channel.unary_unary(
            "/tensorflow.serving.PredictionService/GetModelMetadata",
            request_serializer=GetModelMetadataRequest.SerializeToString,
        )
        self._status = self._channel.unary_unary(
            "/tensorflow.serving.ModelService/GetModelStatus",
            request_serializer=GetModelStatusRequest.SerializeToString,
        )
        self._relays: dict[str, Callable[..., Awaitable[bytes]]] = {}
        return self

    async def __aexit__(
        self,
        _error_type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        await self._channel.close()

    async def predict(
        self,
        question: Question,
        inputs: Tensors,
        *,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Run a signature on whole tensors; `headers` go along, such as those of a trace.

        Raises:
            TfgateError: one of `ERRORS`, or UnknownVersion.
        """
        metadata = tuple(headers.items()) if headers else None
        request = predict_request(question, inputs)
        call = self._predict(request, timeout=timeout_seconds, metadata=metadata)
        answer = await self._answered(call, question.ref)
        try:
            return read_answer(answer)
        except DecodeError as error:
            raise _unreadable(question.ref) from error
        except ValueError as error:
            message = f"an output tensor cannot be read: {error}"
            raise ModelServerFailure(message) from error

    async def relay(
        self, method: str, ref: ModelRef, request: bytes, *, timeout_seconds: float
    ) -> bytes:
        """Pass a call on as it came, and its answer back; `ref` is what the errors tell of.

        Raises:
            TfgateError: one of `ERRORS`, or UnknownVersion.
        """
        call = self._relays.get(method)
        if call is None:
            call = self._relays[method] = self._channel.unary_unary(method)
        return await self._answered(call(request, timeout=timeout_seconds), ref)

    async def describe(self, ref: ModelRef, *, timeout_seconds: float) -> str | None:
        """Ask a version for its model card: JSON, or None if it was exported without one."""
        request = np.array([b""], dtype=object)
        try:
            answer = await self.predict(
                Question(ref, DESCRIBE_SIGNATURE),
                {"request": request},
                timeout_seconds=timeout_seconds,
            )
        except ModelServerFailure as failure:
            if _code_of(failure) is grpc.StatusCode.FAILED_PRECONDITION:
                return None
            raise
        try:
            card: bytes = answer.outputs["card"].item()
            return card.decode()
        except (KeyError, ValueError, AttributeError) as error:
            message = f"{ref} describes itself with something that is no model card"
            raise ModelServerFailure(message) from error

    async def signatures(
        self, ref: ModelRef, *, timeout_seconds: float
    ) -> tuple[int, SignatureDefMap]:
        """Read a version's number and its signatures.

        Raises:
            TfgateError: one of `ERRORS`, or UnknownVersion.
        """
        request = GetModelMetadataRequest(
            model_spec=_model_spec(ref), metadata_field=["signature_def"]
        )
        answer = await self._answered(self._metadata(request, timeout=timeout_seconds), ref)
        response = _read(GetModelMetadataResponse, answer, ref)
        found = _read(SignatureDefMap, response.metadata["signature_def"].value, ref)
        return response.model_spec.version.value, found

    async def versions(self, model: str, *, timeout_seconds: float) -> list[ModelVersionStatus]:
        """Read the states of all versions that the server knows of, newest first.

        A model that the server was not told to serve has none.

        Raises:
            TfgateError: one of `ERRORS`.
        """
        ref = ModelRef(model)
        request = GetModelStatusRequest(model_spec=_model_spec(ref))
        try:
            answer = await self._answered(self._status(request, timeout=timeout_seconds), ref)
        except ModelUnavailable:
            return []
        response = _read(GetModelStatusResponse, answer, ref)
        return sorted(response.model_version_status, key=lambda state: state.version, reverse=True)

    async def _answered(self, call: Awaitable[bytes], ref: ModelRef) -> bytes:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            cause = CallFailed(error.code(), error.details() or "")
            raise self._translate(cause, ref) from cause

    def _translate(self, error: CallFailed, ref: ModelRef) -> TfgateError:
        kind = ERRORS[error.code]
        if _NODE in error.details and kind not in (RejectedByModel, DeadlineExceeded):
            # With a code that would mean something else of a model server: it is there, and well.
            kind = PredictionFailed
        elif _is_unknown_version(error, ref):
            return UnknownVersion(f"{ref} is not being served")
        elif error.code is grpc.StatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE in error.details:
            message = f"the answer of {ref} has more than {MAX_ANSWER_BYTES:,} bytes"
            hint = "Ask for fewer rows or outputs at once."
            return PayloadTooLarge(f"{message}, the most that are read", hint=hint)
        server = f"the model server at {self.target}"
        details = {
            ModelServerUnavailable: f"{server} {_why_unreachable(error, self._tls)}",
            ModelUnavailable: f"{server} has no version of {ref} ready",
            Overloaded: f"{server} takes no more calls at the moment",
            DeadlineExceeded: f"{ref} did not answer in time",
            RejectedByModel: f"{ref} refuses these inputs: {error.details[:MAX_TOLD]}",
        }
        return kind(details.get(kind, f"{ref} failed: {error.code.name}"))


def _why_unreachable(error: CallFailed, tls: Tls | None) -> str:
    """Say in words what gRPC tells of the last attempt to connect, if it is a known mistake."""
    # A server that goes away says so only to the calls in progress, and then takes no connection.
    if "backends failing" in error.details and "Socket closed" in error.details:
        return f"closes every connection: {_demand(tls)}"
    reasons = (reason for words, reason in _MISTAKES.items() if words in error.details)
    return next(reasons, "cannot be reached")


def _demand(tls: Tls | None) -> str:
    """Guess what a server wants that takes none of our connections."""
    if tls is None:
        return "it may want TLS (TFGATE_MODEL_SERVER_CA_FILE)"
    if tls.certificate_file is None:
        return "it may want a client certificate (TFGATE_MODEL_SERVER_CERTIFICATE_FILE)"
    return "it may not trust our certificate (TFGATE_MODEL_SERVER_CERTIFICATE_FILE)"


def code_name(number: int) -> str:
    """Return the name of a gRPC status by its number, such as NOT_FOUND for 5."""
    return _CODE_NAMES.get(number, str(number))


def _is_unknown_version(error: CallFailed, ref: ModelRef) -> bool:
    if ref.version is not None:
        return error.code is grpc.StatusCode.NOT_FOUND
    # TensorFlow Serving has no code of its own for a label that it does not know.
    return (
        ref.label is not None
        and error.code is grpc.StatusCode.INVALID_ARGUMENT
        and "servable version label" in error.details
    )


def _code_of(failure: TfgateError) -> grpc.StatusCode | None:
    cause = failure.__cause__
    return cause.code if isinstance(cause, CallFailed) else None


def rejected(failure: PredictionFailed) -> RejectedByModel | None:
    """Return a failure as the caller's, if the graph says so: a value beyond what it takes."""
    cause = failure.__cause__
    if not isinstance(cause, CallFailed) or cause.code is not grpc.StatusCode.OUT_OF_RANGE:
        return None
    return RejectedByModel(f"the model refuses these inputs: {cause.details[:MAX_TOLD]}")


def predict_request(question: Question, inputs: Tensors) -> bytes:
    """Write the message that asks for a prediction."""
    head = _request_head(question.ref, question.signature, question.outputs)
    return tensors.with_entries(head, PredictRequest.INPUTS_FIELD_NUMBER, inputs)


@lru_cache(maxsize=256)
def _request_head(ref: ModelRef, signature: str, outputs: tuple[str, ...]) -> bytes:
    """Write what is the same whatever the inputs."""
    request = PredictRequest(model_spec=_model_spec(ref, signature), output_filter=outputs)
    return request.SerializeToString()


def read_answer(answer: bytes) -> Answer:
    """Read the message that answers a prediction.

    Raises:
        DecodeError: it is no such message.
        ValueError: a tensor of it cannot be read.
    """
    response = PredictResponseBytes.FromString(answer)
    outputs = tensors.decode_filled(response.outputs)
    if outputs is None:
        outputs = tensors.decode_all(PredictResponse.FromString(answer).outputs)
    return Answer(_version(response.model_spec), outputs)


@lru_cache(maxsize=256)
def _version(model_spec: bytes) -> int:
    return ModelSpec.FromString(model_spec).version.value


def _read(kind: type[MessageT], answer: bytes, ref: ModelRef) -> MessageT:
    try:
        return kind.FromString(answer)
    except DecodeError as error:
        raise _unreadable(ref) from error


def _unreadable(ref: ModelRef) -> ModelServerFailure:
    return ModelServerFailure(f"what was answered for {ref} cannot be read")


def _model_spec(ref: ModelRef, signature: str = "") -> ModelSpec:
    spec = ModelSpec(name=ref.name, signature_name=signature)
    if ref.version is not None:
        spec.version.CopyFrom(Int64Value(value=ref.version))
    elif ref.label is not None:
        spec.version_label = ref.label
    return spec
