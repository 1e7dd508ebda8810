"""TensorFlow Serving's REST API: rows and columns."""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.contract import Tensors
from tests.foreign.dialects.asking import no_small_floats, read_json
from tests.foreign.gateway import Gateway
from tests.foreign.models import Question


def ask_rows(gateway: Gateway, model: str, question: Question) -> Tensors:
    """Send `instances`: a row is an object, or a value if there is one input."""
    columns = {name: _write(array) for name, array in question.inputs.items()}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    instances = rows if len(columns) > 1 else [value for row in rows for value in row.values()]
    predictions = _predict(gateway, model, question, instances=instances)["predictions"]
    if not isinstance(predictions[0], dict) or predictions[0].keys() == {"b64"}:
        return {"": _read(predictions)}
    return {name: _read([row[name] for row in predictions]) for name in predictions[0]}


def ask_columns(gateway: Gateway, model: str, question: Question) -> Tensors:
    """Send `inputs`: a value for each tensor."""
    inputs = {name: _write(array) for name, array in question.inputs.items()}
    outputs = _predict(gateway, model, question, inputs=inputs)["outputs"]
    if not isinstance(outputs, dict) or outputs.keys() == {"b64"}:
        return {"": _read(outputs)}
    return {name: _read(value) for name, value in outputs.items()}


def takes_rows(question: Question, answer: Tensors) -> bool:
    """Tell whether every tensor has as many rows as the others, too."""
    shapes = {array.shape[:1] for array in (*question.inputs.values(), *answer.values())}
    return len(shapes) == 1 and shapes != {()} and takes_columns(question, answer)


def takes_columns(question: Question, answer: Tensors) -> bool:
    """Tell whether no input is left out, and all of them are what it reads from JSON."""
    has_uint16 = any(array.dtype == np.uint16 for array in question.inputs.values())
    return not question.left_out and not has_uint16 and no_small_floats(question, answer)


def _predict(gateway: Gateway, model: str, question: Question, **body: Any) -> Any:
    body["signature_name"] = question.signature
    response = gateway.http.post(f"/v1/models/{model}:predict", json=body)
    return read_json(response.status_code, response.content)


def _write(array: NDArray[Any]) -> Any:
    if array.dtype == object:
        return np.vectorize(_base64, "O")(array).tolist()
    return array.tolist()


def _base64(string: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(string).decode()}


def _read(value: Any) -> NDArray[Any]:
    """Read a tensor; its dtype is what numbers in JSON look like."""
    value = leaf = _bytes(value)
    while isinstance(leaf, list) and leaf:
        leaf = leaf[0]
    return np.array(value, object if isinstance(leaf, bytes) else None)


def _bytes(value: Any) -> Any:
    match value:
        case list():
            return [_bytes(each) for each in value]
        case {"b64": str(text)}:
            return base64.b64decode(text)
        case str():
            return value.encode()
    return value
