"""The calls of TensorFlow Serving's REST documentation, with requests."""

from typing import Any

import pytest

from serving.contract import Tensors
from tests.foreign.clients.environments import needs_client, run
from tests.foreign.conftest import Answers
from tests.foreign.gateway import Addresses
from tests.foreign.questions import check_answer

pytestmark = needs_client("requests")

KERAS = "two_ids_of_keras"


@pytest.fixture(scope="module")
def told(addresses: Addresses) -> Any:
    return run("requests", "tf_serving_rest.py", addresses.url)


@pytest.fixture
def keras(right: Answers) -> Tensors:
    """The first two rows of the second question."""
    return {name: array[:2] for name, array in right[KERAS][1].items()}


def test_everything_is_json(told: Any) -> None:
    assert {each["type"] for each in told.values()} == {"application/json"}


@pytest.mark.parametrize("where", ["rows", "version", "label"])
def test_rows(told: Any, keras: Tensors, where: str) -> None:
    rows = told[where]["json"]["predictions"]
    check_answer({name: [row[name] for row in rows] for name in keras}, keras)


def test_columns(told: Any, keras: Tensors) -> None:
    check_answer(told["columns"]["json"]["outputs"], keras)


def test_one_input_one_output_and_another_signature(told: Any) -> None:
    assert told["one_input"]["json"] == {"predictions": [[2.5], [4.5]]}
    assert told["signature"]["json"]["outputs"]["is_far"] == [True]


def test_bytes_are_base64_both_ways(told: Any) -> None:
    dog, cheese, nothing = told["b64"]["json"]["predictions"]
    assert dog == {"id": 1, "same_bytes": {"b64": "ZG9n"}, "upper": "DOG"}
    assert (cheese["id"], cheese["same_bytes"]) == (2, {"b64": "S8Okc2U="})
    assert nothing == {"id": -1, "same_bytes": {"b64": ""}, "upper": ""}


def test_classify_and_regress(told: Any) -> None:
    first = [["first", 0.5], ["tag_none", 1.5], ["sum", 9]]
    assert told["classify"]["json"]["results"][0] == first
    assert told["context"]["json"]["results"] == [
        [["first", 0.5], ["tag_a", 1.5], ["sum", 9]],
        [["first", 0.5], ["tag_b", 1.5], ["sum", 3]],
    ]
    assert told["regress"]["json"] == {"results": [2.5, 4.5]}


@pytest.mark.parametrize("which", ["status", "version_status"])
def test_status(told: Any, which: str) -> None:
    fine = {"error_code": "OK", "error_message": ""}
    status = {"version": "1", "state": "AVAILABLE", "status": fine}
    assert told[which]["json"] == {"model_version_status": [status]}


def test_metadata(told: Any) -> None:
    document = told["metadata"]["json"]
    assert document["model_spec"] == {"name": KERAS, "signature_name": "", "version": "1"}
    signatures = document["metadata"]["signature_def"]["signature_def"]
    assert signatures["serving_default"]["inputs"]["user"]["dtype"] == "DT_INT64"


@pytest.mark.parametrize(
    ("wrong", "status", "text"),
    [
        ("nobody", 404, "Could not find any versions of model nobody"),
        ("nobody_predicts", 404, "Servable not found for request: Latest(nobody)"),
        ("wrong_key", 400, "does not have named input: users"),
        ("wrong_type", 400, "is not of expected type: int64"),
        ("wrong_shape", 400, "user"),
        ("wrong_label", 400, "Unrecognized servable version label: other"),
    ],
)
def test_a_refusal_has_its_status_and_text(told: Any, wrong: str, status: int, text: str) -> None:
    assert told[wrong]["status"] == status
    assert told[wrong]["json"].keys() == {"error"}
    assert text in told[wrong]["json"]["error"]
