"""What FastAPI cannot derive of the OpenAPI document: bodies that routes read, and problems."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from serving.contract import Model
from serving.errors import all_errors
from serving.gateway.bodies import JSON, MULTIPART
from serving.gateway.deadline import TIMEOUT
from serving.gateway.problems import PROBLEM_MEDIA_TYPE, Problem, status_of
from serving.models import MODELS

_PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}

_KEYS = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def parameters(query: type[BaseModel]) -> dict[str, Any]:
    """Describe what a prediction takes besides its body."""
    fields = [
        {"name": name, "in": "query", "required": False, **_parameter(schema)}
        for name, schema in query.model_json_schema()["properties"].items()
    ]
    timeout = {
        "name": TIMEOUT,
        "in": "header",
        "required": False,
        "description": "seconds after which nobody waits for the answer any more",
        "schema": {"type": "number", "exclusiveMinimum": 0},
    }
    return {"parameters": [*fields, timeout]}


def _parameter(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": schema["description"],
        "schema": {name: value for name, value in schema.items() if name != "description"},
    }


def single_body(model: Model[Any, Any]) -> dict[str, Any]:
    """Describe the body of one instance: JSON, and a file where the model takes one."""
    content: dict[str, Any] = {
        JSON: {
            "schema": _request_schema(model)[0],
            "example": model.example.model_dump(mode="json"),
        }
    }
    if model.upload is not None:
        file = {"type": "string", "format": "binary"}
        form = {"type": "object", "properties": {"file": file}, "required": ["file"]}
        content[model.upload.media_type] = {"schema": file}
        content[MULTIPART] = {"schema": form}
    return {"requestBody": {"required": True, "content": content}}


def batch_body(model: Model[Any, Any], batch: type[BaseModel]) -> dict[str, Any]:
    """Describe the body of several instances."""
    schema = batch.model_json_schema()
    schema.pop("$defs")
    schema["properties"]["instances"]["items"] = _request_schema(model)[0]
    example = {"instances": [model.example.model_dump(mode="json")] * 2}
    content = {JSON: {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


def _request_schema(model: Model[Any, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the schema of a request, and the schemas that it refers to as components."""
    schema = model.request.model_json_schema(ref_template="#/components/schemas/{model}")
    return schema, schema.pop("$defs", {})


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems that a route may answer with."""
    return {
        status: {"description": _meaning(status), "content": {PROBLEM_MEDIA_TYPE: _PROBLEM}}
        for status in statuses
    }


def _meaning(status: int) -> str:
    return ", ".join(error.code for error in all_errors() if status_of(error) == status)


def build(app: FastAPI, *, with_keys: bool) -> dict[str, Any]:
    """Build the document; FastAPI adds only the schemas of response models, so Problem is added."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    document["components"]["schemas"].update(schema.pop("$defs"))
    document["components"]["schemas"]["Problem"] = schema
    for model in MODELS.values():
        document["components"]["schemas"].update(_request_schema(model)[1])
    if with_keys:
        document["components"]["securitySchemes"] = _KEYS
        document["security"] = [{name: []} for name in _KEYS]
    return document
