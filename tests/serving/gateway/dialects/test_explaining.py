"""Why an answer is what it is, by tensors: counted, bounded and refused alike in every dialect."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from proto import open_inference_pb2 as messages
from proto.predict_pb2 import PredictResponse
from serving.contract import Signature, Tensors, TensorSpec
from serving.gateway.dialects.calls import MAX_EXPLAINED
from serving.models import MODELS
from tests import faults
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
from tests.in_process import Gateway, gateway, growth
from tests.serving.gateway.dialects.explaining import ASKS, EXPLAIN, READ, ask
from tfgate.keys import create

_TEXTS = {"text": TensorSpec("string", (None,))}
COUNTED = Signature(_TEXTS, {"letters": TensorSpec("int64", (None,))})
WHY_COUNTED = Signature(_TEXTS, {**COUNTED.outputs, "words": TensorSpec("int64", (None,))})
# What each way says of a wrong request, of a version that is not there, and of a bad answer.
REFUSED = {400, "INVALID_ARGUMENT"}
MISSING = {404, "NOT_FOUND"}
FAILED = {502, "INTERNAL"}
OVERLOADED = {429, "RESOURCE_EXHAUSTED"}


def counted(inputs: Tensors) -> Tensors:
    return {"letters": np.array([len(text) for text in inputs["text"]], np.int64)}


def why_counted(inputs: Tensors) -> Tensors:
    words = np.array([len(text.split()) for text in inputs["text"]], np.int64)
    return {**counted(inputs), "words": words}


COUNT = FakeSignature(COUNTED, counted)
WHY = FakeSignature(WHY_COUNTED, why_counted)


@pytest.fixture
def server() -> FakeModelServer:
    """One with a typed model and one of nobody's, whose versions 1 explain nothing."""
    server = declared_models()
    server.models["housing"] = {1: older_version("housing", 1), 2: declared_version("housing", 2)}
    server.models["letters"] = {
        1: FakeVersion({DEFAULT_SIGNATURE: COUNT}),
        2: FakeVersion({DEFAULT_SIGNATURE: COUNT, EXPLAIN: WHY}),
    }
    server.models["mute"] = {1: FakeVersion({DEFAULT_SIGNATURE: COUNT})}
    return server


@pytest.fixture
def tfgate(server: FakeModelServer) -> Iterator[Gateway]:
    with gateway(server) as tfgate:
        tfgate.wait_until_ready()
        yield tfgate


def houses(number: int) -> Tensors:
    model = MODELS["housing"]
    return model.preprocess([model.example] * number)


def texts(*given: str) -> Tensors:
    return {"text": np.array([text.encode() for text in given], object)}


def spoil(server: FakeModelServer, change: Callable[[Tensors], Tensors]) -> None:
    """Have housing's explanations changed before they leave the model server."""
    version = server.models["housing"][2]
    explain = version.signatures[EXPLAIN]
    spoilt = replace(explain, run=lambda inputs: change(explain.run(inputs)))
    signatures = {**version.signatures, EXPLAIN: spoilt}
    server.models["housing"][2] = replace(version, signatures=signatures)


@pytest.mark.parametrize("how", READ)
def test_it_is_a_prediction_like_any_other(tfgate: Gateway, how: str) -> None:
    asked = {"model": "housing", "version": "2", "outcome": "ok"}
    ask(tfgate, how, "housing", houses(1))
    requests = growth("tfgate_requests_total", **asked)
    told = ask(tfgate, how, "housing", houses(3))

    assert told.is_success, told
    assert {"price", "base", "contributions"} <= told.outputs
    assert told.headers["x-model-name"] == "housing"
    assert told.headers["x-model-version"] == "2"
    assert told.headers["x-model-route"] == "stable"
    tfgate.wait_until(lambda: requests() == 1, "the count")


@pytest.mark.parametrize("how", ASKS)
def test_so_many_rows_of_a_typed_model_are_explained_and_no_more(
    tfgate: Gateway, server: FakeModelServer, how: str
) -> None:
    server.calls.clear()
    refused = ask(tfgate, how, "housing", houses(MAX_EXPLAINED + 1))

    assert refused.status in REFUSED
    assert f"{MAX_EXPLAINED + 1} rows are too many" in refused.text
    assert f"Send {MAX_EXPLAINED} at most, or ask without explain" in refused.text
    assert server.calls == []
    if how in READ:
        assert ask(tfgate, how, "housing", houses(MAX_EXPLAINED)).is_success


@pytest.mark.parametrize("how", READ)
def test_of_a_generic_model_any_number_of_rows_is_explained(tfgate: Gateway, how: str) -> None:
    told = ask(tfgate, how, "letters", texts(*["two words"] * 3 * MAX_EXPLAINED))
    assert told.is_success, told
    assert told.outputs & {"words", "explanations"}


@pytest.mark.parametrize("how", READ)
def test_who_cannot_say_why_names_who_can(tfgate: Gateway, how: str) -> None:
    ask(tfgate, how, "letters", texts("a"))
    pinned = ask(tfgate, how, "letters", texts("a"), version=1)
    assert pinned.status in MISSING
    assert "version 1 of letters has no signature explain" in pinned.text
    assert "version 2 of it can" in pinned.text

    none = ask(tfgate, how, "mute", texts("a"))
    assert none.status in MISSING
    assert "no version of it can; of other models, housing, image" in none.text
    assert "letters" in none.text


@pytest.mark.parametrize("how", READ)
def test_an_unknown_model_or_version_is_told_as_ever(tfgate: Gateway, how: str) -> None:
    assert ask(tfgate, how, "nobody", texts("a")).status in MISSING
    assert ask(tfgate, how, "housing", houses(1), version=9).status in MISSING


@pytest.mark.parametrize("how", READ)
@pytest.mark.parametrize(
    "change",
    [
        lambda outputs: {name: array[:1] for name, array in outputs.items()},
        lambda outputs: {**outputs, "contributions": outputs["contributions"][:1]},
        lambda outputs: {name: each for name, each in outputs.items() if name != "contributions"},
    ],
    ids=["fewer rows", "fewer rows of one", "an output less"],
)
def test_an_explanation_that_does_not_fit_is_the_model_server_s_failure(
    tfgate: Gateway, server: FakeModelServer, how: str, change: Callable[[Tensors], Tensors]
) -> None:
    spoil(server, change)
    told = ask(tfgate, how, "housing", houses(2))
    assert told.status in FAILED
    assert "the model server" in told.text


@pytest.mark.parametrize("how", READ)
def test_long_texts_are_explained_and_none_is_none(tfgate: Gateway, how: str) -> None:
    long = "ever " * 4_000
    assert len(long) == 20_000
    assert ask(tfgate, how, "letters", texts(long)).is_success

    none = ask(tfgate, how, "letters", texts())
    assert none.is_success or none.status in REFUSED


def test_an_empty_batch_has_no_explanations(tfgate: Gateway) -> None:
    path = "/v1/models/housing:explain"
    rows = tfgate.client.post(path, json={"instances": []})
    assert (rows.status_code, "No values" in rows.json()["error"]) == (400, True)

    empty: dict[str, list[Any]] = {name: [] for name in HOUSE}
    columns = tfgate.client.post(path, json={"inputs": empty}).json()
    assert columns["explanations"]["base"] == []
    assert columns["outputs"]["price"] == []


@pytest.mark.parametrize(
    ("name", "status"), [("explain", 200), ("serving_default", 200), ("other", 400)]
)
def test_v1_s_explain_is_that_signature_whichever_is_named(
    tfgate: Gateway, name: str, status: int
) -> None:
    body = {"instances": ["a b"], "signature_name": name}
    answer = tfgate.client.post("/v1/models/letters:explain", json=body)
    assert answer.status_code == status
    if status == 200:
        assert answer.json() == {"predictions": [3], "explanations": [2]}
    else:
        assert "asks for the signature explain, not for 'other'" in answer.json()["error"]


@pytest.mark.parametrize("how", ASKS)
def test_explanations_take_no_more_than_a_share_of_a_model_s_places(
    server: FakeModelServer, how: str
) -> None:
    with gateway(server, max_requests_per_model=8) as tfgate:
        tfgate.wait_until_ready()
        ask(tfgate, "v1 explain", "housing", houses(1))
        held = Hold()

        async def hold(call: PredictCall) -> PredictResponse | bytes:
            is_why = call.request.model_spec.signature_name == EXPLAIN
            return await (held if is_why else faults.answer)(call)

        server.faults["housing"] = hold
        server.calls.clear()
        waiting = [tfgate.ask("/predict/housing?explain=true", HOUSE) for _ in range(2)]
        tfgate.wait_for_calls(2)
        assert ask(tfgate, how, "housing", houses(1)).status in OVERLOADED
        held.release()
        assert [each.response().status_code for each in waiting] == [200, 200]


def test_v1_s_explain_is_turned_away_at_the_door(server: FakeModelServer) -> None:
    with gateway(server, max_requests=8) as tfgate:
        tfgate.wait_until_ready()
        ask(tfgate, "v1 explain", "housing", houses(1))
        shed = growth("tfgate_requests_shed_total", model="housing")
        server.faults["housing"] = held = Hold()
        waiting = [tfgate.ask("/predict/housing", HOUSE) for _ in range(8)]
        tfgate.wait_until_inside(8)
        path = "/v1/models/housing:explain"
        answer = tfgate.client.post(path, json={"instances": [HOUSE]})
        assert answer.status_code == 429
        assert answer.headers["Retry-After"]
        assert shed() == 1
        held.release()
        assert [each.response().status_code for each in waiting] == [200] * 8


@pytest.mark.parametrize("how", READ)
def test_a_key_pays_for_the_rows_that_are_explained(
    server: FakeModelServer, tmp_path: Path, how: str
) -> None:
    key = create(tmp_path / "keys", "few", models=["housing"], rates=["4 rows/hour"])
    with gateway(server, keys_file=tmp_path / "keys") as tfgate:
        tfgate.wait_until_ready()
        headers = {"X-API-Key": key}
        assert ask(tfgate, how, "housing", houses(3), headers=headers).is_success
        assert ask(tfgate, how, "housing", houses(2), headers=headers).status in OVERLOADED
        forbidden = ask(tfgate, how, "letters", texts("a"), headers=headers)
        assert forbidden.status in {403, "PERMISSION_DENIED"}


def test_nobody_waits_longer_for_an_explanation_than_for_an_answer(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    server.faults["housing"] = Hold()
    answer = tfgate.client.post(
        "/v1/models/housing:explain",
        json={"instances": [HOUSE]},
        headers={"Request-Timeout": "0.05"},
    )
    assert answer.status_code == 504


@pytest.mark.parametrize(
    ("path", "explains"), [("", True), ("/versions/1", False), ("/versions/2", True)]
)
def test_the_open_inference_protocol_tells_who_can(
    tfgate: Gateway, path: str, explains: bool
) -> None:
    told = tfgate.client.get(f"/v2/models/letters{path}").json()
    assert told["parameters"] == {"explain": explains}

    version = path.rpartition("/")[2]
    request = messages.ModelMetadataRequest(name="letters", version=version)
    method = "/inference.GRPCInferenceService/ModelMetadata"
    reply = tfgate.call(method, request.SerializeToString())
    metadata = messages.ModelMetadataResponse.FromString(reply.body)
    assert metadata.parameters["explain"].bool_param is explains


def test_the_list_of_models_tells_who_can(tfgate: Gateway) -> None:
    tfgate.client.get("/models/letters")

    def told(document: dict[str, Any]) -> dict[int, bool | None]:
        return {each["version"]: each["explains"] for each in document["versions"]}

    assert told(tfgate.client.get("/models/letters").json()) == {1: False, 2: True}
    listed = {each["name"]: told(each) for each in tfgate.client.get("/models").json()["models"]}
    assert listed["housing"] == listed["letters"] == {1: False, 2: True}
