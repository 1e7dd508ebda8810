"""Why an answer is what it is, asked of whoever can say, in every dialect; and whoever cannot."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from proto.predict_pb2 import PredictResponse
from serving.contract import Signature, Tensors, TensorSpec
from serving.gateway.dialects.calls import MAX_EXPLAINED
from tests import faults, typed_files
from tests.example_bodies import HOUSE
from tests.fake_model_server import (
    DEFAULT_SIGNATURE,
    FakeModelServer,
    FakeSignature,
    FakeVersion,
    PredictCall,
)
from tests.fake_models import declared_models, declared_version, older_version
from tests.faults import Hold
from tests.in_process import Gateway, gateway

HOUSES = [{**HOUSE, "median_income": float(income)} for income in (2, 3, 4)]
COLUMNS = {name: [house[name] for house in HOUSES] for name in HOUSE}
OURS = {"predictions", "explanations"}


@pytest.fixture
def server() -> FakeModelServer:
    """One whose version 1 of housing explains nothing, and whose version 2 does."""
    server = declared_models()
    server.models["housing"] = {1: older_version("housing", 1), 2: declared_version("housing", 2)}
    server.models["twice"] = {7: FakeVersion({DEFAULT_SIGNATURE: TWICE, "explain": WHY_TWICE})}
    return server


def twice(inputs: Tensors) -> Tensors:
    return {"twice": 2 * inputs["x"]}


_X = {"x": TensorSpec("float32", (None,))}
TWICE = FakeSignature(Signature(_X, {"twice": TensorSpec("float32", (None,))}), twice)
WHY_TWICE = FakeSignature(
    Signature(_X, {**TWICE.tensors.outputs, "added": TensorSpec("float32", (None, 2))}),
    lambda inputs: {**twice(inputs), "added": np.stack([inputs["x"]] * 2, axis=1)},
)


_ONE = {"x": TensorSpec("float32")}
DOUBLE = FakeSignature(
    Signature(_ONE, {"y": TensorSpec("float32")}), lambda inputs: {"y": 2 * inputs["x"]}
)
_TEXT = {"text": TensorSpec("string")}
LENGTH = FakeSignature(
    Signature(_TEXT, {"letters": TensorSpec("int64")}),
    lambda inputs: {"letters": np.array([len(text) for text in inputs["text"]], np.int64)},
)
WHY_LENGTH = FakeSignature(
    Signature(_TEXT, {**LENGTH.tensors.outputs, "words": TensorSpec("int64")}),
    lambda inputs: {
        **LENGTH.run(inputs),
        "words": np.array([len(text.split()) for text in inputs["text"]], np.int64),
    },
)
WORDS = '''
"""The length of a text, and the words that it comes from."""

import time
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from serving.contract import Explanation, Model, Signature, TensorSpec


class Request(BaseModel):
    text: str = Field(max_length=20_000)


class Response(TypedDict):
    letters: int


class Why(TypedDict):
    words: int


def explain(requests, _inputs, outputs):
    # A text that begins with a slash is a folder, in which this waits to be let go.
    for text in (each.text for each in requests if each.text.startswith("/")):
        Path(text, "begun").touch()
        deadline = time.monotonic() + 30
        while not Path(text, "go").exists():
            assert time.monotonic() < deadline, "nobody let it go"
            time.sleep(0.001)
    return [{"words": each} for each in outputs["words"].tolist()]


MODEL = Model(
    request=Request,
    response=Response,
    signature=Signature({"text": TensorSpec("string")}, {"letters": TensorSpec("int64")}),
    example=Request(text="a"),
    preprocess=lambda requests: {
        "text": np.array([each.text.encode() for each in requests], object)
    },
    postprocess=lambda _inputs, outputs, _card: [
        {"letters": each} for each in outputs["letters"].tolist()
    ],
    max_call_rows=32,
    explanation=Explanation(
        outputs={"words": TensorSpec("int64")},
        response=Why,
        postprocess=explain,
    ),
)
'''


@pytest.fixture
def tfgate(server: FakeModelServer) -> Iterator[Gateway]:
    with gateway(server) as tfgate:
        tfgate.wait_until_ready()
        yield tfgate


def explained(tfgate: Gateway, query: str = "", **changed: Any) -> httpx.Response:
    path = f"/predict/housing?explain=true{query}"
    return tfgate.client.post(path, json={**HOUSE, **changed})


def test_an_answer_comes_with_what_adds_up_to_it(tfgate: Gateway) -> None:
    answer = explained(tfgate).json()
    plain = tfgate.client.post("/predict/housing", json=HOUSE).json()

    explanation = answer["prediction"].pop("explanation")
    assert answer["prediction"] == plain["prediction"]
    added = [each["usd"] for each in explanation["contributions"]]
    assert explanation["base_usd"] + sum(added) == pytest.approx(plain["prediction"]["price_usd"])
    assert added == sorted(added, key=abs, reverse=True)
    assert explanation["neighbours"] == [
        {"longitude": 1, "latitude": 1, "price_usd": 1, "kilometres": 1, "weight": 1}
    ]


def test_it_is_asked_in_one_call_of_its_own(tfgate: Gateway, server: FakeModelServer) -> None:
    server.calls.clear()
    explained(tfgate)
    asked = [call.request.model_spec.signature_name for call in server.calls]
    assert asked.count("explain") == 1
    assert "serving_default" not in asked


def test_what_was_sent_stands_beside_what_it_adds(tfgate: Gateway) -> None:
    explanation = explained(tfgate, total_bedrooms=None).json()["prediction"]["explanation"]
    values = {}
    for each in explanation["contributions"]:
        values.update(each["values"])
    assert values == {**HOUSE, "total_bedrooms": None}


def test_each_row_of_a_batch_is_explained(tfgate: Gateway) -> None:
    path = "/predict/housing/batch"
    answers = tfgate.client.post(f"{path}?explain=true", json={"instances": HOUSES}).json()
    for house, each in zip(HOUSES, answers["predictions"], strict=True):
        alone = explained(tfgate, **house).json()["prediction"]
        assert each == alone

    refused = tfgate.client.post(
        f"{path}?explain=true", json={"instances": [HOUSE] * (MAX_EXPLAINED + 1)}
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-input")
    assert str(MAX_EXPLAINED) in refused.json()["hint"]


def test_a_plain_answer_stays_plain(tfgate: Gateway) -> None:
    for query in ("", "?explain=false"):
        answer = tfgate.client.post(f"/predict/housing{query}", json=HOUSE).json()
        assert "explanation" not in answer["prediction"]


def test_a_pinned_version_that_cannot_say_why_names_those_that_can(tfgate: Gateway) -> None:
    answer = explained(tfgate, "&version=1")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-explainable")
    says = "version 1 of housing has no signature explain; version 2 of it can"
    assert answer.json()["detail"] == says
    assert tfgate.client.get("/errors/not-explainable").status_code == 200


def test_a_model_that_cannot_say_why_names_those_that_can(
    server: FakeModelServer, tmp_path: Path
) -> None:
    server.models["double"] = {1: FakeVersion({DEFAULT_SIGNATURE: DOUBLE})}
    folder = typed_files.write(tmp_path / "typed", double=typed_files.TYPED)
    with gateway(server, models_path=folder) as tfgate:
        tfgate.wait_until_ready()
        answer = tfgate.client.post("/predict/double?explain=true", json={"x": 1})
        assert (answer.status_code, answer.json()["code"]) == (404, "not-explainable")
        assert "no version of it can; of other models, housing, image" in answer.json()["detail"]
        unknown = tfgate.client.post("/predict/nobody?explain=true", json={"x": 1})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown-model")


def test_a_text_as_long_as_is_taken_is_explained(server: FakeModelServer, tmp_path: Path) -> None:
    server.models["words"] = {1: FakeVersion({DEFAULT_SIGNATURE: LENGTH, "explain": WHY_LENGTH})}
    folder = typed_files.write(tmp_path / "typed", words=WORDS)
    with gateway(server, models_path=folder) as tfgate:
        tfgate.wait_until_ready()
        text = "ever " * 4_000
        answer = tfgate.client.post("/predict/words?explain=true", json={"text": text})
        assert answer.json()["prediction"] == {"letters": 20_000, "explanation": {"words": 4_000}}
        longer = tfgate.client.post("/predict/words?explain=true", json={"text": f"{text}!"})
        assert (longer.status_code, longer.json()["code"]) == (422, "invalid-input")
        documented = tfgate.client.get("/models/words").json()["response_schema"]["properties"]
        assert documented.keys() == {"letters", "explanation"}


def test_others_are_answered_while_an_explanation_is_put_together(
    server: FakeModelServer, tmp_path: Path
) -> None:
    server.models["words"] = {1: FakeVersion({DEFAULT_SIGNATURE: LENGTH, "explain": WHY_LENGTH})}
    folder = typed_files.write(tmp_path / "typed", words=WORDS)
    with gateway(server, models_path=folder) as tfgate:
        tfgate.wait_until_ready()
        slow = tfgate.ask("/predict/words?explain=true", {"text": str(tmp_path)})
        tfgate.wait_until((tmp_path / "begun").exists, "an explanation")
        assert tfgate.client.post("/predict/words", json={"text": "a"}).is_success
        (tmp_path / "go").touch()
        assert slow.answer().status == 200


def test_an_empty_batch_is_refused_as_ever(tfgate: Gateway) -> None:
    answer = tfgate.client.post("/predict/housing/batch?explain=true", json={"instances": []})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")


def test_a_version_that_is_named_is_the_one_that_explains(tfgate: Gateway) -> None:
    answer = explained(tfgate, "&version=2")
    assert answer.json()["version"] == 2
    assert answer.headers["X-Model-Route"] == "pinned"
    assert explained(tfgate, "&version=9").json()["code"] == "unknown-version"


@pytest.mark.parametrize("query", ["explain=banana", "explain=", "explain=true&explain=true"])
def test_what_is_no_yes_and_no_no_is_refused(tfgate: Gateway, query: str) -> None:
    answer = tfgate.client.post(f"/predict/housing?{query}", json=HOUSE)
    assert (answer.status_code, "explain" in answer.json()["detail"]) == (422, True)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda outputs: {**outputs, "base": np.array([np.nan], np.float32)},
        lambda outputs: {**outputs, "base": np.repeat(outputs["base"], 2)},
        lambda outputs: {name: array[:0] for name, array in outputs.items()},
        lambda outputs: {name: array for name, array in outputs.items() if name != "base"},
    ],
    ids=["no number", "a row more", "no rows", "an output less"],
)
def test_an_explanation_that_does_not_fit_is_none(
    tfgate: Gateway, server: FakeModelServer, spoil: Callable[[Tensors], Tensors]
) -> None:
    version = server.models["housing"][2]
    explain = version.signatures["explain"]

    def unclear(inputs: Tensors) -> Tensors:
        return spoil(explain.run(inputs))

    signatures = {**version.signatures, "explain": replace(explain, run=unclear)}
    server.models["housing"][2] = replace(version, signatures=signatures)
    answer = explained(tfgate)
    assert (answer.status_code, answer.json()["code"]) == (502, "prediction-failed")


def test_a_version_that_explains_otherwise_is_told_from_one_that_does_as_declared(
    server: FakeModelServer,
) -> None:
    version = server.models["housing"][2]
    explain = version.signatures["explain"]
    outputs = {**explain.tensors.outputs, "base": TensorSpec("float32", (None, 3))}
    other = FakeSignature(Signature(explain.tensors.inputs, outputs), explain.run)
    signatures = {**version.signatures, "explain": other}
    server.models["housing"][2] = replace(version, signatures=signatures)
    with gateway(server) as tfgate:
        tfgate.wait_until_ready()
        answer = explained(tfgate)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-explainable")
        assert answer.json()["detail"].endswith("float32[batch, 3], declared is float32[batch]")
        assert tfgate.client.post("/predict/housing", json=HOUSE).is_success


def test_kserve_s_clients_ask_why_beside_v1(tfgate: Gateway) -> None:
    rows = tfgate.client.post("/v1/models/housing:explain", json={"instances": HOUSES})
    predicted = tfgate.client.post("/v1/models/housing:predict", json={"instances": HOUSES})
    assert rows.json().keys() == OURS
    assert rows.json()["predictions"] == predicted.json()["predictions"]
    for price, why in zip(rows.json()["predictions"], rows.json()["explanations"], strict=True):
        assert why["base"] + sum(why["contributions"]) == pytest.approx(price["price"])

    columns = tfgate.client.post("/v1/models/housing:explain", json={"inputs": COLUMNS}).json()
    assert columns.keys() == {"outputs", "explanations"}
    assert columns["outputs"].keys() == predicted.json()["predictions"][0].keys()
    assert columns["explanations"]["base"] == [1_000] * 3


@pytest.mark.parametrize("path", ["/versions/2", "/labels/stable"])
def test_versions_and_labels_are_named_as_everywhere(
    tfgate: Gateway, server: FakeModelServer, path: str
) -> None:
    server.labels["housing"] = {"stable": 2}
    answer = tfgate.client.post(f"/v1/models/housing{path}:explain", json={"instances": HOUSES})
    assert answer.json().keys() == OURS
    refused = tfgate.client.post(
        "/v1/models/housing/versions/1:explain", json={"instances": HOUSES}
    )
    assert refused.status_code == 404
    assert "version 2 of it can" in refused.json()["error"]


def test_any_saved_model_that_says_why_is_asked(tfgate: Gateway) -> None:
    answer = tfgate.client.post("/v1/models/twice:explain", json={"instances": [1.5, 2]}).json()
    assert answer == {"predictions": [3, 4], "explanations": [[1.5, 1.5], [2, 2]]}


@pytest.mark.parametrize(
    ("parameters", "status", "says"),
    [
        ({"explain": True}, 200, "added"),
        ({"explain": True, "signature_name": "explain"}, 200, "added"),
        ({"explain": False}, 200, "twice"),
        ({"explain": "true"}, 400, "accepted is true or false"),
        ({"explain": True, "signature_name": "other"}, 400, "send one of them"),
    ],
)
def test_the_open_inference_protocol_has_a_parameter(
    tfgate: Gateway, parameters: dict[str, Any], status: int, says: str
) -> None:
    tensor = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}
    document = {"inputs": [tensor], "parameters": parameters}
    answer = tfgate.client.post("/v2/models/twice/infer", json=document)
    assert (answer.status_code, says in answer.text) == (status, True)
    if status == 200:
        outputs = {each["name"]: each["data"] for each in answer.json()["outputs"]}
        assert outputs["twice"] == [2, 4]
        assert outputs.get("added", [1, 1, 2, 2]) == [1, 1, 2, 2]
        assert ("added" in outputs) == parameters["explain"]


def test_explanations_take_no_more_than_a_share_of_a_model_s_places(
    server: FakeModelServer,
) -> None:
    with gateway(server, max_requests_per_model=8) as tfgate:
        tfgate.wait_until_ready()
        explained(tfgate)
        tfgate.client.post("/predict/housing", json=HOUSE)
        explanations_kept = Hold()

        async def keep_explanations(call: PredictCall) -> PredictResponse | bytes:
            signature = call.request.model_spec.signature_name
            return await (explanations_kept if signature == "explain" else faults.answer)(call)

        server.faults["housing"] = keep_explanations
        waiting = [tfgate.ask("/predict/housing?explain=true", HOUSE) for _ in range(2)]
        tfgate.wait_for_calls(2)
        assert explained(tfgate).status_code == 429
        assert tfgate.client.post("/predict/housing", json=HOUSE).status_code == 200
        explanations_kept.release()
        assert [each.response().status_code for each in waiting] == [200, 200]
