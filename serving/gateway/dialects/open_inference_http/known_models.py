"""What each known model takes and gives by this protocol, for the OpenAPI document."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from serving.contract import Signature, TensorSpec
from serving.gateway.dialects.documentation import (
    KnownModels,
    Schema,
    any_of,
    json_content,
    operation,
    record,
)
from serving.gateway.dialects.example_documents import is_long
from serving.gateway.dialects.examples import can_ask, has_halves, infer_body
from serving.gateway.dialects.open_inference.datatypes import datatype_of
from serving.gateway.dialects.tensor_schemas import answered, element, nested, shape
from serving.gateway.inference.example import example
from serving.gateway.inference.model_ref import EXPLAIN_SIGNATURE, PREDICT_SIGNATURE

TAG = "Open Inference Protocol"
PARAMETERS: Schema = {"type": "object"}
_EXPLAIN: Schema = {
    "type": "boolean",
    "description": "whether to give, beside the answer, what it comes from, by the signature "
    "explain",
}
REQUEST_PARAMETERS: Schema = {
    **PARAMETERS,
    "properties": {
        "signature_name": {"type": "string", "description": "which signature is asked"},
        "timeout": {
            "type": "integer",
            "minimum": 0,
            "description": "microseconds after which nobody waits any more; 0 is any",
        },
        "explain": _EXPLAIN,
    },
}


def paths(known: KnownModels) -> dict[str, Any]:
    """Describe inference for each known model whose tensors JSON can carry."""
    return {
        path: item for name, signatures in known.items() for path, item in _known(name, signatures)
    }


def _known(name: str, signatures: Mapping[str, Signature]) -> Iterator[tuple[str, Any]]:
    asked = {
        each: signature
        for each, signature in signatures.items()
        if can_ask("open_inference_http", signature)
        and not has_halves({**signature.inputs, **signature.outputs})
    }
    if not asked:
        return
    first = PREDICT_SIGNATURE if PREDICT_SIGNATURE in asked else min(asked)
    shown = infer_body(first, example(asked[first]))
    body = any_of([_request(*each) for each in asked.items()])
    answer = any_of([_response(name, signature) for signature in asked.values()])
    content = json_content(body, None if is_long(shown) else shown)
    summary = f"Infer: {name}, by its signatures"
    yield (
        f"/v2/models/{quote(name, '')}/infer",
        {"post": operation(summary, TAG, answer, body=content)},
    )


def _request(name: str, signature: Signature) -> Schema:
    optional: dict[str, Schema] = {
        "id": {"type": "string"},
        "outputs": {
            "type": "array",
            "items": record(
                {"name": {"enum": list(signature.outputs)}}, {"parameters": PARAMETERS}
            ),
        },
    }
    inputs = {
        "inputs": _tensors(signature.inputs, required=signature.inputs.keys() - signature.optional)
    }
    is_explained = name == EXPLAIN_SIGNATURE
    properties = {
        "signature_name": {"const": name},
        "explain": {**_EXPLAIN, "const": is_explained},
    }
    chosen: Schema = {**PARAMETERS, "properties": properties}
    if name == PREDICT_SIGNATURE:
        return record(inputs, {**optional, "parameters": chosen})
    # Without one of them, it would be the default's.
    ways = ["signature_name", "explain"] if is_explained else ["signature_name"]
    needed = any_of([{"required": [way]} for way in ways])
    return record({**inputs, "parameters": {**chosen, **needed}}, optional)


def _response(model: str, signature: Signature) -> Schema:
    return record(
        {
            "model_name": {"const": model},
            "model_version": {"type": "string"},
            "outputs": _tensors(signature.outputs, required=()),
        },
        {"id": {"type": "string"}, "parameters": PARAMETERS},
    )


def _tensors(specs: Mapping[str, TensorSpec], *, required: Any) -> Schema:
    value = element if required else answered
    described = [_tensor(name, spec, value(spec)) for name, spec in specs.items()]
    schema: Schema = {"type": "array", "items": any_of(described) if described else {"not": {}}}
    if required:
        named = [
            {"contains": {"properties": {"name": {"const": name}}}} for name in sorted(required)
        ]
        schema |= {"minItems": len(required), "maxItems": len(specs), "allOf": named}
    return schema


def _tensor(name: str, spec: TensorSpec, value: Schema) -> Schema:
    in_a_row = {"type": "array", "items": value}
    data = (
        in_a_row
        if spec.shape is None or len(spec.shape) < 2
        else any_of([in_a_row, nested(spec, value)])
    )
    return record(
        {
            "name": {"const": name},
            "shape": shape(spec),
            "datatype": {"const": datatype_of(spec)},
            "data": data,
        },
        {"parameters": PARAMETERS},
    )
