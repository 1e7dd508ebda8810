"""TensorFlow Serving without a server: a channel that answers in this process, from Python.

Models, versions, states, labels and signatures are asked for as on the wire, and refused in the
codes and words of the real one: `tests/contract/test_fake_model_server.py` compares the two. What
goes wrong beyond that is a fault (`tests/faults.py`). One event loop uses it at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from proto.classification_pb2 import ClassificationResponse
from proto.example_calls_pb2 import ExampleRequest, MultiInferenceRequest
from proto.metadata_pb2 import GetModelMetadataRequest, GetModelMetadataResponse, SignatureDefMap
from proto.model_pb2 import ModelSpec
from proto.predict_pb2 import PredictRequest, PredictResponse
from proto.regression_pb2 import RegressionResponse
from proto.status_pb2 import GetModelStatusRequest, GetModelStatusResponse, ModelVersionStatus
from proto.tensor_pb2 import DataType, TensorProto
from serving import tensors
from serving.contract import Signature, Tensors, TensorSpec

DEFAULT_SIGNATURE = "serving_default"
DESCRIBE_SIGNATURE = "describe"
# Comes with the calls by which a gateway tries a version before it sends anybody there.
PROBE = "tfgate-probe"

AVAILABLE = ModelVersionStatus.AVAILABLE


class Refused(Exception):
    """A call ends with a status other than OK."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{code.name}: {details}")
        self.code = code
        self.details = details


@dataclass(frozen=True)
class FakeSignature:
    """Tensors by name, and the function that turns those of a whole call into its outputs."""

    tensors: Signature
    run: Callable[[Tensors], Tensors]


@dataclass
class FakeVersion:
    """A version; what is not AVAILABLE answers nothing. `error` is why it ended, if badly.

    To Examples it answers its number, or what is `refused_examples`.
    """

    signatures: Mapping[str, FakeSignature]
    state: ModelVersionStatus.State = AVAILABLE
    error: Refused | None = None
    refused_examples: Refused | None = None


@dataclass
class PredictCall:
    """One prediction that was asked for: `timeout` is what the caller gave it, in seconds."""

    request: PredictRequest
    timeout: float | None
    metadata: Mapping[str, str]
    answer: Callable[[], PredictResponse] = field(repr=False)
    """Answer as the model would, or raise Refused."""
    ended: bool = False
    cancelled: bool = False
    """It was ended by its caller, before its deadline."""

    @property
    def num_rows(self) -> int:
        """How many rows it carries."""
        return int(next(iter(self.request.inputs.values())).tensor_shape.dim[0].size)

    def column(self, name: str) -> list[Any]:
        """Return one input of every row."""
        column: list[Any] = tensors.decode(self.request.inputs[name]).tolist()
        return column


# Answers in the place of a model; bytes are an answer as it stands on the wire.
Fault = Callable[[PredictCall], Awaitable[PredictResponse | bytes]]


class FakeModelServer:
    """Predictions go through their model's fault, if it has one; `calls` are those that came.

    Calls for a model card, and those that a gateway makes to try a version, are neither: they are
    always answered by the model. `nonsense` is what a method answers, by its name, whatever it is
    asked. Versions among `hanging_probes` never answer when they are tried, and are among
    `probes_waiting` meanwhile; of models among `hanging_states`, the states are never told. A
    server that is not `reachable` refuses every call as gRPC does when nobody is there.
    """

    def __init__(self, models: Mapping[str, dict[int, FakeVersion]]) -> None:
        self.models = dict(models)
        self.labels: dict[str, dict[str, int]] = {}
        self.faults: dict[str, Fault] = {}
        self.nonsense: dict[str, bytes] = {}
        self.calls: list[PredictCall] = []
        self.reachable = True
        self.hanging_probes: set[tuple[str, int]] = set()
        self.probes_waiting: set[tuple[str, int]] = set()
        self.hanging_states: set[str] = set()

    def open_channel(self, _target: str, _tls: object) -> "_Channel":
        """Open a channel to this server, whatever its target."""
        return _Channel(self)

    async def answer(
        self, path: str, body: bytes, timeout: float | None, metadata: Iterable[tuple[str, str]]
    ) -> bytes:
        """Answer a call by the path of its method.

        Raises:
            Refused: it ends with another status than OK.
        """
        method = path.rpartition("/")[2]
        if not self.reachable:
            raise Refused(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses")
        if method in self.nonsense:
            return self.nonsense[method]
        try:
            async with asyncio.timeout(timeout):
                if method == "Predict":
                    return await self._predict(body, timeout, dict(metadata))
                if method in ("Classify", "Regress"):
                    return self._answer_examples(method, _parse(ExampleRequest, body))
                if method == "MultiInference":
                    return self._answer_tasks(_parse(MultiInferenceRequest, body))
                if method == "GetModelMetadata":
                    return self._metadata(_parse(GetModelMetadataRequest, body))
                states = _parse(GetModelStatusRequest, body)
                if states.model_spec.name in self.hanging_states:
                    await asyncio.Event().wait()
                return self._status(states)
        except TimeoutError as error:
            raise Refused(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded") from error
        except DecodeError as error:
            raise Refused(grpc.StatusCode.INTERNAL, "") from error

    async def _predict(
        self, body: bytes, timeout: float | None, metadata: Mapping[str, str]
    ) -> bytes:
        request = _parse(PredictRequest, body)
        spec = request.model_spec
        if PROBE in metadata and (spec.name, spec.version.value) in self.hanging_probes:
            self.probes_waiting.add((spec.name, spec.version.value))
            try:
                await asyncio.Event().wait()
            finally:
                self.probes_waiting.discard((spec.name, spec.version.value))
        if spec.signature_name == DESCRIBE_SIGNATURE or PROBE in metadata:
            return self._run(request).SerializeToString()
        call = PredictCall(request, timeout, metadata, lambda: self._run(request))
        self.calls.append(call)
        fault = self.faults.get(request.model_spec.name)
        loop, started = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        try:
            answer = call.answer() if fault is None else await fault(call)
        except asyncio.CancelledError:
            # A deadline ends it in the same way.
            call.cancelled = timeout is None or loop.time() < started + timeout
            raise
        finally:
            call.ended = True
        return answer if isinstance(answer, bytes) else answer.SerializeToString()

    def _run(self, request: PredictRequest) -> PredictResponse:
        number, version = self._version(request)
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        signature = version.signatures.get(name)
        if signature is None:
            message = f'Serving signature key "{name}" not found.'
            raise Refused(grpc.StatusCode.FAILED_PRECONDITION, message)
        outputs = signature.run(_inputs(request.inputs, name, signature.tensors))
        if request.output_filter:
            outputs = {output: outputs[output] for output in request.output_filter}
        response = PredictResponse()
        tensors.encode_all(response.outputs, outputs)
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = number
        response.model_spec.signature_name = name
        return response

    def _answer_examples(self, method: str, request: ExampleRequest) -> bytes:
        number, version = self._version(request)
        if version.refused_examples is not None:
            raise version.refused_examples
        spec = ModelSpec(name=request.model_spec.name)
        spec.version.value = number
        if method == "Classify":
            classified = ClassificationResponse(model_spec=spec)
            classified.result.classifications.add().classes.add(label=b"version", score=number)
            return classified.SerializeToString()
        regressed = RegressionResponse(model_spec=spec)
        regressed.result.regressions.add(value=number)
        return regressed.SerializeToString()

    def _answer_tasks(self, request: MultiInferenceRequest) -> bytes:
        """Answer with whom each task was asked of: all of them by the version of the first."""
        spec = request.tasks[0].model_spec
        number, version = self._version(ExampleRequest(model_spec=spec))
        if version.refused_examples is not None:
            raise version.refused_examples
        for task in request.tasks:
            task.model_spec.version.value = number
        return MultiInferenceRequest(tasks=request.tasks).SerializeToString()

    def _metadata(self, request: GetModelMetadataRequest) -> bytes:
        number, version = self._version(request)
        if list(request.metadata_field) != ["signature_def"]:
            raise NotImplementedError
        signatures = SignatureDefMap()
        for name, signature in version.signatures.items():
            definition = signatures.signature_def[name]
            definition.method_name = "tensorflow/serving/predict"
            sides = [
                (definition.inputs, signature.tensors.inputs, f"{name}_"),
                (definition.outputs, signature.tensors.outputs, "StatefulPartitionedCall_"),
            ]
            for infos, specs, prefix in sides:
                for tensor, spec in specs.items():
                    infos[tensor].name = f"{prefix}{tensor}:0"
                    infos[tensor].dtype = _number(spec.dtype)
                    infos[tensor].tensor_shape.unknown_rank = spec.shape is None
                    for size in spec.shape or ():
                        infos[tensor].tensor_shape.dim.add(size=-1 if size is None else size)
        response = GetModelMetadataResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.version.value = number
        packed = response.metadata["signature_def"]
        packed.type_url = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
        packed.value = signatures.SerializeToString()
        return response.SerializeToString()

    def _status(self, request: GetModelStatusRequest) -> bytes:
        """Tell of one version or of all, newest first; labels mean nothing here."""
        _check_spec(request)
        spec = request.model_spec
        versions = self.models.get(spec.name, {})
        asked = f"any versions of model {spec.name}"
        if spec.HasField("version"):
            number = spec.version.value
            versions = {number: versions[number]} if number in versions else {}
            asked = f"version {number} of model {spec.name}"
        if not versions:
            raise Refused(grpc.StatusCode.NOT_FOUND, f"Could not find {asked}")
        response = GetModelStatusResponse()
        for number in sorted(versions, reverse=True):
            version = versions[number]
            status = response.model_version_status.add(version=number, state=version.state)
            status.status.SetInParent()
            if version.error is not None:
                status.status.error_code = version.error.code.value[0]
                status.status.error_message = version.error.details
        return response.SerializeToString()

    def _version(
        self, request: PredictRequest | ExampleRequest | GetModelMetadataRequest
    ) -> tuple[int, FakeVersion]:
        """Find the version that a request names: by number, by label, or the newest."""
        _check_spec(request)
        spec = request.model_spec
        if not spec.name:
            message = "ModelSpec has no name specified."
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, message)
        number = self._number(spec)
        versions = self.models.get(spec.name, {})
        available = [each for each, version in versions.items() if version.state == AVAILABLE]
        found = max(available, default=None) if number is None else number
        if found is None or found not in available:
            asked = f"Latest({spec.name})" if number is None else f"Specific({spec.name}, {number})"
            message = f"Servable not found for request: {asked}"
            raise Refused(grpc.StatusCode.NOT_FOUND, message)
        return found, versions[found]

    def _number(self, spec: ModelSpec) -> int | None:
        if spec.HasField("version"):
            return spec.version.value
        if not spec.HasField("version_label"):
            return None
        number = self.labels.get(spec.name, {}).get(spec.version_label)
        if number is None:
            message = f"Unrecognized servable version label: {spec.version_label}"
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, message)
        return number


class _Channel:
    """What the gateway uses of a channel: calls of one request and one answer."""

    def __init__(self, server: FakeModelServer) -> None:
        self._server = server

    def unary_unary(
        self, path: str, *, request_serializer: Callable[[Any], bytes] = bytes
    ) -> Callable[..., Awaitable[bytes]]:
        async def call(
            request: Any,
            *,
            timeout: float | None = None,
            metadata: Iterable[tuple[str, str]] | None = None,
        ) -> bytes:
            body = request_serializer(request)
            try:
                return await self._server.answer(path, body, timeout, metadata or ())
            except Refused as refused:
                nothing = grpc.aio.Metadata()
                raise grpc.aio.AioRpcError(
                    refused.code, nothing, nothing, details=refused.details
                ) from None

        return call

    async def close(self) -> None:
        pass


def _parse(kind: Any, body: bytes) -> Any:
    return kind.FromString(body)


def _check_spec(request: Any) -> None:
    if not request.HasField("model_spec"):
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "Missing ModelSpec")


def _inputs(sent: Mapping[str, TensorProto], name: str, signature: Signature) -> Tensors:
    """Read a call's tensors, and refuse what does not fit, in TF Serving's order."""
    promised = signature.inputs
    if len(sent) != len(promised):
        raise _invalid(
            f"input size does not match signature: {len(sent)}!={len(promised)} "
            f"len({_braced(sent)}) != len({_braced(promised)}). "
            f"Sent extra: {_braced(set(sent) - set(promised))}. "
            f"Missing but required: {_braced(set(promised) - set(sent))}."
        )
    arrays = {}
    for alias in sorted(promised):
        if alias not in sent:
            raise _invalid(
                f"Signature input alias: {alias}(feed name: {name}_{alias}:0) not found in request "
                f"and no default value provided. Inputs expected to be in the request "
                f"{_braced(sent)}, or default input alias set: "
            )
        try:
            arrays[alias] = tensors.decode(sent[alias])
        except ValueError as error:
            raise _invalid(f"tensor parsing error: {alias}") from error
    for index, alias in enumerate(sorted(promised)):
        _check_dtype(index, sent[alias], promised[alias])
    return arrays


def _check_dtype(index: int, sent: TensorProto, promised: TensorSpec) -> None:
    expected = tensors.data_type(promised.dtype)
    if sent.dtype != expected:
        names = [DataType.Name(each).removeprefix("DT_").lower() for each in (expected, sent.dtype)]
        raise _invalid(f"Expects arg[{index}] to be {names[0]} but {names[1]} is provided")


def _number(dtype: str) -> Any:
    """Return the wire's number of a dtype, also of one that cannot be sent."""
    return next(number for number in range(1, 64) if tensors.dtype_name(number) == dtype)


def _invalid(message: str) -> Refused:
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, message)


def _braced(aliases: Iterable[str]) -> str:
    return f"{{{','.join(sorted(aliases))}}}"
