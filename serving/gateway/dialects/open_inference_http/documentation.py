"""The Open Inference Protocol in the OpenAPI document: every path, and the known models."""

from typing import Any

from serving.gateway.dialects.documentation import (
    VERSION,
    KnownModels,
    Schema,
    in_path,
    json_content,
    operation,
    record,
)
from serving.gateway.dialects.open_inference.datatypes import NUMPY_DTYPES
from serving.gateway.dialects.open_inference_http import known_models
from serving.gateway.dialects.open_inference_http.known_models import (
    PARAMETERS,
    REQUEST_PARAMETERS,
    TAG,
)

_TEXT: Schema = {"type": "string"}
_DATATYPE: Schema = {"enum": list(NUMPY_DTYPES)}
_SIZES: Schema = {"type": "array", "items": {"type": "integer", "minimum": 0}}
_DATA: Schema = {"type": "array", "items": {"type": ["number", "string", "boolean", "array"]}}
_TENSOR = record(
    {"name": _TEXT, "shape": _SIZES, "datatype": _DATATYPE},
    {"parameters": PARAMETERS, "data": _DATA},
)
_REQUEST = record(
    {"inputs": {"type": "array", "items": _TENSOR}},
    {
        "id": _TEXT,
        "parameters": REQUEST_PARAMETERS,
        "outputs": {"type": "array", "items": record({"name": _TEXT}, {"parameters": PARAMETERS})},
    },
)
_ANSWER = record(
    {
        "model_name": _TEXT,
        "model_version": _TEXT,
        "outputs": {
            "type": "array",
            "items": record(
                {"name": _TEXT, "shape": _SIZES, "datatype": _DATATYPE},
                {"parameters": PARAMETERS, "data": {"type": "array"}},
            ),
        },
    },
    {"id": _TEXT, "parameters": PARAMETERS},
)
_METADATA_TENSORS: Schema = {
    "type": "array",
    "items": record(
        {
            "name": _TEXT,
            "datatype": _TEXT,
            "shape": {"type": "array", "items": {"type": "integer", "minimum": -1}},
        }
    ),
}
_METADATA = record(
    {
        "name": _TEXT,
        "versions": {"type": "array", "items": _TEXT},
        "platform": _TEXT,
        "inputs": _METADATA_TENSORS,
        "outputs": _METADATA_TENSORS,
        "parameters": record({"explain": {"type": "boolean"}}),
    }
)
_SERVER = record({"name": _TEXT, "version": _TEXT, "extensions": {"type": "array", "items": _TEXT}})
_INDEX = {
    "type": "array",
    "items": record({"name": _TEXT, "version": _TEXT, "state": _TEXT, "reason": _TEXT}),
}
_BYTES = {"type": "string", "format": "binary"}
_HEADER_LENGTH = {
    "name": "Inference-Header-Content-Length",
    "in": "header",
    "required": False,
    "description": "how many bytes of the body are JSON; the tensors' own bytes follow",
    "schema": {"type": "integer", "minimum": 0},
}


def paths(known: KnownModels) -> dict[str, Any]:
    """Describe every path, and inference for each known model."""
    return {**_of_the_server(), **_of_any_model(), **known_models.paths(known)}


def _of_the_server() -> dict[str, Any]:
    ready = record({"ready": {"type": "boolean"}})
    only_ready = json_content(record({}, {"ready": {"type": "boolean"}}))
    return {
        "/v2": {"get": operation("What this server is", TAG, _SERVER)},
        "/v2/health/live": {
            "get": operation("Is it alive?", TAG, record({"live": {"const": True}}))
        },
        "/v2/health/ready": {"get": operation("May requests come?", TAG, ready)},
        "/v2/repository/index": {
            "post": operation("Every version that is known", TAG, _INDEX, body=only_ready)
        },
    }


def _of_any_model() -> dict[str, Any]:
    model = in_path("model", "the model's name", {"type": "string", "minLength": 1})
    version = in_path("version", "its version, or a label of one", VERSION)
    found: dict[str, Any] = {}
    for path, parameters in [
        ("/v2/models/{model}", [model]),
        ("/v2/models/{model}/versions/{version}", [model, version]),
    ]:
        ready = record({"name": _TEXT, "ready": {"const": True}})
        body = {**json_content(_REQUEST), "application/octet-stream": {"schema": _BYTES}}
        infer = operation(
            "Infer: any model", TAG, _ANSWER, parameters=[*parameters, _HEADER_LENGTH], body=body
        )
        infer["responses"]["200"]["content"]["application/octet-stream"] = {"schema": _BYTES}
        metadata = operation("Its tensors", TAG, _METADATA, parameters=parameters)
        found[path] = {"get": metadata}
        found[f"{path}/ready"] = {
            "get": operation("Can it be asked?", TAG, ready, parameters=parameters)
        }
        found[f"{path}/infer"] = {"post": infer}
    return found
