"""A request that a signature takes, to be shown to whoever has sent another."""

from typing import Any

import orjson
from numpy.typing import NDArray

from serving.contract import Signature
from serving.gateway.dialects.open_inference import binary
from serving.gateway.dialects.open_inference.datatypes import ONLY_BINARY, datatype_of_array
from serving.gateway.dialects.open_inference_http import json_tensors
from serving.gateway.inference.example import example
from serving.gateway.inference.model_ref import PREDICT_SIGNATURE

_MAX_ELEMENTS = 16  # of a tensor that is shown whole


def example_request(name: str, signature: Signature) -> str | None:
    """Write the JSON of a request for a signature; None if nobody can ask it.

    Of a tensor that is large, or that JSON cannot carry, it tells the number of bytes after it.
    """
    if signature.unsendable:
        return None
    inputs = [_tensor(*each) for each in example(signature).items()]
    request: dict[str, Any] = {"inputs": inputs}
    if name != PREDICT_SIGNATURE:
        request["parameters"] = {"signature_name": name}
    return orjson.dumps(request, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _tensor(name: str, array: NDArray[Any]) -> dict[str, Any]:
    datatype = datatype_of_array(array)
    told = {"name": name, "shape": array.shape, "datatype": datatype}
    if datatype in ONLY_BINARY or array.size > _MAX_ELEMENTS:
        return {**told, "parameters": {"binary_data_size": len(binary.encode(array))}}
    return {**told, "data": json_tensors.writable(name, array)}
