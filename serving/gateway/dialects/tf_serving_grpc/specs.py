"""Whom a message asks: which model, and which version of it."""

from collections.abc import Sequence

from proto.example_calls_pb2 import ExampleRequest, MultiInferenceRequest
from proto.metadata_pb2 import GetModelMetadataRequest
from proto.model_pb2 import ModelSpec
from proto.predict_pb2 import PredictRequest
from proto.status_pb2 import GetModelStatusRequest
from serving.errors import FieldError, InvalidInput
from serving.gateway.inference.model_ref import ModelRef

WithSpec = PredictRequest | ExampleRequest | GetModelMetadataRequest | GetModelStatusRequest


def asked_by(request: WithSpec) -> ModelRef:
    """Return what a request's `model_spec` names.

    Raises:
        InvalidInput: it has none, or one without a name.
    """
    if not request.HasField("model_spec"):
        raise _invalid("Missing ModelSpec")
    return _ref(request.model_spec)


def asked_by_all(tasks: Sequence[MultiInferenceRequest.Task]) -> ModelRef:
    """Return what the first of several tasks names; the model must be that of all.

    Raises:
        InvalidInput: it is not, or a task has no name of one, or there are no tasks.
    """
    refs = [_ref(task.model_spec) for task in tasks] or [_ref(ModelSpec())]
    if len({ref.name for ref in refs}) > 1:
        raise _invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
    return refs[0]


def pinned(request: bytes, version: int) -> bytes:
    """Return a request that names no version, with one: what is appended is merged with it."""
    spec = ModelSpec()
    spec.version.value = version
    return request + PredictRequest(model_spec=spec).SerializeToString()


def all_pinned(request: bytes, version: int) -> bytes:
    """Return a MultiInferenceRequest of which each task names a version."""
    message = MultiInferenceRequest.FromString(request)
    for task in message.tasks:
        task.model_spec.version.value = version
    return message.SerializeToString()


def _ref(spec: ModelSpec) -> ModelRef:
    if not spec.name:
        raise _invalid("ModelSpec has no name specified.")
    if spec.HasField("version"):
        return ModelRef(spec.name, version=spec.version.value)
    if spec.HasField("version_label"):
        return ModelRef(spec.name, label=spec.version_label)
    return ModelRef(spec.name)


def _invalid(message: str) -> InvalidInput:
    """Say it in the words of TensorFlow Serving, of which nothing is missing."""
    return InvalidInput(message, fields=[FieldError("model_spec", message)])
