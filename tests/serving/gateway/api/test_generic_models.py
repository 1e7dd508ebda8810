"""GET /models of generic models: they are known once they are named, and described."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proto.status_pb2 import ModelVersionStatus
from serving.models import MODELS
from tests.example_bodies import EXAMPLES
from tests.fake_model_server import FakeVersion
from tests.fake_models import declared_models
from tests.generic_models import SIGNATURES, generic_models, generic_version
from tests.in_process import Gateway, gateway
from tfgate.keys import create


@pytest.fixture
def tfgate() -> Iterator[Gateway]:
    with gateway(generic_models()) as tfgate:
        yield tfgate


def names(tfgate: Gateway) -> set[str]:
    return {each["name"] for each in tfgate.client.get("/models").json()["models"]}


def described(tfgate: Gateway, model: str) -> dict[str, Any]:
    answer = tfgate.client.get(f"/models/{model}")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_a_model_is_listed_from_when_somebody_asks_for_it(tfgate: Gateway) -> None:
    assert names(tfgate) == set(MODELS)

    description = described(tfgate, "forest")

    assert names(tfgate) == {*MODELS, "forest"}
    assert description["typed"] is False
    [listed] = [
        each for each in tfgate.client.get("/models").json()["models"] if each["name"] == "forest"
    ]
    version = {
        "version": 1,
        "state": "AVAILABLE",
        "error": None,
        "unready": None,
        "explains": False,
    }
    assert listed == {"name": "forest", "typed": False, "versions": [version], "release": None}


def test_a_name_that_is_nobodys_is_unknown_and_leaves_nothing(tfgate: Gateway) -> None:
    answer = tfgate.client.get("/models/nobody")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-model")
    assert names(tfgate) == set(MODELS)


def test_names_that_are_given_are_listed_from_the_start() -> None:
    with gateway(generic_models("forest"), generic_models="forest, absent") as tfgate:
        assert names(tfgate) == {*MODELS, "forest", "absent"}
        assert described(tfgate, "absent")["versions"] == []
        assert tfgate.client.get("/models/pictures").status_code == 404


def test_signatures_are_told_as_the_version_has_them(tfgate: Gateway) -> None:
    signatures = described(tfgate, "forest")["signatures"]

    assert set(signatures) == {"serving_default", "one score"}
    default = signatures["serving_default"]
    assert default["inputs"] == {
        "features": {"dtype": "float32", "shape": [None, 4], "optional": False},
        "kind": {"dtype": "string", "shape": [None], "optional": False},
    }
    assert default["outputs"] == {
        "leaf": {"dtype": "int64", "shape": [None, 3]},
        "score": {"dtype": "float32", "shape": [None]},
    }
    sizes = described(tfgate, "without a batch")["signatures"]["sizes"]["inputs"]
    assert (sizes["any"]["shape"], sizes["rank"]["shape"]) == ([None, None, 2], None)


@pytest.mark.parametrize("model", SIGNATURES)
def test_why_requests_are_apart_is_told(tfgate: Gateway, model: str) -> None:
    for name, signature in described(tfgate, model)["signatures"].items():
        apart = signature["apart"]
        if model == "complex":
            assert "z (complex64)" in apart
        elif model == "without a batch":
            wanted = {"serving_default": "grid, scale, total", "sizes": "rank, total"}
            assert wanted[name] in apart
        else:
            assert apart is None


def test_a_model_without_a_version_has_no_signatures(tfgate: Gateway) -> None:
    tfgate.server.models["forest"][1] = FakeVersion({}, ModelVersionStatus.LOADING)

    description = described(tfgate, "forest")

    assert (description["version"], description["signatures"]) == (None, {})
    assert [each["state"] for each in description["versions"]] == ["LOADING"]


def test_the_newest_version_is_described(tfgate: Gateway) -> None:
    assert described(tfgate, "forest")["version"] == 1
    tfgate.server.models["forest"][2] = generic_version("pictures")

    description = described(tfgate, "forest")

    tfgate.wait_until(lambda: described(tfgate, "forest")["version"] == 2, "the new version")
    assert set(described(tfgate, "forest")["signatures"]) == set(SIGNATURES["pictures"])
    assert [each["version"] for each in description["versions"]] == [2, 1]


@pytest.mark.parametrize("model", MODELS)
def test_a_typed_model_tells_both_sides(model: str) -> None:
    with gateway(declared_models()) as tfgate:
        description = described(tfgate, model)

    assert description["typed"] is True
    assert description["example"] == EXAMPLES[model]
    assert description["curl"].startswith(f"curl http://gateway/predict/{model} ")
    default = description["signatures"]["serving_default"]
    assert set(default["inputs"]) == set(MODELS[model].signature.inputs)
    assert default["apart"] is None
    assert f"http://gateway/v2/models/{model}/infer" in default["examples"]["open_inference_http"]


def test_examples_lead_to_where_they_were_asked_for() -> None:
    with gateway(generic_models(), root_path="/tfgate", grpc_port=9000) as tfgate:
        answer = tfgate.client.get("/tfgate/models/forest", headers={"Host": "[::1]:8080"})

    examples = answer.json()["signatures"]["serving_default"]["examples"]
    assert "'http://[::1]:8080/tfgate/v1/models/forest:predict'" in examples["tf_serving_rest_rows"]
    assert "'[::1]:9000'" in examples["open_inference_grpc"]
    assert 'insecure_channel("[::1]:9000")' in examples["tf_serving_grpc"]


def test_examples_have_a_key_where_one_is_needed(tmp_path: Path) -> None:
    key = create(tmp_path / "keys", "shop")
    with gateway(generic_models(), keys_file=tmp_path / "keys") as tfgate:
        assert tfgate.client.get("/models/forest").status_code == 401
        answer = tfgate.client.get("/models/forest", headers={"X-API-Key": key})

    for text in answer.json()["signatures"]["serving_default"]["examples"].values():
        assert '-H "X-API-Key: $KEY"' in text
        assert key not in text


def test_there_are_no_examples_over_grpc_without_its_port(tfgate: Gateway) -> None:
    examples = described(tfgate, "forest")["signatures"]["serving_default"]["examples"]

    assert set(examples) == {
        *("tf_serving_rest_rows", "tf_serving_rest_columns", "open_inference_http")
    }
