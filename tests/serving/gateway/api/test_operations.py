"""What operators and developers ask: health, readiness, models, metrics, documentation."""

from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.card import ModelCard
from serving.errors import all_errors
from serving.gateway.metrics import STAGES
from serving.models import MODELS
from training.models import RECIPES


def test_a_running_gateway_is_healthy_and_ready(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.get("/readyz").json() == {"status": "ready"}


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/models", "/docs", "/openapi.json"])
def test_head_is_get_without_the_body(http: httpx.Client, path: str) -> None:
    head, got = http.head(path), http.get(path)

    assert head.status_code == got.status_code == 200
    assert head.content == b""
    for name in ("Content-Type", "Content-Length"):
        assert head.headers[name] == got.headers[name]


def test_head_never_predicts(http: httpx.Client) -> None:
    answer = http.head("/predict/housing")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_the_list_names_every_model_with_an_available_version(http: httpx.Client) -> None:
    models = {model["name"]: model for model in http.get("/models").json()["models"]}

    assert set(models) == set(MODELS)
    for model in models.values():
        assert "AVAILABLE" in [version["state"] for version in model["versions"]]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_describes_itself(http: httpx.Client, name: str) -> None:
    description = http.get(f"/models/{name}").json()

    assert set(description["signature"]["inputs"]) == set(MODELS[name].signature.inputs)
    assert set(description["request_schema"]["properties"]) == set(description["example"])
    answer = http.post(f"/predict/{name}", json=description["example"])
    assert set(description["response_schema"]["properties"]) == set(answer.json()["prediction"])


@pytest.mark.parametrize("name", RECIPES)
def test_a_version_that_was_trained_here_shows_its_card(http: httpx.Client, name: str) -> None:
    newest = http.get(f"/models/{name}").json()["versions"][0]

    card = ModelCard.model_validate(newest["card"])

    assert (card.name, card.version) == (name, newest["version"])
    assert card.metrics


def samples(http: httpx.Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = http.get("/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_foreseeable_series_exists_from_the_start(http: httpx.Client) -> None:
    exposed = samples(http)

    for model in MODELS:
        for stage in STAGES:
            labels = frozenset({"model": model, "version": "none", "stage": stage}.items())
            assert ("tfgate_stage_seconds_count", labels) in exposed
        for error in all_errors():
            labels = frozenset({"model": model, "version": "none", "outcome": error.code}.items())
            assert ("tfgate_requests_total", labels) in exposed


def test_requests_are_counted_by_model_version_and_outcome(http: httpx.Client) -> None:
    before = samples(http)

    version = http.post("/predict/housing", json=housing()).json()["version"]
    answered = {"model": "housing", "version": str(version)}
    refused = {"model": "housing", "version": "none"}
    http.post("/predict/housing", json={})
    after = samples(http)

    def grown(name: str, labels: dict[str, str]) -> float:
        key = (name, frozenset(labels.items()))
        return after[key] - before.get(key, 0)

    assert grown("tfgate_requests_total", {**answered, "outcome": "ok"}) == 1
    assert grown("tfgate_requests_total", {**refused, "outcome": "invalid-input"}) == 1
    for labels in (answered, refused):
        assert grown("tfgate_request_seconds_count", labels) == 1
    assert grown("tfgate_request_instances_sum", answered) == 1
    assert grown("tfgate_call_rows_sum", answered) == 1
    for stage in STAGES:
        assert grown("tfgate_stage_seconds_count", {**answered, "stage": stage}) == 1, stage
        expected = 1 if stage in ("read", "validate") else 0
        assert grown("tfgate_stage_seconds_count", {**refused, "stage": stage}) == expected, stage


def test_a_request_cannot_invent_label_values(http: httpx.Client) -> None:
    http.post("/predict/invented", json={})
    http.post("/predict/housing?version=987654", json=housing())
    http.post("/predict/housing?label=invented", json=housing())

    text = http.get("/metrics").text

    assert "invented" not in text
    assert "987654" not in text


def test_nothing_is_in_flight_when_nothing_is_asked(http: httpx.Client) -> None:
    exposed = samples(http)

    for model in MODELS:
        assert exposed["tfgate_requests_in_flight", frozenset({"model": model}.items())] == 0


def test_the_documents_examples_are_answered_as_documented(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()

    asked = 0
    for path, methods in document["paths"].items():
        for operation in methods.values():
            body = operation.get("requestBody")
            if body is None:
                continue
            answer = http.post(path, json=body["content"]["application/json"]["example"])
            assert answer.status_code == 200, path
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            documented = resolve(document, schema)["properties"]
            assert set(answer.json()) == set(documented)
            asked += 1
    assert asked == 2 * len(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_the_document_shows_the_models_real_schema(http: httpx.Client, name: str) -> None:
    document = http.get("/openapi.json").json()

    body = document["paths"][f"/predict/{name}"]["post"]["requestBody"]["content"]
    schema = body["application/json"]["schema"]
    assert set(schema["properties"]) == set(MODELS[name].request.model_fields)
    assert schema["additionalProperties"] is False
    if MODELS[name].upload is not None:
        assert {"image/*", "multipart/form-data"} < set(body)


def test_every_reference_of_the_document_leads_somewhere(http: httpx.Client) -> None:
    document = http.get("/openapi.json").json()

    for reference in references(document):
        resolve(document, {"$ref": reference})


def test_the_docs_page_opens(http: httpx.Client) -> None:
    answer = http.get("/docs")

    assert answer.status_code == 200
    assert "swagger" in answer.text.lower()


def housing() -> dict[str, Any]:
    document: dict[str, Any] = MODELS["housing"].example.model_dump(mode="json")
    return document


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in references(value)]
    if isinstance(node, list):
        return [found for value in node for found in references(value)]
    return []


def resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    node: Any = document
    for part in schema["$ref"].removeprefix("#/").split("/"):
        node = node[part]
    resolved: dict[str, Any] = node
    return resolved
