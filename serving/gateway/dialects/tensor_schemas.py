"""Tensors as JSON Schema has them, for the OpenAPI document; what no schema can say is left out.

That lists within lists are of one length, or that data fill a shape, no schema can say.
"""

import numpy as np

from serving.contract import TensorSpec
from serving.gateway.dialects.documentation import Schema

_BASE64 = {
    "type": "object",
    "properties": {"b64": {"type": "string", "contentEncoding": "base64"}},
    "required": ["b64"],
    "additionalProperties": False,
}


def element(spec: TensorSpec) -> Schema:
    """Describe one value; of a string, its text."""
    if spec.dtype == "string":
        return {"type": "string"}
    if spec.dtype == "bool":
        return {"type": "boolean"}
    if not spec.can_be_sent:
        return {"not": {}}
    if spec.numpy_dtype.kind in "iu":
        bounds = np.iinfo(spec.numpy_dtype)
        return {"type": "integer", "minimum": int(bounds.min), "maximum": int(bounds.max)}
    if spec.dtype == "float32":
        largest = float(np.finfo(np.float32).max)
        return {"type": "number", "minimum": -largest, "maximum": largest}
    return {"type": "number"}


def answered(spec: TensorSpec) -> Schema:
    """Describe one value of an output: null is one that is no number."""
    schema = element(spec)
    return schema | {"type": ["number", "null"]} if schema.get("type") == "number" else schema


def element_or_base64(spec: TensorSpec) -> Schema:
    """Describe one value as TensorFlow Serving's REST API takes it: strings also as base64."""
    if spec.dtype == "string":
        return {"anyOf": [element(spec), _BASE64]}
    return element(spec)


def nested(spec: TensorSpec, value: Schema, *, dimensions: slice = slice(None)) -> Schema:
    """Describe the lists within lists that hold a tensor, or some of its dimensions."""
    if spec.shape is None:
        return {}
    schema = value
    for size in reversed(spec.shape[dimensions]):
        schema = {"type": "array", "items": schema}
        if size is not None:
            schema |= {"minItems": size, "maxItems": size}
    return schema


def shape(spec: TensorSpec) -> Schema:
    """Describe the shape of a tensor that is sent, a list of its sizes."""
    sizes = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}}
    if spec.shape is None:
        return sizes
    if None not in spec.shape:
        return {"const": list(spec.shape)}
    rank = len(spec.shape)
    return {**sizes, "minItems": rank, "maxItems": rank, "description": f"as in {spec}"}
