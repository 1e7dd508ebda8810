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


@pytest.mark.parametrize("name", MODELS)
def test_it_shows_why_an_answer_is_what_it_is(document: Document, name: str) -> None:
    explanation = MODELS[name].explanation
    for path, in_answer in [("", "prediction"), ("/batch", "predictions")]:
        operation = document["paths"][f"/predict/{name}{path}"]["post"]
        [parameter] = [each for each in operation["parameters"] if each["name"] == "explain"]
        assert parameter["schema"]["enum"] == ["true", "false"]
        answered = operation["responses"]["200"]["content"]["application/json"]["schema"]
        found = resolve(document, answered["$ref"])["properties"][in_answer]
        answer = resolve(document, found.get("items", found)["$ref"])
        if explanation is None:
            assert "explanation" not in answer["properties"]
            continue
        assert "explanation" not in answer["required"]
        why = resolve(document, answer["properties"]["explanation"]["$ref"])
        assert why["properties"].keys() == explanation.response.__annotations__.keys()


def test_it_shows_how_to_ask_why_by_tensors(document: Document) -> None:
    paths = document["paths"]
    for place in ("", "/versions/{version}", "/labels/{label}"):
        explain = paths[f"/v1/models/{{model}}{place}:explain"]["post"]
        assert "X-Model-Version" in explain["responses"]["200"]["headers"]
    infer = paths["/v2/models/{model}/infer"]["post"]["requestBody"]["content"]
    parameters = infer["application/json"]["schema"]["properties"]["parameters"]
    assert parameters["properties"]["explain"]["type"] == "boolean"


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
