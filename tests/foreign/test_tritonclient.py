"""tritonclient, unmodified: HTTP with binary tensors by default, gRPC, and its exceptions."""

from typing import Any

import pytest

from serving.contract import Tensors
from tests.foreign.clients.environments import needs_client, run
from tests.foreign.conftest import Answers
from tests.foreign.gateway import Addresses
from tests.foreign.questions import Asked, check_answer

pytestmark = needs_client("tritonclient")

METADATA = {
    "name": "two_ids_of_keras",
    "versions": ["1"],
    "platform": "tensorflow_savedmodel",
    "inputs": [
        {"name": "item", "datatype": "INT64", "shape": [-1]},
        {"name": "user", "datatype": "INT64", "shape": [-1]},
    ],
    "outputs": [
        {"name": "score", "datatype": "FP32", "shape": [-1, 1]},
        {"name": "taste", "datatype": "FP32", "shape": [-1, 4]},
    ],
}


@pytest.fixture(scope="module")
def http(addresses: Addresses, every_question: Asked) -> Any:
    host_and_port = addresses.url.removeprefix("http://")
    return run("tritonclient", "tritonclient_http.py", host_and_port, str(every_question.file))


@pytest.fixture(scope="module")
def grpc(addresses: Addresses, every_question: Asked) -> Any:
    return run("tritonclient", "tritonclient_grpc.py", addresses.grpc, str(every_question.file))


@pytest.fixture(scope="module")
def keras(right: Answers) -> Tensors:
    """What its second question, which the scripts ask in many ways, is answered with."""
    return right["two_ids_of_keras"][1]


@pytest.fixture(params=["http", "grpc"])
def told(request: pytest.FixtureRequest) -> Any:
    """What the client was told, over each protocol."""
    return request.getfixturevalue(request.param)


def test_it_finds_server_and_models_ready(told: Any) -> None:
    assert told["live"] is True
    assert told["ready"] is True
    assert told["model_ready"] is True
    assert told["version_ready"] is True


def test_it_finds_what_is_not_there_not_ready(http: Any) -> None:
    assert http["version_not_ready"] is False
    assert http["nobody_ready"] is False


def test_it_reads_metadata(told: Any) -> None:
    assert told["server"]["name"] == "tfgate"
    assert "binary_tensor_data" in told["server"]["extensions"]
    for model in (told["model"], told["version"]):
        for tensor in (*model["inputs"], *model["outputs"]):
            tensor["shape"] = [int(size) for size in tensor["shape"]]  # gRPC's JSON has strings
        # That is MLServer's, which the client's messages for gRPC do not have.
        assert model.pop("parameters", {"explain": False}) == {"explain": False}
        assert model == METADATA


def test_it_lists_the_models_that_were_asked(told: Any) -> None:
    index = told["index"] if isinstance(told["index"], list) else told["index"]["models"]
    [keras] = [each for each in index if each["name"] == "two_ids_of_keras"]
    assert (keras["version"], keras["state"]) == ("1", "READY")


def test_every_model_answers_as_tensorflow_does(told: Any, every_question: Asked) -> None:
    every_question.check(told["answers"])


@pytest.mark.parametrize("how", ["default", "in_time"])
def test_its_defaults_are_understood(told: Any, keras: Tensors, how: str) -> None:
    check_answer(told[how], keras)


def test_tensors_may_be_json(http: Any, keras: Tensors) -> None:
    check_answer(http["json"], {"score": keras["score"]})


def test_outputs_are_chosen_and_ids_come_back(told: Any) -> None:
    assert told["chosen"] == {
        "names": ["head_07", "head_99"],
        "id": "mine",
        "model_name": "hundred_heads",
        "model_version": "1",
    }


def test_it_asks_asynchronously(told: Any, keras: Tensors) -> None:
    assert len(told["async"]) == 8
    for answer in told["async"]:
        check_answer(answer, keras)


def test_its_asyncio_client_asks(http: Any, keras: Tensors) -> None:
    assert http["aio"]["live"] is True
    for answer in http["aio"]["same"]:
        check_answer(answer, keras)


def test_bodies_may_be_compressed(told: Any, keras: Tensors) -> None:
    assert len(told["compressed"]) in (2, 9)
    for answer in told["compressed"].values():
        check_answer(answer, keras)


def test_a_stream_answers_in_order_and_outlives_an_error(grpc: Any, keras: Tensors) -> None:
    first, second, third = grpc["stream"]
    assert (first["id"], third["id"]) == ("first", "third")
    check_answer(first["outputs"], keras)
    assert "input item is missing" in second["text"]
    check_answer(third["outputs"], keras)


REFUSALS = {
    "shape": (
        "400",
        "INVALID_ARGUMENT",
        "input user has the shape [2, 2]; expected is int64[batch]",
    ),
    "rows": ("400", "INVALID_ARGUMENT", "differ in their numbers of rows: user 2, item 1"),
    "name": ("400", "INVALID_ARGUMENT", "input users is unknown"),
    "missing": ("400", "INVALID_ARGUMENT", "input item is missing"),
    "dtype": ("400", "INVALID_ARGUMENT", "input user is int32; expected is int64[batch]"),
    "output": ("400", "INVALID_ARGUMENT", "there is no output 'scores'; there are score, taste"),
    "model": ("404", "NOT_FOUND", "there is no model 'nobody'"),
    "version": ("404", "NOT_FOUND", "version 7 of two_ids_of_keras is not being served"),
    "signature": (
        "400",
        "INVALID_ARGUMENT",
        "no signature 'other'; there are serve, serving_default",
    ),
    "metadata": ("404", "NOT_FOUND", "there is no model 'nobody'"),
    "load": ("501", "UNIMPLEMENTED", "models.config"),
}


@pytest.mark.parametrize("wrong", REFUSALS)
def test_its_exception_has_our_text(told: Any, wrong: str) -> None:
    status, code, text = REFUSALS[wrong]
    refused = told["refused"][wrong]
    assert refused["status"] in (status, f"StatusCode.{code}")
    assert text in refused["text"]
