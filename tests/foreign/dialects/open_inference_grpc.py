"""The Open Inference Protocol over gRPC: raw contents, and a field for each kind of number."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proto.open_inference_pb2 import ModelInferRequest, ModelInferResponse
from serving.contract import Tensors
from tests.foreign.dialects.grpc_calls import call
from tests.foreign.dialects.tensor_bytes import DTYPES, described, from_bytes, to_bytes
from tests.foreign.gateway import Gateway
from tests.foreign.models import Question

METHOD = "/inference.GRPCInferenceService/ModelInfer"
FIELDS = {
    "BOOL": "bool_contents",
    "BYTES": "bytes_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "INT64": "int64_contents",
    "UINT64": "uint64_contents",
    **{f"INT{bits}": "int_contents" for bits in (8, 16, 32)},
    **{f"UINT{bits}": "uint_contents" for bits in (8, 16, 32)},
}


def ask_raw(gateway: Gateway, model: str, question: Question) -> Tensors:
    """Send each tensor as bytes."""
    request = _request(model, question)
    request.raw_input_contents.extend(map(to_bytes, question.inputs.values()))
    return _read(call(gateway, METHOD, request, ModelInferResponse))


def ask_typed(gateway: Gateway, model: str, question: Question) -> Tensors:
    """Send each tensor in the field of its datatype."""
    request = _request(model, question)
    for each, array in zip(request.inputs, question.inputs.values(), strict=True):
        getattr(each.contents, FIELDS[each.datatype]).extend(array.ravel().tolist())
    return _read(call(gateway, METHOD, request, ModelInferResponse))


def _request(model: str, question: Question) -> ModelInferRequest:
    request = ModelInferRequest(model_name=model)
    request.parameters["signature_name"].string_param = question.signature
    for name, array in question.inputs.items():
        request.inputs.add(**described(name, array))
    return request


def _read(response: ModelInferResponse) -> Tensors:
    if response.raw_output_contents:
        return {
            each.name: from_bytes(part, each.datatype, each.shape)
            for each, part in zip(response.outputs, response.raw_output_contents, strict=True)
        }
    return {each.name: _typed(each) for each in response.outputs}


def _typed(each: ModelInferResponse.InferOutputTensor) -> NDArray[Any]:
    values = getattr(each.contents, FIELDS[each.datatype])
    return np.array(list(values), DTYPES[each.datatype]).reshape(each.shape)
