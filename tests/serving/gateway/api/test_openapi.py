"""The OpenAPI document: it shows the models' own schemas, and its examples are answered."""

from typing import Any

import httpx
import pytest

from serving.models import MODELS

Document = dict[str, Any]


@pytest.fixture
def document(http: httpx.Client) -> Document:
    document: Document = http.get("/openapi.json").json()
    return document


def test_its_examples_are_answered_as_documented(http: httpx.Client, document: Document) -> None:
    asked = 0
    for path, methods in document["paths"].items():
        for operation in methods.values():
            body = operation.get("requestBody")
            if body is None or not path.startswith("/predict/"):
                continue
            answer = http.post(path, json=body["content"]["application/json"]["example"])
            assert answer.status_code == 200, path
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            documented = resolve(document, schema["$ref"])["properties"]
            assert set(answer.json()) == set(documented)
            asked += 1
    assert asked == 2 * len(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_it_shows_the_models_real_schema(document: Document, name: str) -> None:
    body = document["paths"][f"/predict/{name}"]["post"]["requestBody"]["content"]
    schema = body["application/json"]["schema"]
    assert set(schema["properties"]) == set(MODELS[name].request.model_fields)
    assert schema["additionalProperties"] is False
    if MODELS[name].upload is not None:
        assert {"image/*", "multipart/form-data"} < set(body)


def test_every_reference_leads_somewhere(document: Document) -> None:
    found = references(document)

    assert found
    for reference in found:
        resolve(document, reference)


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in references(value)]
    if isinstance(node, list):
        return [found for value in node for found in references(value)]
    return []


def resolve(document: Document, reference: str) -> dict[str, Any]:
    node: Any = document
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    resolved: dict[str, Any] = node
    return resolved
