"""The OpenAPI document lists generic models, as soon as they are known."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from tests.example_requests import http_request
from tests.generic_models import SIGNATURES, generic_models, generic_version
from tests.in_process import Gateway, gateway

Document = dict[str, Any]
PREDICT, INFER = "/v1/models/forest:predict", "/v2/models/forest/infer"


@pytest.fixture
def tfgate() -> Iterator[Gateway]:
    with gateway(generic_models()) as tfgate:
        yield tfgate


def document(tfgate: Gateway) -> Document:
    found: Document = tfgate.client.get("/openapi.json").json()
    return found


def operation(tfgate: Gateway, path: str) -> Document:
    found: Document = document(tfgate)["paths"][path]["post"]
    return found


def schema_of_request(described: Document) -> Document:
    found: Document = described["requestBody"]["content"]["application/json"]["schema"]
    return found


def schema_of_answer(described: Document) -> Document:
    found: Document = described["responses"]["200"]["content"]["application/json"]["schema"]
    return found


def takes(schema: Document, value: Any) -> bool:
    return jsonschema_rs.Draft202012Validator(schema).is_valid(value)


def test_a_model_is_listed_once_it_is_known(tfgate: Gateway) -> None:
    assert not {PREDICT, INFER} & document(tfgate)["paths"].keys()

    assert tfgate.client.get("/models/forest").is_success

    after = document(tfgate)
    assert {PREDICT, INFER} <= after["paths"].keys()
    [parameter] = after["paths"]["/models/{model}"]["get"]["parameters"]
    assert "forest" in parameter["schema"]["examples"]


def test_only_names_that_may_be_asked_are_accepted_where_all_are_known() -> None:
    with gateway(generic_models("forest"), generic_models="forest") as tfgate:
        [parameter] = document(tfgate)["paths"]["/models/{model}"]["get"]["parameters"]

        assert parameter["schema"]["enum"] == ["forest", "housing", "image", "sentiment"]


def test_a_version_with_other_signatures_is_documented_anew(tfgate: Gateway) -> None:
    tfgate.client.get("/models/forest")
    before = operation(tfgate, PREDICT)
    tfgate.server.models["forest"][2] = generic_version("every-dtype")

    def is_new() -> bool:
        tfgate.client.get("/models/forest")
        return operation(tfgate, PREDICT) != before

    tfgate.wait_until(is_new, "the new version's document")
    assert takes(schema_of_request(before), {"instances": [{"features": [0] * 4, "kind": "a"}]})
    assert not takes(
        schema_of_request(operation(tfgate, PREDICT)),
        {"instances": [{"features": [0] * 4, "kind": "a"}]},
    )


@pytest.mark.parametrize("model", SIGNATURES)
def test_the_examples_and_their_answers_are_as_documented(tfgate: Gateway, model: str) -> None:
    described = tfgate.client.get(f"/models/{model}").json()
    paths = document(tfgate)["paths"]
    for signature in described["signatures"].values():
        for dialect, text in signature["examples"].items():
            request = http_request(text)
            path = request.url.removeprefix("http://gateway")
            if request.headers["Content-Type"] != "application/json":
                assert model == "halves"
                continue
            answer = tfgate.client.post(path, content=request.body, headers=request.headers)

            post = paths[path]["post"]
            assert takes(schema_of_request(post), json.loads(request.body)), dialect
            assert answer.status_code == 200, answer.text
            assert takes(schema_of_answer(post), answer.json()), answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PREDICT, {}),
        (PREDICT, {"instances": []}),
        (PREDICT, {"instances": [{"features": [0] * 4}]}),
        (PREDICT, {"instances": [{"features": [0] * 3, "kind": "a"}]}),
        (PREDICT, {"instances": [{"features": [0] * 4, "kind": 1}]}),
        (PREDICT, {"instances": [{"features": [0] * 4, "kind": "a", "more": 1}]}),
        (PREDICT, {"inputs": {"features": [[0] * 4]}}),
        (PREDICT, {"signature_name": "none", "inputs": {"features": [[0] * 4], "kind": ["a"]}}),
        (INFER, {}),
        (INFER, {"inputs": []}),
    ],
)
def test_what_a_signature_does_not_take_is_refused_as_documented(
    tfgate: Gateway, path: str, body: Document
) -> None:
    tfgate.client.get("/models/forest")

    assert not takes(schema_of_request(operation(tfgate, path)), body)
    answer = tfgate.client.post(path, json=body)
    assert answer.status_code == 400
    assert answer.json().keys() == {"error"}


@pytest.mark.parametrize(
    "change",
    [
        {"datatype": "FP64"},
        {"shape": [4]},
        {"name": "kind"},
        {"name": "nobody"},
        {"data": ["a"] * 4},
        {"data": None},
    ],
)
def test_a_tensor_that_does_not_fit_is_refused_as_documented(
    tfgate: Gateway, change: Document
) -> None:
    tfgate.client.get("/models/forest")
    schema = schema_of_request(operation(tfgate, INFER))
    kind = {"name": "kind", "datatype": "BYTES", "shape": [1], "data": ["a"]}
    features = {"name": "features", "datatype": "FP32", "shape": [1, 4], "data": [0] * 4}
    assert takes(schema, {"inputs": [kind, features]})
    body = {"inputs": [kind, features | change]}

    assert not takes(schema, body)
    assert tfgate.client.post(INFER, json=body).status_code == 400


def test_a_signature_that_json_cannot_carry_is_left_out(tfgate: Gateway) -> None:
    for model in ("halves", "complex"):
        tfgate.client.get(f"/models/{model}")

    paths = document(tfgate)["paths"]

    assert not [path for path in paths if "halves" in path or "complex" in path]
