"""TensorFlow Serving's REST API in the OpenAPI document."""

from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from serving.contract import Signature, TensorSpec
from serving.gateway.dialects.documentation import (
    VERSION,
    KnownModels,
    Schema,
    any_of,
    in_path,
    json_content,
    operation,
    record,
)
from serving.gateway.dialects.example_documents import is_long
from serving.gateway.dialects.examples import can_ask, columns_body
from serving.gateway.dialects.tensor_schemas import answered, element_or_base64, nested
from serving.gateway.inference.example import example
from serving.gateway.inference.model_ref import EXPLAIN_SIGNATURE, PREDICT_SIGNATURE

_TAG = "TensorFlow Serving's REST API"
_NAME = {"signature_name": {"type": "string"}}
_ROWS = record({"instances": {"type": "array", "minItems": 1}}, _NAME)
_COLUMNS = record({"inputs": {}}, _NAME)
_FEATURES = {
    "type": "object",
    "additionalProperties": {"type": ["number", "string", "boolean", "array", "object"]},
}
_EXAMPLES = record(
    {"examples": {"type": "array", "items": _FEATURES, "minItems": 1}},
    {**_NAME, "context": _FEATURES},
)
_RESULTS = record({"results": {"type": "array"}})
_PREDICTIONS = any_of([record({"predictions": {"type": "array"}}), record({"outputs": {}})])
_EXPLAINED = any_of(
    [
        record({"explanations": {"type": "array"}}, {"predictions": {"type": "array"}}),
        record({"explanations": {}}, {"outputs": {}}),
    ]
)
_STATUS = record(
    {
        "model_version_status": {
            "type": "array",
            "items": record(
                {
                    "version": {"type": "string"},
                    "state": {"type": "string"},
                    "status": record(
                        {"error_code": {"type": "string"}, "error_message": {"type": "string"}}
                    ),
                }
            ),
        }
    }
)
_METADATA = record({"model_spec": {"type": "object"}, "metadata": {"type": "object"}})


def paths(known: KnownModels) -> dict[str, Any]:
    """Describe every path, and for each known model what it takes and gives."""
    model = in_path("model", "the model's name", {"type": "string", "minLength": 1})
    places = {
        "": [model],
        "/versions/{version}": [model, in_path("version", "its version", VERSION)],
        "/labels/{label}": [model, in_path("label", "the label of a version", {"type": "string"})],
    }
    found: dict[str, Any] = {}
    for place, parameters in places.items():
        path = f"/v1/models/{{model}}{place}"
        for verb, body, answer in [
            ("predict", any_of([_ROWS, _COLUMNS]), _PREDICTIONS),
            ("classify", _EXAMPLES, _RESULTS),
            ("regress", _EXAMPLES, _RESULTS),
            ("explain", any_of([_ROWS, _COLUMNS]), _EXPLAINED),
        ]:
            summary = f"{verb.capitalize()}: any model"
            content = json_content(body)
            asked = operation(summary, _TAG, answer, parameters=parameters, body=content)
            found[f"{path}:{verb}"] = {"post": asked}
        status = operation("Versions and their states", _TAG, _STATUS, parameters=parameters)
        metadata = operation("Signatures", _TAG, _METADATA, parameters=parameters)
        found[path] = {"get": status}
        found[f"{path}/metadata"] = {"get": metadata}
    return found | {path: item for name in known for path, item in _known(name, known[name])}


def _known(name: str, signatures: Mapping[str, Signature]) -> Iterator[tuple[str, Any]]:
    asked = {
        each: signature
        for each, signature in signatures.items()
        if can_ask("tf_serving_rest_columns", signature)
    }
    if not asked:
        return
    bodies = [body for each in asked.items() for body in _bodies(*each)]
    answers = [answer for signature in asked.values() for answer in _answers(signature)]
    first = PREDICT_SIGNATURE if PREDICT_SIGNATURE in asked else min(asked)
    shown = columns_body(first, example(asked[first]))
    content = json_content(any_of(bodies), None if is_long(shown) else shown)
    summary = f"Predict: {name}, by its signatures"
    path = f"/v1/models/{quote(name, '')}"
    yield f"{path}:predict", {"post": operation(summary, _TAG, any_of(answers), body=content)}
    if EXPLAIN_SIGNATURE in asked:
        why = asked[EXPLAIN_SIGNATURE]
        bodies = list(_bodies(EXPLAIN_SIGNATURE, why, usual=EXPLAIN_SIGNATURE))
        usual = signatures.get(PREDICT_SIGNATURE)
        answers = list(_explained(why, () if usual is None else usual.outputs))
        summary = f"Explain: {name}"
        content = json_content(any_of(bodies))
        yield f"{path}:explain", {"post": operation(summary, _TAG, any_of(answers), body=content)}


def _bodies(name: str, signature: Signature, *, usual: str = PREDICT_SIGNATURE) -> Iterator[Schema]:
    chosen = {"signature_name": {"const": name}}
    # Without a name it is the usual one's.
    named, choice = ({}, chosen) if name == usual else (chosen, {})
    columns = {
        tensor: nested(spec, element_or_base64(spec)) for tensor, spec in signature.inputs.items()
    }
    required = {
        tensor: each for tensor, each in columns.items() if tensor not in signature.optional
    }
    optional = {tensor: each for tensor, each in columns.items() if tensor in signature.optional}
    yield record({**named, "inputs": record(required, optional)}, choice)
    if can_ask("tf_serving_rest_rows", signature):
        rows = {
            tensor: nested(spec, element_or_base64(spec), dimensions=slice(1, None))
            for tensor, spec in signature.inputs.items()
        }
        row = next(iter(rows.values())) if len(rows) == 1 else record(rows)
        instances = {"type": "array", "items": row, "minItems": 1}
        yield record({**named, "instances": instances}, choice)


def _answers(signature: Signature) -> Iterator[Schema]:
    yield record({"outputs": _columns(signature.outputs)})
    if can_ask("tf_serving_rest_rows", signature):
        yield record({"predictions": _rows(signature.outputs)})


def _explained(signature: Signature, usual: Container[str]) -> Iterator[Schema]:
    """Describe what stands beside what; `usual` are the outputs that predict gives as well."""
    outputs = signature.outputs
    parts = {
        "answer": {name: spec for name, spec in outputs.items() if name in usual},
        "explanations": {name: spec for name, spec in outputs.items() if name not in usual},
    }
    there = {part: specs for part, specs in parts.items() if specs}

    def described(answer: str, describe: Callable[[Mapping[str, TensorSpec]], Schema]) -> Schema:
        names = {"answer": answer}
        return record({names.get(part, part): describe(specs) for part, specs in there.items()})

    yield described("outputs", _columns)
    if can_ask("tf_serving_rest_rows", signature):
        yield described("predictions", _rows)


def _columns(outputs: Mapping[str, TensorSpec]) -> Schema:
    columns = {tensor: nested(spec, _output(tensor, spec)) for tensor, spec in outputs.items()}
    return next(iter(columns.values())) if len(columns) == 1 else record(columns)


def _rows(outputs: Mapping[str, TensorSpec]) -> Schema:
    rows = {
        tensor: nested(spec, _output(tensor, spec), dimensions=slice(1, None))
        for tensor, spec in outputs.items()
    }
    row = next(iter(rows.values())) if len(rows) == 1 else record(rows)
    return {"type": "array", "items": row}


def _output(name: str, spec: TensorSpec) -> Schema:
    return element_or_base64(spec) if name.endswith("_bytes") else answered(spec)
