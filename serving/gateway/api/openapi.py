"""What FastAPI cannot derive of the OpenAPI document: bodies, headers, keys, and problems."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from serving.contract import Model
from serving.errors import all_errors
from serving.gateway.api.payloads import JSON, MULTIPART
from serving.gateway.api.schemas import Batch, Choice, Prediction, PredictionBatch, answer_type
from serving.gateway.middleware.request_timeout import TIMEOUT
from serving.gateway.problems import PROBLEM_MEDIA_TYPE, RETRY_LATER, Problem, status_of
from serving.gateway.telemetry.metrics import ROUTES

Models = Mapping[str, Model[Any, Any]]

_PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}
PROBLEMS = {PROBLEM_MEDIA_TYPE: _PROBLEM}
# What is no HTTP, or comes while there is no room for it, is refused before its path is looked at.
DIALECT_ERRORS = {
    JSON: {"schema": {"$ref": "#/components/schemas/DialectError"}},
    **PROBLEMS,
}
_TENSORS = re.compile("/infer$|:(?:predict|classify|regress|explain)$")
# What any request may meet: its head is no HTTP that is spoken here, too slow or too large, or the
# gateway fails.
_ANYWHERE = (400, 408, 417, 431, 500, 501, 505)
# Any time but none; digits alone, as request_timeout.py reads them.
_TIME = "^(?=.*[1-9])[0-9]{1,9}([.][0-9]{1,9})?$"

_HEADERS = {
    "X-Request-Id": ("names the request in the log", {"type": "string"}),
    "X-Model-Name": ("the model that answered", {"type": "string"}),
    "X-Model-Version": ("the version of it that answered", {"type": "integer", "minimum": 1}),
    "X-Model-Route": (
        "how the request came to the version: it was named (pinned), it answers by default "
        "(stable), or a release tries it (candidate)",
        {"type": "string", "enum": list(ROUTES)},
    ),
    "Retry-After": ("seconds after which to ask again", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("how keys are sent", {"const": "Bearer"}),
}

_BODY = {"required": True, "description": "as it is, or with Content-Encoding: gzip or deflate"}

_KEYS = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


def parameters(query: type[BaseModel]) -> dict[str, Any]:
    """Describe what a prediction takes besides its body."""
    fields = [
        _parameter("query", name, schema["description"], _given(schema))
        for name, schema in query.model_json_schema()["properties"].items()
    ]
    timeout = "seconds after which nobody waits for the answer any more, such as 0.5"
    request_id = "a name for the request, of at most 128 letters, digits, dots, colons, _ and -"
    release_key = (
        "names the caller: while a release tries a version, it is always asked by the same"
    )
    headers = [
        _parameter("header", TIMEOUT, timeout, {"type": "string", "pattern": _TIME}),
        _parameter("header", "X-Release-Key", release_key, {"type": "string"}),
        _parameter("header", "X-Request-Id", request_id, {"type": "string"}),
    ]
    return {"parameters": [*fields, *headers]}


def _parameter(where: str, name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "in": where,
        "required": False,
        "description": description,
        "schema": schema,
    }


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an optional field where it is given: a query knows no null."""
    [given] = [each for each in schema["anyOf"] if each != {"type": "null"}]
    return dict(given)


def single_body(model: Model[Any, Any]) -> dict[str, Any]:
    """Describe the body of one instance: JSON, and a file where the model takes one."""
    content: dict[str, Any] = {
        JSON: {
            "schema": _request_schema(model)[0],
            "example": model.example.model_dump(mode="json"),
        }
    }
    if model.upload is not None:
        file = {"type": "string", "format": "binary", "minLength": 1}
        form = {
            "type": "object",
            "properties": {"file": file},
            "required": ["file"],
            "additionalProperties": False,
        }
        content[model.upload.media_type] = {"schema": file}
        content[MULTIPART] = {"schema": form}
    return {"requestBody": {**_BODY, "content": content}}


def batch_body(model: Model[Any, Any]) -> dict[str, Any]:
    """Describe the body of several instances."""
    schema = Batch[model.request].model_json_schema()  # type: ignore[name-defined]  # known at run time
    schema.pop("$defs")
    schema["properties"]["instances"]["items"] = _request_schema(model)[0]
    example = {"instances": [model.example.model_dump(mode="json")] * 2}
    content = {JSON: {"schema": schema, "example": example}}
    return {"requestBody": {**_BODY, "content": content}}


def _request_schema(model: Model[Any, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the schema of a request, and the schemas that it refers to as components."""
    schema = model.request.model_json_schema(ref_template="#/components/schemas/{model}")
    return schema, schema.pop("$defs", {})


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems that a route may answer with, besides those that any request meets."""
    return {
        status: {"description": _meaning(status), "content": {PROBLEM_MEDIA_TYPE: _PROBLEM}}
        for status in statuses
    }


def _meaning(status: int) -> str:
    return ", ".join(error.code for error in all_errors() if status_of(error) == status)


def prediction_routes(models: Models) -> list[APIRoute]:
    """Describe the predictions as routes of FastAPI's; they are never served by them."""
    return [route for name, model in models.items() for route in _routes_of(name, model)]


def _routes_of(name: str, model: Model[Any, Any]) -> list[APIRoute]:
    query, answer = parameters(Choice), answer_type(model)
    shared: dict[str, Any] = {
        "methods": ["POST"],
        "tags": [name],
        "responses": problem_responses(*(400, 404, 408, 413, 415, 422, 429, 502, 503, 504)),
    }
    return [
        APIRoute(
            f"/predict/{name}",
            _served_elsewhere,
            name="predict",
            summary=f"One prediction by {name}",
            response_model=Prediction[answer],  # type: ignore[valid-type]  # known at run time
            openapi_extra={**query, **single_body(model)},
            **shared,
        ),
        APIRoute(
            f"/predict/{name}/batch",
            _served_elsewhere,
            name="predict_batch",
            summary=f"Several predictions by one version of {name}",
            response_model=PredictionBatch[answer],  # type: ignore[valid-type]  # known at run time
            openapi_extra={**query, **batch_body(model)},
            **shared,
        ),
    ]


# What stands for the endpoints of `predictions.py`; a docstring would be in the document.
def _served_elsewhere() -> None: ...


def build(
    app: FastAPI, models: Models, *, is_guarded: Callable[[str], bool] | None
) -> dict[str, Any]:
    """Build the document of the typed API and of FastAPI's routes.

    `is_guarded` tells which paths need a key; without it, none does.
    """
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=[*prediction_routes(models), *app.routes],
    )
    complete(document["paths"], PROBLEMS, is_guarded=is_guarded)
    components = document["components"]
    _replace_schemas(components["schemas"], models)
    components["headers"] = {
        name: {"description": description, "required": True, "schema": schema}
        for name, (description, schema) in _HEADERS.items()
    }
    if is_guarded is not None:
        components["securitySchemes"] = _KEYS
    return document


def complete(
    paths: Mapping[str, Any],
    errors: dict[str, Any],
    *,
    is_guarded: Callable[[str], bool] | None,
) -> None:
    """Add to paths what does not depend on them; `errors` is what theirs look like."""
    for path, operations in paths.items():
        for operation in operations.values():
            guarded = is_guarded is not None and is_guarded(path)
            _complete(operation, errors, guarded=guarded, prediction=_is_prediction(path))


def _is_prediction(path: str) -> bool:
    return path.startswith("/predict/") or bool(_TENSORS.search(path))


def _complete(
    operation: dict[str, Any], errors: dict[str, Any], *, guarded: bool, prediction: bool
) -> None:
    responses = operation["responses"]
    if "requestBody" not in operation:
        # FastAPI expects it of every parameter; but any text is fit for a path.
        responses.pop("422", None)
    statuses = [*_ANYWHERE]
    if guarded:
        operation["security"] = [{name: []} for name in _KEYS]
        statuses += [401, 403, 429] if prediction else [401, 429]
    for status in statuses:
        responses.setdefault(str(status), {})
    for status, response in responses.items():
        if int(status) >= 400:
            response |= {"description": _meaning(int(status)), "content": errors}
        names = _header_names(int(status), prediction=prediction)
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    operation["responses"] = dict(sorted(responses.items()))


def _header_names(status: int, *, prediction: bool) -> list[str]:
    names = ["X-Request-Id"]
    if status == 200 and prediction:
        names += ["X-Model-Name", "X-Model-Route", "X-Model-Version"]
    if status == 401:
        names.append("WWW-Authenticate")
    if status in RETRY_LATER:
        names.append("Retry-After")
    return names


def _replace_schemas(schemas: dict[str, Any], models: Models) -> None:
    """Put our problems in the place of FastAPI's, and add what bodies refer to."""
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["Problem"] = problem
    schemas["DialectError"] = {
        "type": "object",
        "properties": {"error": {"type": "string"}},
        "required": ["error"],
    }
    for model in models.values():
        schemas.update(_request_schema(model)[1])
