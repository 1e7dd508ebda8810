"""ModelInfer: what a message asks, and the message that answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray

from proto.open_inference_pb2 import InferParameter, ModelInferRequest, ModelInferResponse
from serving.errors import FieldError, InvalidInput
from serving.gateway.dialects.calls import Asked
from serving.gateway.dialects.open_inference import binary, timeouts
from serving.gateway.dialects.open_inference.datatypes import ONLY_BINARY, datatype_of_array
from serving.gateway.dialects.open_inference.parameters import no_parameter, signature_of
from serving.gateway.dialects.open_inference.refusals import (
    wrong_input,
    wrong_output,
    wrong_request,
)
from serving.gateway.dialects.open_inference_grpc import contents
from serving.gateway.inference.client import Answer

Parameters = Mapping[str, InferParameter]

# What parameters are taken, and in which of their fields. Those that are None say nothing that
# matters here: clients that also speak the protocol over HTTP send them.
_OF_REQUEST = {
    "signature_name": "string_param",
    "timeout": "int64_param",
    "explain": "bool_param",
    **dict.fromkeys(("binary_data_output", "content_type", "headers", "priority")),
}
_OF_INPUT: dict[str, str | None] = {"binary_data_size": None, "content_type": None}
_OF_OUTPUT: dict[str, str | None] = {"binary_data": None, "content_type": None}


@dataclass(frozen=True)
class InferAsked(Asked):
    """With what the answer repeats; if a request `is_raw`, so is its answer.

    `timeout_seconds` is None if nothing is said of it.
    """

    model: str = ""
    id: str = ""
    is_raw: bool = False
    timeout_seconds: float | None = None


def understand(request: ModelInferRequest) -> InferAsked:
    """Read a request.

    Raises:
        InvalidInput: a tensor of it, which the error names, or a parameter is wrong.
    """
    given = _parameters(request.parameters, _OF_REQUEST, wrong_request)
    return InferAsked(
        inputs=_inputs(request),
        outputs=_outputs(request),
        signature=signature_of(given),
        model=request.model_name,
        id=request.id,
        is_raw=bool(request.raw_input_contents),
        timeout_seconds=timeouts.seconds(given.get("timeout")),
    )


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


def _inputs(request: ModelInferRequest) -> dict[str, NDArray[Any]]:
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        message = f"there are {len(request.inputs)} inputs, and {len(raw)} raw_input_contents"
        hint = "Send the raw contents of all inputs, in their order, or of none."
        raise InvalidInput(message, hint=hint, fields=[FieldError("raw_input_contents", message)])
    inputs: dict[str, NDArray[Any]] = {}
    for index, tensor in enumerate(request.inputs):
        # Of a message's own list, each look takes longer than of a copy.
        name, datatype, shape = tensor.name, tensor.datatype, list(tensor.shape)
        if tensor.parameters:
            _parameters(tensor.parameters, _OF_INPUT, partial(wrong_input, name))
        if name in inputs:
            raise wrong_input(name, "it is there twice; send it once")
        if not raw:
            inputs[name] = contents.decode(name, datatype, shape, tensor.contents)
        elif tensor.HasField("contents") and tensor.contents.ListFields():
            message = "it has contents, and raw_input_contents are there as well; send one of them"
            raise wrong_input(name, message)
        else:
            inputs[name] = binary.decode(name, datatype, shape, raw[index])
    return inputs


def _outputs(request: ModelInferRequest) -> tuple[str, ...]:
    for output in request.outputs:
        _parameters(output.parameters, _OF_OUTPUT, partial(wrong_output, output.name))
    return tuple([output.name for output in request.outputs])


def _parameters(
    given: Parameters, taken: Mapping[str, str | None], refuse: Callable[[str], InvalidInput]
) -> dict[str, Any]:
    found = {}
    for name, parameter in given.items():
        if name not in taken:
            raise refuse(no_parameter(name, taken))
        field = taken[name]
        if field is None:
            continue
        if parameter.WhichOneof("parameter_choice") != field:
            raise refuse(f"its parameter {name} is sent in {field}")
        found[name] = getattr(parameter, field)
    return found
