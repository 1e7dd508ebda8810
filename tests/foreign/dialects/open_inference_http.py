"""The Open Inference Protocol over HTTP: tensors as JSON, and as bytes behind it."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.contract import Tensors
from tests.foreign.dialects.asking import has_only_texts, no_small_floats, read_json
from tests.foreign.dialects.tensor_bytes import DTYPES, cut, described, from_bytes, to_bytes
from tests.foreign.gateway import Gateway
from tests.foreign.models import Question

LENGTH_HEADER = "Inference-Header-Content-Length"


def ask_json(gateway: Gateway, model: str, question: Question) -> Tensors:
    """Send and get tensors as JSON."""
    inputs = [
        described(name, array, data=[_text(value) for value in array.ravel().tolist()])
        for name, array in question.inputs.items()
    ]
    body = {"inputs": inputs, "parameters": {"signature_name": question.signature}}
    response = gateway.http.post(f"/v2/models/{model}/infer", json=body)
    answer = read_json(response.status_code, response.content)
    return {each["name"]: _read(each) for each in answer["outputs"]}


def ask_binary(gateway: Gateway, model: str, question: Question) -> Tensors:
    """Send and get tensors as bytes."""
    contents = {name: to_bytes(array) for name, array in question.inputs.items()}
    inputs = [
        described(name, array, parameters={"binary_data_size": len(contents[name])})
        for name, array in question.inputs.items()
    ]
    parameters = {"signature_name": question.signature, "binary_data_output": True}
    head = json.dumps({"inputs": inputs, "parameters": parameters}).encode()
    response = gateway.http.post(
        f"/v2/models/{model}/infer",
        content=head + b"".join(contents.values()),
        headers={"Content-Type": "application/octet-stream", LENGTH_HEADER: str(len(head))},
    )
    size = int(response.headers.get(LENGTH_HEADER, len(response.content)))
    answer = read_json(response.status_code, response.content[:size])
    outputs, rest = {}, response.content[size:]
    for each in answer["outputs"]:
        part, rest = cut(rest, each["parameters"]["binary_data_size"])
        outputs[each["name"]] = from_bytes(part, each["datatype"], each["shape"])
    assert not rest
    return outputs


def takes_json(question: Question, answer: Tensors) -> bool:
    """Tell whether all numbers fit JSON, and all strings are texts."""
    return no_small_floats(question, answer) and has_only_texts(question, answer)


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _read(each: Any) -> NDArray[Any]:
    dtype = DTYPES[each["datatype"]]
    values = [value.encode() if isinstance(value, str) else value for value in each["data"]]
    return np.array(values, dtype).reshape(each["shape"])
