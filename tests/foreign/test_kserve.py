"""kserve's clients, unmodified: REST in both protocols, and gRPC."""

from typing import Any

import pytest

from tests.foreign.clients.environments import needs_client, run
from tests.foreign.gateway import Addresses
from tests.foreign.questions import Asked

pytestmark = needs_client("kserve")

WRONG_SHAPE = "input user has the shape [1, 1]; expected is int64[batch]"


@pytest.fixture(scope="module")
def told(addresses: Addresses, common_questions: Asked) -> Any:
    where = (addresses.url, addresses.grpc)
    return run("kserve", "kserve_clients.py", *where, str(common_questions.file))


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_it_finds_server_and_models_ready(told: Any, protocol: str) -> None:
    assert told[protocol]["live"] is True
    assert told[protocol]["ready"] is True
    assert told[protocol]["model_ready"] is True


def test_it_finds_an_unknown_model_not_ready(told: Any) -> None:
    assert told["http"]["nobody_ready"] is False


@pytest.mark.parametrize(
    ("protocol", "tensors"),
    [("http", "binary"), ("http", "json"), ("grpc", "raw"), ("grpc", "typed")],
)
def test_every_model_answers_as_tensorflow_does(
    told: Any, common_questions: Asked, protocol: str, tensors: str
) -> None:
    common_questions.check(told[protocol]["answers"][tensors])


def test_a_refusal_has_our_text(told: Any) -> None:
    assert told["http"]["refused"]["status"] == 400
    assert WRONG_SHAPE in told["http"]["refused"]["text"]
    assert told["grpc"]["refused"]["status"] == "INVALID_ARGUMENT"
    assert WRONG_SHAPE in told["grpc"]["refused"]["text"]


def test_its_first_protocol_is_tensorflow_servings(told: Any) -> None:
    first, second = told["v1"]["rows"]["predictions"]
    assert first.keys() == second.keys() == {"score", "taste"}
    assert told["v1"]["columns"]["outputs"]["id"] == [1, -1]
    assert told["v1"]["refused"]["status"] == 400
    assert "keys must be equal to: item,user" in told["v1"]["refused"]["text"]
    assert told["v1"]["unknown"]["status"] == 404


def test_it_is_told_why(told: Any) -> None:
    explained = {"predictions": [0, -3], "explanations": [[2, -2], [1, -4]]}
    assert told["v1"]["explained"] == explained
    assert told["v1"]["mute"]["status"] == 404
    assert "of other models, sum_explained can" in told["v1"]["mute"]["text"]
