"""`inputs`, one tensor or several by name, and `outputs`, which answer them."""

from typing import Any

from numpy.typing import NDArray

from serving.contract import Signature, Tensors, TensorSpec
from serving.errors import InvalidInput
from serving.gateway.dialects.tf_serving_rest import elements, json_writer
from serving.gateway.dialects.tf_serving_rest.columns import Columns, NotPlain
from serving.gateway.dialects.tf_serving_rest.json_value import Value


def read_at_once(value: Any, signature: Signature, columns: Columns) -> Tensors:
    """Read whole tensors.

    Raises:
        NotPlain: something is odd about them, and `read` is to say what.
    """
    specs = signature.inputs
    if type(value) is list and len(specs) == 1:
        return {name: columns.read(value, spec.dtype) for name, spec in specs.items()}
    if type(value) is not dict or any(type(value.get(name)) is not list for name in specs):
        raise NotPlain
    columns.check_each_once(specs, 1)
    return {name: columns.read(value[name], spec.dtype) for name, spec in specs.items()}


def read(value: Value, signature: Signature) -> Tensors:
    """Read value after value.

    Raises:
        InvalidInput: a name is missing, a value has another type, or a list another length than
            the first beside it.
        Unimplemented: an input has a dtype that TF Serving reads from no JSON.
    """
    specs = signature.inputs
    if isinstance(value, dict) and not elements.is_base64(value):
        return {name: _named(value, name, specs[name]) for name in sorted(specs)}
    if len(specs) > 1:
        message = (
            "inputs is a plain value/list, but expecting an object as multiple input tensors "
            "required as per tensorinfo_map"
        )
        raise InvalidInput(message, hint="")
    return {name: _tensor(value, spec) for name, spec in specs.items()}


def write(outputs: Tensors) -> bytes:
    """Write an answer: a tensor, or an object of several by their names."""
    if len(outputs) == 1:
        [(name, array)] = outputs.items()
        text = json_writer.whole(name, array, depth=1)
    else:
        texts = [
            b"\n        " + json_writer.key(name) + json_writer.whole(name, array, depth=2)
            for name, array in sorted(outputs.items())
        ]
        text = b"{" + b",".join(texts) + b"\n    }"
    return b'{\n    "outputs": ' + text + b"\n}"


def _named(value: dict[str, Value], name: str, spec: TensorSpec) -> NDArray[Any]:
    if name not in value:
        message = f"Missing named input: {name} in 'inputs' object."
        raise InvalidInput(message, hint="")
    return _tensor(value[name], spec)


def _tensor(value: Value, spec: TensorSpec) -> NDArray[Any]:
    shape = elements.shape_of(value)
    return elements.tensor(elements.flatten(value, shape, spec.dtype), shape, spec)
