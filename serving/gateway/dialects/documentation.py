"""What the dialects' parts of the OpenAPI document are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from serving.contract import Signature

Schema = dict[str, Any]
# The known models with the signatures of the versions that answer by default.
KnownModels = Mapping[str, Mapping[str, Signature]]

VERSION = {"type": "string", "pattern": "^[0-9]{1,18}$"}
_WAYS_TO_FAIL = ("400", "404", "408", "413", "415", "429", "502", "503", "504")


def operation(
    summary: str,
    tag: str,
    answer: Schema,
    *,
    parameters: Sequence[Schema] = (),
    body: Schema | None = None,
) -> Schema:
    """Describe an operation that answers with JSON of the schema `answer`, or with an error."""
    described: Schema = {
        "tags": [tag],
        "summary": summary,
        "parameters": list(parameters),
        "responses": {
            "200": {"description": "the answer", "content": json_content(answer)},
            **{status: {} for status in _WAYS_TO_FAIL},
        },
    }
    if body is not None:
        described["requestBody"] = {"required": True, "content": body}
    return described


def in_path(name: str, description: str, schema: Schema) -> Schema:
    """Describe a part of the path."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
    }


def json_content(schema: Schema, example: Any = None) -> Schema:
    """Describe a body of JSON."""
    shown = {} if example is None else {"example": example}
    return {"application/json": {"schema": schema, **shown}}


def record(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """Describe an object that has these names, and no others."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def any_of(schemas: Sequence[Schema]) -> Schema:
    """Describe what is one of these."""
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}
