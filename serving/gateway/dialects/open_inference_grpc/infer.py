"""ModelInfer: what a message asks, and the message that answers it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from proto.open_inference_pb2 import ModelInferRequest, ModelInferResponse
from serving.errors import FieldError, InvalidInput
from serving.gateway.dialects.calls import Asked
from serving.gateway.dialects.open_inference import binary
from serving.gateway.dialects.open_inference.datatypes import ONLY_BINARY, datatype_of_array
from serving.gateway.dialects.open_inference.refusals import wrong_input, wrong_output
from serving.gateway.dialects.open_inference_grpc import contents
from serving.gateway.inference.client import Answer

_SIGNATURE = "signature_name"
_SHARED_MEMORY = "shared_memory_region"
_CLASSIFICATION = "classification"


@dataclass(frozen=True)
class InferAsked(Asked):
    """With what the answer repeats; if a request `is_raw`, so is its answer."""

    model: str = ""
    id: str = ""
    is_raw: bool = False


def understand(request: ModelInferRequest) -> InferAsked:
    """Read a request.

    Raises:
        InvalidInput: a tensor of it, which the error names, or a parameter is wrong.
    """
    inputs: dict[str, NDArray[Any]] = {}
    for name, array in _inputs(request):
        if name in inputs:
            raise wrong_input(name, "it is there twice")
        inputs[name] = array
    asked = InferAsked(
        inputs=inputs,
        outputs=_outputs(request),
        model=request.model_name,
        id=request.id,
        is_raw=bool(request.raw_input_contents),
    )
    signature = _signature(request)
    return replace(asked, signature=signature) if signature else asked


def write(asked: InferAsked, answer: Answer) -> ModelInferResponse:
    """Build the answer: raw, if the request was, or if an output has no typed contents."""
    response = ModelInferResponse(
        model_name=asked.model, model_version=str(answer.version), id=asked.id
    )
    outputs = {name: answer.outputs[name] for name in asked.outputs or answer.outputs}
    datatypes = {name: datatype_of_array(array) for name, array in outputs.items()}
    is_raw = asked.is_raw or not set(ONLY_BINARY).isdisjoint(datatypes.values())
    for name, array in outputs.items():
        output = response.outputs.add(name=name, datatype=datatypes[name], shape=array.shape)
        if is_raw:
            response.raw_output_contents.append(bytes(binary.encode(array)))
        else:
            contents.encode(output.contents, array)
    return response


def _inputs(request: ModelInferRequest) -> Iterator[tuple[str, NDArray[Any]]]:
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        message = f"there are {len(request.inputs)} inputs, and {len(raw)} raw_input_contents"
        hint = "Send the raw contents of all inputs, in their order, or of none."
        raise InvalidInput(message, hint=hint, fields=[FieldError("raw_input_contents", message)])
    for index, tensor in enumerate(request.inputs):
        name, datatype, shape = tensor.name, tensor.datatype, tensor.shape
        if _SHARED_MEMORY in tensor.parameters:
            raise wrong_input(name, "it is in shared memory, which is not read; send its contents")
        if not raw:
            yield name, contents.decode(name, datatype, shape, tensor.contents)
        elif tensor.contents.ListFields():
            raise wrong_input(name, "it has contents, and raw_input_contents are there, too")
        else:
            yield name, binary.decode(name, datatype, shape, raw[index])


def _outputs(request: ModelInferRequest) -> tuple[str, ...]:
    names: list[str] = []
    for output in request.outputs:
        if _SHARED_MEMORY in output.parameters:
            message = "it is to go to shared memory, which is not written; it comes in the answer"
            raise wrong_output(output.name, message)
        if _CLASSIFICATION in output.parameters:
            message = "classification is not offered; ask for the tensor itself"
            raise wrong_output(output.name, message)
        if output.name in names:
            raise wrong_output(output.name, "it is asked for twice")
        names.append(output.name)
    return tuple(names)


def _signature(request: ModelInferRequest) -> str:
    if _SIGNATURE not in request.parameters:
        return ""
    parameter = request.parameters[_SIGNATURE]
    if parameter.WhichOneof("parameter_choice") != "string_param":
        message = f"the parameter {_SIGNATURE} must be a string_param"
        raise InvalidInput(message, fields=[FieldError(f"parameters.{_SIGNATURE}", message)])
    return parameter.string_param
