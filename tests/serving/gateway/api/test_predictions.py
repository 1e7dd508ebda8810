"""What holds for every model: one instance, several, a pinned version, and who answered."""

from typing import Any

import httpx
import pytest

from serving.models import MODELS
from tests.compare import assert_same

EVERY_MODEL = pytest.mark.parametrize("name", MODELS)


def example(name: str) -> dict[str, Any]:
    document: dict[str, Any] = MODELS[name].example.model_dump(mode="json")
    return document


@EVERY_MODEL
def test_one_instance_gets_one_prediction(http: httpx.Client, name: str) -> None:
    answer = http.post(f"/predict/{name}", json=example(name))

    assert answer.status_code == 200
    document = answer.json()
    assert document["model"] == name
    assert document["version"] >= 1
    MODELS[name].response.model_validate(document["prediction"])


@EVERY_MODEL
def test_a_batch_is_answered_like_single_instances(http: httpx.Client, name: str) -> None:
    single = http.post(f"/predict/{name}", json=example(name)).json()

    batch = http.post(f"/predict/{name}/batch", json={"instances": [example(name)] * 5}).json()

    assert (batch["model"], batch["version"]) == (name, single["version"])
    assert_same(batch["predictions"], [single["prediction"]] * 5)


@EVERY_MODEL
def test_a_version_can_be_pinned(http: httpx.Client, name: str) -> None:
    newest = http.post(f"/predict/{name}", json=example(name)).json()

    pinned = http.post(
        f"/predict/{name}", params={"version": newest["version"]}, json=example(name)
    )

    assert pinned.status_code == 200
    assert pinned.json()["version"] == newest["version"]
    assert pinned.json()["prediction"] == newest["prediction"]


@EVERY_MODEL
@pytest.mark.parametrize("path", ["", "/batch"])
def test_a_version_that_is_not_served_is_unknown(http: httpx.Client, name: str, path: str) -> None:
    body = {"instances": [example(name)]} if path else example(name)

    answer = http.post(f"/predict/{name}{path}", params={"version": 4711}, json=body)

    assert answer.status_code == 404
    assert answer.json()["code"] == "unknown-version"
    assert "4711" in answer.json()["detail"]


@EVERY_MODEL
def test_a_label_that_nobody_set_is_unknown(http: httpx.Client, name: str) -> None:
    answer = http.post(f"/predict/{name}", params={"label": "canary"}, json=example(name))

    assert answer.status_code == 404
    assert answer.json()["code"] == "unknown-version"
    assert "canary" in answer.json()["detail"]


@EVERY_MODEL
def test_who_answered_stands_in_the_headers(http: httpx.Client, name: str) -> None:
    answer = http.post(f"/predict/{name}", json=example(name), headers={"X-Request-ID": "mine-1"})

    assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == "mine-1"
    assert answer.headers["X-Model-Name"] == name
    assert answer.headers["X-Model-Version"] == str(answer.json()["version"])


@pytest.mark.parametrize("request_id", ["", "a b", "x" * 129, "ü", "a\tb"])
def test_a_request_id_that_could_do_harm_is_replaced(http: httpx.Client, request_id: str) -> None:
    headers = [(b"X-Request-ID", request_id.encode())]

    answer = http.post("/predict/housing", json=example("housing"), headers=headers)

    assert answer.headers["X-Request-ID"] != request_id
    assert len(answer.headers["X-Request-ID"]) == 32


def test_the_largest_batch_is_answered(http: httpx.Client) -> None:
    body = {"instances": [example("housing")] * 128}

    answer = http.post("/predict/housing/batch", json=body)

    assert answer.status_code == 200
    assert len(answer.json()["predictions"]) == 128
