"""TensorFlow Serving's own client over gRPC, an older release of it, unmodified."""

from typing import Any

import pytest

from tests.compare import assert_same
from tests.foreign.clients.environments import needs_client, run
from tests.foreign.gateway import Addresses
from tests.foreign.questions import Asked

pytestmark = needs_client("tensorflow_serving_api")

KERAS = "two_ids_of_keras"


@pytest.fixture(scope="module")
def told(addresses: Addresses, every_question: Asked) -> Any:
    script = "tf_serving_grpc.py"
    return run("tensorflow_serving_api", script, addresses.grpc, str(every_question.file))


def test_every_model_answers_as_tensorflow_does(told: Any, every_question: Asked) -> None:
    every_question.check(told["answers"])


def test_labels_versions_and_many_at_once_answer_the_same(told: Any) -> None:
    assert len(told["same"]) == 10
    for answer in told["same"]:
        assert_same(answer, told["same"][0])
    assert told["spec"] == {
        "name": KERAS,
        "version": "1",
        "signature_name": "serving_default",
    }
    assert told["filtered"] == ["taste"]


def test_classify_regress_and_multi_inference(told: Any) -> None:
    classes = [
        [(each["label"], each["score"]) for each in row["classes"]]
        for row in told["classify"]["result"]["classifications"]
    ]
    assert classes == [
        [("first", 0.5), ("tag_none", 1.5), ("sum", 9)],
        [("first", -2), ("tag_none", 300), ("sum", 305)],
    ]
    values = [each["value"] for each in told["regress"]["result"]["regressions"]]
    assert values == [2.5, 4.5]
    classified, regressed = told["multi"]["results"]
    assert classified["classification_result"]["classifications"] == [{"classes": [{"score": 3}]}]
    assert regressed["regression_result"]["regressions"] == [{"value": 3}]


def test_metadata_and_status(told: Any) -> None:
    about = told["about"]
    assert about["spec"] == {"name": KERAS, "version": "1"}
    assert about["inputs"]["serving_default"] == ["item", "user"]
    assert about["inputs"]["serve"] == ["item", "user"]
    [status] = about["status"]["model_version_status"]
    assert (status["version"], status["state"]) == ("1", "AVAILABLE")


@pytest.mark.parametrize(
    ("wrong", "code", "text"),
    [
        (
            "shape",
            "INVALID_ARGUMENT",
            "input user has the shape [2, 2]; expected is int64[batch]",
        ),
        ("missing", "INVALID_ARGUMENT", "input item is missing"),
        ("dtype", "INVALID_ARGUMENT", "input item is int32; expected is int64[batch]"),
        ("model", "NOT_FOUND", "there is no model 'nobody'"),
        ("signature", "FAILED_PRECONDITION", 'Serving signature key "other" not found'),
        ("reload", "UNIMPLEMENTED", "models.config"),
    ],
)
def test_a_refusal_has_its_code_and_a_reason(told: Any, wrong: str, code: str, text: str) -> None:
    assert told["refused"][wrong]["status"] == code
    assert text in told["refused"][wrong]["text"]
