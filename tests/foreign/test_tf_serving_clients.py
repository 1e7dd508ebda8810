"""TensorFlow Serving's own client over gRPC, and its documented REST calls with requests."""

from typing import Any

import pytest

from serving.contract import Tensors
from tests.foreign.clients.environments import needs_client, run
from tests.foreign.conftest import Answers
from tests.foreign.gateway import Addresses
from tests.foreign.questions import Asked, check_answer

KERAS = "two_ids_of_keras"
AVAILABLE = {"version": "1", "state": "AVAILABLE"}


class TestApi:
    """tensorflow-serving-api."""

    pytestmark = needs_client("tensorflow_serving_api")

    @pytest.fixture(scope="class")
    def told(self, addresses: Addresses, every_question: Asked) -> Any:
        script = "tf_serving_grpc.py"
        return run("tensorflow_serving_api", script, addresses.grpc, str(every_question.file))

    def test_every_model_answers_as_tensorflow_does(self, told: Any, every_question: Asked) -> None:
        every_question.check(told["answers"])

    def test_labels_versions_and_many_at_once_answer_the_same(self, told: Any) -> None:
        assert len(told["same"]) == 10
        assert all(answer == told["same"][0] for answer in told["same"])
        assert told["spec"] == {
            "name": KERAS,
            "version": "1",
            "signature_name": "serving_default",
        }
        assert told["filtered"] == ["taste"]

    def test_classify_regress_and_multi_inference(self, told: Any) -> None:
        classes = [
            [(each["label"], each["score"]) for each in row["classes"]]
            for row in told["classify"]["result"]["classifications"]
        ]
        assert classes == [
            [("first", 0.5), ("tag_", 1.5), ("sum", 9)],
            [("first", -2), ("tag_", 300), ("sum", 305)],
        ]
        values = [each["value"] for each in told["regress"]["result"]["regressions"]]
        assert values == [2.5, 4.5]
        classified, regressed = told["multi"]["results"]
        assert classified["classification_result"]["classifications"] == [
            {"classes": [{"score": 3}]}
        ]
        assert regressed["regression_result"]["regressions"] == [{"value": 3}]

    def test_metadata_and_status(self, told: Any) -> None:
        about = told["about"]
        assert about["spec"] == {"name": KERAS, "version": "1"}
        assert about["inputs"]["serving_default"] == ["item", "user"]
        assert about["inputs"]["serve"] == ["item", "user"]
        [status] = about["status"]["model_version_status"]
        assert status.items() >= AVAILABLE.items()

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
    def test_a_refusal_has_its_code_and_a_reason(
        self, told: Any, wrong: str, code: str, text: str
    ) -> None:
        assert told["refused"][wrong]["status"] == code
        assert text in told["refused"][wrong]["text"]


class TestRest:
    """The calls of TensorFlow Serving's REST documentation."""

    pytestmark = needs_client("requests")

    @pytest.fixture(scope="class")
    def told(self, addresses: Addresses) -> Any:
        return run("requests", "tf_serving_rest.py", addresses.url)

    @pytest.fixture
    def keras(self, right: Answers) -> Tensors:
        """The first two rows of the second question."""
        return {name: array[:2] for name, array in right[KERAS][1].items()}

    def test_everything_is_json(self, told: Any) -> None:
        assert {each["type"] for each in told.values()} == {"application/json"}

    @pytest.mark.parametrize("where", ["rows", "version", "label"])
    def test_rows(self, told: Any, keras: Tensors, where: str) -> None:
        rows = told[where]["json"]["predictions"]
        check_answer({name: [row[name] for row in rows] for name in keras}, keras)

    def test_columns(self, told: Any, keras: Tensors) -> None:
        check_answer(told["columns"]["json"]["outputs"], keras)

    def test_one_input_one_output_and_another_signature(self, told: Any) -> None:
        assert told["one_input"]["json"] == {"predictions": [[2.5], [4.5]]}
        assert told["signature"]["json"]["outputs"]["is_far"] == [True]

    def test_bytes_are_base64_both_ways(self, told: Any) -> None:
        dog, cheese, nothing = told["b64"]["json"]["predictions"]
        assert dog == {"id": 1, "same_bytes": {"b64": "ZG9n"}, "upper": "DOG"}
        assert (cheese["id"], cheese["same_bytes"]) == (2, {"b64": "S8Okc2U="})
        assert nothing == {"id": -1, "same_bytes": {"b64": ""}, "upper": ""}

    def test_classify_and_regress(self, told: Any) -> None:
        first = [["first", 0.5], ["tag_", 1.5], ["sum", 9]]
        assert told["classify"]["json"]["results"][0] == first
        assert told["context"]["json"]["results"] == [
            [["first", 0.5], ["tag_a", 1.5], ["sum", 9]],
            [["first", 0.5], ["tag_b", 1.5], ["sum", 3]],
        ]
        assert told["regress"]["json"] == {"results": [2.5, 4.5]}

    @pytest.mark.parametrize("which", ["status", "version_status"])
    def test_status(self, told: Any, which: str) -> None:
        status = {**AVAILABLE, "status": {"error_code": "OK", "error_message": ""}}
        assert told[which]["json"] == {"model_version_status": [status]}

    def test_metadata(self, told: Any) -> None:
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
    def test_a_refusal_has_its_status_and_text(
        self, told: Any, wrong: str, status: int, text: str
    ) -> None:
        assert told[wrong]["status"] == status
        assert told[wrong]["json"].keys() == {"error"}
        assert text in told[wrong]["json"]["error"]
