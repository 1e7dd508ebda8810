"""The gRPC client of the model server; the only file that knows gRPC's status codes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc
import numpy as np
from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import Int64Value
from numpy.typing import NDArray

from proto.metadata_pb2 import GetModelMetadataRequest, GetModelMetadataResponse, SignatureDefMap
from proto.model_pb2 import ModelSpec
from proto.predict_pb2 import PredictRequest, PredictResponse
from proto.status_pb2 import GetModelStatusRequest, GetModelStatusResponse, ModelVersionStatus
from serving import tensors
from serving.contract import Tensors
from serving.errors import (
    DeadlineExceeded,
    InternalError,
    ModelServerFailure,
    ModelServerUnavailable,
    ModelUnavailable,
    Overloaded,
    PredictionFailed,
    TfgateError,
    UnknownVersion,
)
from serving.gateway.channel import OpenChannel, Tls, open_channel

PREDICT_SIGNATURE = "serving_default"
DESCRIBE_SIGNATURE = "describe"

# What each status means once our own validation has passed. NOT_FOUND and INVALID_ARGUMENT may also
# be the caller's mistake: `_is_unknown_version` looks closer.
ERRORS: dict[grpc.StatusCode, type[TfgateError]] = {
    grpc.StatusCode.CANCELLED: ModelServerUnavailable,
    grpc.StatusCode.UNKNOWN: ModelServerFailure,
    grpc.StatusCode.INVALID_ARGUMENT: InternalError,
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

_CODE_NAMES: dict[int, str] = {code.value[0]: code.name for code in grpc.StatusCode}
FAILURE_CODES = tuple(name for name in _CODE_NAMES.values() if name != "OK")


class CallFailed(Exception):
    """A call that ended with another status than OK; gRPC's own error says so in twenty lines."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{code.name}: {details}")
        self.code = code
        self.details = details


@dataclass(frozen=True)
class Servable:
    """Which model is asked, and which of its versions: by number, by label, or the newest."""

    model: str
    version: int | None = None
    label: str | None = None

    def __str__(self) -> str:
        if self.version is not None:
            return f"version {self.version} of {self.model}"
        if self.label is not None:
            return f"the version of {self.model} that is labelled {self.label!r}"
        return self.model


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
        self._predict = self._channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            request_serializer=PredictRequest.SerializeToString,
        )
        self._metadata = self._channel.unary_unary(
            "/tensorflow.serving.PredictionService/GetModelMetadata",
            request_serializer=GetModelMetadataRequest.SerializeToString,
        )
        self._status = self._channel.unary_unary(
            "/tensorflow.serving.ModelService/GetModelStatus",
            request_serializer=GetModelStatusRequest.SerializeToString,
        )
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
        servable: Servable,
        inputs: Tensors,
        *,
        timeout_seconds: float,
        signature: str = PREDICT_SIGNATURE,
        trace: Mapping[str, str] | None = None,
    ) -> Answer:
        """Run a signature on whole tensors; `trace` are the headers of its trace, if any.

        Raises:
            TfgateError: one of `ERRORS`, or UnknownVersion.
        """
        request = PredictRequest(model_spec=_model_spec(servable, signature))
        for name, array in inputs.items():
            tensors.encode_into(request.inputs[name], array)
        metadata = tuple(trace.items()) if trace else None
        with self._translated(servable):
            answer = await self._predict(request, timeout=timeout_seconds, metadata=metadata)
            response = PredictResponse.FromString(answer)
        return Answer(response.model_spec.version.value, _decode_all(response.outputs))

    async def describe(self, servable: Servable, *, timeout_seconds: float) -> str | None:
        """Ask a version for its model card: JSON, or None if it was exported without one."""
        request = np.array([b""], dtype=object)
        try:
            answer = await self.predict(
                servable,
                {"request": request},
                timeout_seconds=timeout_seconds,
                signature=DESCRIBE_SIGNATURE,
            )
        except ModelServerFailure as failure:
            if _code_of(failure) is grpc.StatusCode.FAILED_PRECONDITION:
                return None
            raise
        try:
            card: bytes = answer.outputs["card"].item()
            return card.decode()
        except (KeyError, ValueError, AttributeError) as error:
            message = f"{servable} describes itself with something that is no model card"
            raise ModelServerFailure(message) from error

    async def signatures(self, servable: Servable, *, timeout_seconds: float) -> SignatureDefMap:
        """Read a version's signatures.

        Raises:
            TfgateError: one of `ERRORS`, or UnknownVersion.
        """
        request = GetModelMetadataRequest(
            model_spec=_model_spec(servable), metadata_field=["signature_def"]
        )
        with self._translated(servable):
            answer = await self._metadata(request, timeout=timeout_seconds)
            response = GetModelMetadataResponse.FromString(answer)
            return SignatureDefMap.FromString(response.metadata["signature_def"].value)

    async def versions(self, model: str, *, timeout_seconds: float) -> list[ModelVersionStatus]:
        """Read the states of all versions that the server knows of, newest first.

        A model that the server was not told to serve has none.

        Raises:
            TfgateError: one of `ERRORS`.
        """
        request = GetModelStatusRequest(model_spec=_model_spec(Servable(model)))
        try:
            with self._translated(Servable(model)):
                answer = await self._status(request, timeout=timeout_seconds)
                response = GetModelStatusResponse.FromString(answer)
        except ModelUnavailable:
            return []
        return sorted(response.model_version_status, key=lambda state: state.version, reverse=True)

    @contextmanager
    def _translated(self, servable: Servable) -> Iterator[None]:
        try:
            yield
        except grpc.aio.AioRpcError as error:
            cause = CallFailed(error.code(), error.details() or "")
            raise self._translate(cause, servable) from cause
        except DecodeError as error:
            message = f"what was answered for {servable} cannot be read"
            raise ModelServerFailure(message) from error

    def _translate(self, error: CallFailed, servable: Servable) -> TfgateError:
        if _is_unknown_version(error, servable):
            return UnknownVersion(f"{servable} is not being served")
        kind = ERRORS[error.code]
        if kind is ModelServerUnavailable:
            return kind(f"the model server at {self.target} cannot be reached")
        if kind is ModelUnavailable:
            return kind(f"the model server at {self.target} has no version of {servable} ready")
        if kind is Overloaded:
            return kind(f"the model server at {self.target} takes no more calls at the moment")
        if kind is DeadlineExceeded:
            return kind(f"{servable} did not answer in time")
        return kind(f"{servable} failed: {error.code.name}")


def code_name(number: int) -> str:
    """Return the name of a gRPC status by its number, such as NOT_FOUND for 5."""
    return _CODE_NAMES.get(number, str(number))


def _is_unknown_version(error: CallFailed, servable: Servable) -> bool:
    if servable.version is not None:
        return error.code is grpc.StatusCode.NOT_FOUND
    # TensorFlow Serving has no code of its own for a label that it does not know.
    return (
        servable.label is not None
        and error.code is grpc.StatusCode.INVALID_ARGUMENT
        and "servable version label" in error.details
    )


def _code_of(failure: TfgateError) -> grpc.StatusCode | None:
    cause = failure.__cause__
    return cause.code if isinstance(cause, CallFailed) else None


def _model_spec(servable: Servable, signature: str = "") -> ModelSpec:
    spec = ModelSpec(name=servable.model, signature_name=signature)
    if servable.version is not None:
        spec.version.CopyFrom(Int64Value(value=servable.version))
    elif servable.label is not None:
        spec.version_label = servable.label
    return spec


def _decode_all(outputs: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    try:
        return {name: tensors.decode(tensor) for name, tensor in outputs.items()}
    except ValueError as error:
        message = f"an output tensor cannot be read: {error}"
        raise ModelServerFailure(message) from error
