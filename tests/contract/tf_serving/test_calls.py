"""Every recorded call on models that are loaded, repeated against the embedded server."""

import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import predict_pb2

from tests.contract.tf_serving import recorded
from tests.contract.tf_serving.conftest import Serve
from tests.contract.tf_serving.labels import load_recorded
from tests.contract.tf_serving.recorded import Case

CASES = recorded.read("grpc_main")
COUNTER = [case for case in CASES if case["id"].startswith("counter")]
INDEPENDENT = [case for case in CASES if case not in COUNTER]


@pytest.fixture(scope="module")
def server(serve: Serve, models: Path) -> Iterator[grpc.Channel]:
    with serve() as channel:
        load_recorded(channel, models)
        yield channel


@pytest.mark.parametrize("case", INDEPENDENT, ids=lambda case: case["id"])
def test_answers_as_recorded(server: grpc.Channel, models: Path, case: Case) -> None:
    if case["id"] == "deadline_exceeded":
        case = recorded.until_released(case)
    with_paths: Case = json.loads(json.dumps(case).replace("${MODELS}", str(models)))
    assert recorded.ask(server, with_paths) == recorded.expected(case)


def test_counter_keeps_its_state_between_calls(server: grpc.Channel) -> None:
    reset, *others = COUNTER
    increment = json.loads(json.dumps(reset).replace("reset_counter", "incr_counter"))
    assert recorded.ask(server, reset) == recorded.expected(reset)
    assert recorded.ask(server, increment).code == "OK"
    for case in others:
        assert recorded.ask(server, case) == recorded.expected(case)


def test_messages_far_beyond_grpcs_default_limit(server: grpc.Channel) -> None:
    count = 2_000_000  # 8 MB each way; the limit of a stock server or client is 4
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "half_plus_two"
    tensor = request.inputs["x"]
    tensor.dtype = 1
    tensor.tensor_shape.dim.add(size=count)
    tensor.tensor_content = np.arange(count, dtype=np.float32).tobytes()
    call = server.unary_unary("/tensorflow.serving.PredictionService/Predict")
    answer = predict_pb2.PredictResponse.FromString(call(request.SerializeToString(), timeout=60))
    y = np.array(answer.outputs["y"].float_val, np.float32)
    np.testing.assert_array_equal(y, np.arange(count, dtype=np.float32) / 2 + 2)


def test_names_of_what_is_not_covered_are_no_cases_here() -> None:
    listed = json.loads((recorded.RECORDINGS / "not_covered.json").read_text(encoding="utf-8"))
    for recording, reasons in listed.items():
        path = recorded.RECORDINGS / f"{recording}.json"
        replayed = {case["id"] for case in recorded.read(recording)} if path.exists() else set()
        for reason, names in reasons.items():
            assert reason
            assert not replayed & set(names)
