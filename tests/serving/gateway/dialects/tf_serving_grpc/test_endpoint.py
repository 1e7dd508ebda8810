"""TensorFlow Serving's services as the gateway passes them through, before the fake model server.

What the real one answers is replayed in tests/contract/tf_serving.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.example_calls_pb2 import ExampleRequest, MultiInferenceRequest
from proto.predict_pb2 import PredictRequest, PredictResponse
from proto.status_pb2 import GetModelStatusRequest, GetModelStatusResponse
from proto.tensor_pb2 import DT_FLOAT
from serving import tensors
from serving.contract import Signature, Tensors, TensorSpec
from serving.gateway.server.grpc_as_http import Reply
from tests import faults
from tests.fake_model_server import FakeModelServer, FakeSignature, FakeVersion
from tests.in_process import Gateway, gateway
from tests.serving.gateway.dialects.damaged import check_beside_a_neighbour, damaged
from tfgate.keys import create

PREDICTION = "/tensorflow.serving.PredictionService"
MODEL = "/tensorflow.serving.ModelService"
OK, INVALID = grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT
TWO_EXAMPLES = {"example_list_with_context": {"examples": [b"", b""]}}
CLIENT = {
    *(INVALID, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION),
    *(grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.RESOURCE_EXHAUSTED),
}


def half_plus_two(inputs: Tensors) -> Tensors:
    with np.errstate(invalid="ignore"):  # TensorFlow casts what no integer is, too
        return {"y": inputs["x"] / 2 + 2, "n": inputs["x"].astype(np.int64)}


def version() -> FakeVersion:
    """A version with a signature that has a batch, and one that has none."""
    rows = Signature(
        inputs={"x": TensorSpec("float32")},
        outputs={"y": TensorSpec("float32"), "n": TensorSpec("int64")},
    )
    scalar = Signature(
        inputs={"x": TensorSpec("float32", ())}, outputs={"y": TensorSpec("float32", ())}
    )
    return FakeVersion(
        {
            "serving_default": FakeSignature(rows, half_plus_two),
            "scalar": FakeSignature(scalar, lambda inputs: {"y": inputs["x"] * 2}),
        }
    )


@pytest.fixture(scope="module")
def server() -> FakeModelServer:
    server = FakeModelServer({"half": {1: version(), 2: version()}})
    server.labels["half"] = {"stable": 1}
    return server


@pytest.fixture(scope="module")
def ready(server: FakeModelServer) -> Iterator[Gateway]:
    with gateway(server, generic_models=("half",), max_body_bytes=100_000) as started:
        started.wait_until(lambda: "half" not in started.missing(), "the model")
        yield started


def question(
    values: Any = (1.0, 2.0), *, outputs: tuple[str, ...] = (), **spec: Any
) -> PredictRequest:
    request = PredictRequest(output_filter=outputs)
    request.model_spec.name = spec.pop("name", "half")
    request.model_spec.signature_name = spec.pop("signature_name", "")
    request.model_spec.version_label = spec.pop("label", "")
    if not request.model_spec.version_label:
        request.model_spec.ClearField("version_label")
    if "version" in spec:
        request.model_spec.version.value = spec.pop("version")
    array = np.array(values, np.float32)
    request.inputs["x"].ParseFromString(tensors.encode(array).SerializeToString())
    return request


def predict(gateway: Gateway, request: PredictRequest, **metadata: str) -> PredictResponse:
    reply = gateway.call(f"{PREDICTION}/Predict", request.SerializeToString(), metadata)
    assert reply.code is OK, reply.details
    return PredictResponse.FromString(reply.body)


def refusal(gateway: Gateway, request: PredictRequest) -> tuple[Any, str]:
    reply = gateway.call(f"{PREDICTION}/Predict", request.SerializeToString())
    assert not reply.body
    assert dict(reply.metadata)["x-request-id"]
    return reply.code, reply.details


def test_answers_come_in_typed_fields_and_say_who_gave_them(ready: Gateway) -> None:
    response = predict(ready, question())

    assert list(response.outputs["y"].float_val) == [2.5, 3]
    assert list(response.outputs["n"].int64_val) == [1, 2]
    assert not response.outputs["y"].tensor_content
    spec = response.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("half", 2, "serving_default")


def test_a_version_a_label_and_outputs_may_be_chosen(ready: Gateway) -> None:
    assert predict(ready, question(version=1)).model_spec.version.value == 1
    assert predict(ready, question(label="stable")).model_spec.version.value == 1
    assert set(predict(ready, question(outputs=("y",))).outputs) == {"y"}


def test_calls_at_the_same_time_share_one_of_the_model_server(
    ready: Gateway, server: FakeModelServer
) -> None:
    before = len(server.calls)

    async def ask_all() -> list[Reply]:
        return await asyncio.gather(
            *[
                ready.calling(f"{PREDICTION}/Predict", question((i,)).SerializeToString())
                for i in range(20)
            ]
        )

    replies = ready.run(ask_all())

    answers = [PredictResponse.FromString(reply.body) for reply in replies]
    assert [answer.outputs["y"].float_val[0] for answer in answers] == [
        i / 2 + 2 for i in range(20)
    ]
    assert len(server.calls) - before < 20


def test_what_has_no_batch_goes_as_it_came_to_the_version_whose_signature_was_read(
    ready: Gateway, server: FakeModelServer
) -> None:
    request = question(3.0, signature_name="scalar")
    request.inputs["x"].ClearField("tensor_content")
    request.inputs["x"].float_val.append(3)

    response = predict(ready, request)

    # Had it been read, it would have been written in another way.
    request.model_spec.version.value = 2
    assert server.calls[-1].request == request
    assert response.model_spec.signature_name == "scalar"


def test_brackets_around_single_values_are_the_graphs_affair(
    ready: Gateway, server: FakeModelServer
) -> None:
    """As in TensorFlow Serving's own first example, whose signature has one dimension more."""
    request = question([[1.0], [2.0]])

    response = predict(ready, request)

    request.model_spec.version.value = 2
    assert server.calls[-1].request == request
    assert tensors.decode(response.outputs["y"]).tolist() == [[2.5], [3]]


def test_values_left_out_are_the_last_one_or_nought(ready: Gateway) -> None:
    for values, expected in [([1, 7], [2.5, 5.5, 5.5]), ([], [2, 2, 2]), ([1] * 9, [2.5] * 3)]:
        request = question()
        request.inputs["x"].ClearField("tensor_content")
        request.inputs["x"].tensor_shape.dim[0].size = 3
        request.inputs["x"].float_val.extend(values)

        assert list(predict(ready, request).outputs["y"].float_val) == expected


@pytest.mark.parametrize("sizes", [[25_002], [2**40], [2**62, 2**62], [1] * 65, [-1], [2**62] * 40])
def test_a_small_message_does_not_fill_the_memory(
    ready: Gateway, server: FakeModelServer, sizes: list[int]
) -> None:
    before = len(server.calls)
    request = question()
    tensor = request.inputs["x"]
    tensor.ClearField("tensor_content")
    tensor.ClearField("tensor_shape")
    tensor.float_val.append(1)
    for size in sizes:
        tensor.tensor_shape.dim.add(size=size)

    code, said = refusal(ready, request)

    assert code is INVALID
    assert said.startswith("input 'x': ")
    assert len(server.calls) == before


def test_a_shape_of_many_dimensions_is_not_multiplied_out(ready: Gateway) -> None:
    request = question()
    for _ in range(64):
        request.inputs["x"].tensor_shape.dim.add(size=2**62)

    _, said = refusal(ready, request)

    assert "its shape has 65 dimensions" in said


def test_few_inputs_share_what_may_be_made_of_little(ready: Gateway) -> None:
    request = question()
    for name in ("x", "z"):
        tensor = request.inputs[name]
        tensor.dtype = DT_FLOAT
        tensor.ClearField("tensor_content")
        tensor.ClearField("tensor_shape")
        tensor.tensor_shape.dim.add(size=15_000)
        tensor.float_val.append(1)

    _, said = refusal(ready, request)

    assert "stands for more than" in said


REFUSED: dict[str, tuple[PredictRequest, grpc.StatusCode, str]] = {
    "no model_spec": (PredictRequest(), INVALID, "Missing ModelSpec"),
    "no name": (question(name=""), INVALID, "ModelSpec has no name specified."),
    "unknown model": (question(name="nope"), grpc.StatusCode.NOT_FOUND, "there is no model 'nope'"),
    "unknown version": (question(version=9), grpc.StatusCode.NOT_FOUND, "Specific(half, 9)"),
    "unknown label": (question(label="zz"), INVALID, "Unrecognized servable version label: zz"),
    "unknown signature": (
        question(signature_name="zz"),
        *(grpc.StatusCode.FAILED_PRECONDITION, "there are scalar, serving_default"),
    ),
    "unknown output": (question(outputs=("zz",)), INVALID, "there is no output 'zz'"),
    "output twice": (question(outputs=("y", "y")), INVALID, "named twice"),
    "wrong shape": (
        question([[1.0, 2.0], [3.0, 4.0]]),
        INVALID,
        "input x has the shape [2, 2]; expected is",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_has_tensorflow_servings_code(ready: Gateway, case: str) -> None:
    request, code, said = REFUSED[case]

    refused = refusal(ready, request)

    assert refused[0] is code
    assert said in refused[1]


def test_what_the_model_server_says_of_a_request_is_passed_on(
    ready: Gateway, server: FakeModelServer
) -> None:
    codes = {
        grpc.StatusCode.INVALID_ARGUMENT: (INVALID, "the kernel's text"),
        grpc.StatusCode.FAILED_PRECONDITION: (grpc.StatusCode.FAILED_PRECONDITION, "kernel's"),
        # These are nobody's business but the operators'.
        grpc.StatusCode.PERMISSION_DENIED: (grpc.StatusCode.INTERNAL, "half failed"),
        grpc.StatusCode.UNAUTHENTICATED: (grpc.StatusCode.INTERNAL, "half failed"),
        grpc.StatusCode.UNAVAILABLE: (grpc.StatusCode.UNAVAILABLE, "cannot be reached"),
        grpc.StatusCode.RESOURCE_EXHAUSTED: (grpc.StatusCode.RESOURCE_EXHAUSTED, "no more calls"),
    }
    for theirs, (ours, said) in codes.items():
        server.faults["half"] = faults.fail(theirs, "the kernel's text")
        try:
            code, told = refusal(ready, question())
        finally:
            del server.faults["half"]
        assert code is ours
        assert said in told


def test_a_reload_is_not_passed_on(ready: Gateway) -> None:
    reply = ready.call(f"{MODEL}/HandleReloadConfigRequest", b"")

    assert reply.code is grpc.StatusCode.UNIMPLEMENTED
    assert "models.config" in reply.details


def test_states_are_passed_on(ready: Gateway) -> None:
    request = GetModelStatusRequest()
    request.model_spec.name = "half"

    reply = ready.call(f"{MODEL}/GetModelStatus", request.SerializeToString())

    response = GetModelStatusResponse.FromString(reply.body)
    assert [each.version for each in response.model_version_status] == [2, 1]


def test_examples_are_rows_and_pass_as_they_came(server: FakeModelServer, tmp_path: Path) -> None:
    one = ExampleRequest(model_spec={"name": "half"}, input=TWO_EXAMPLES)
    several = MultiInferenceRequest(tasks=[{"model_spec": {"name": "half"}}], input=TWO_EXAMPLES)
    asked = {"Classify": one, "Regress": one, "MultiInference": several}
    file = tmp_path / "keys.jsonl"
    keys = {method: create(file, method.lower(), rates=["3 rows/hour"]) for method in asked}
    stranger = create(file, "stranger", models=["housing"])
    server.nonsense.update({method: method.encode() for method in asked})
    try:
        with gateway(server, generic_models=("half",), keys_file=file) as guarded:
            for method, request in asked.items():
                path, content = f"{PREDICTION}/{method}", request.SerializeToString()
                first = guarded.call(path, content, {"x-api-key": keys[method]})
                assert (first.code, first.body) == (OK, method.encode())
                second = guarded.call(path, content, {"x-api-key": keys[method]})
                assert second.code is grpc.StatusCode.RESOURCE_EXHAUSTED
                third = guarded.call(path, content, {"x-api-key": stranger})
                assert third.code is grpc.StatusCode.PERMISSION_DENIED
    finally:
        server.nonsense.clear()


def test_tasks_of_two_models_are_refused(ready: Gateway) -> None:
    request = MultiInferenceRequest()
    request.tasks.add().model_spec.name = "half"
    request.tasks.add().model_spec.name = "another"

    reply = ready.call(f"{PREDICTION}/MultiInference", request.SerializeToString())

    assert reply.code is INVALID
    assert "same model" in reply.details


METHODS = [f"{PREDICTION}/Predict", f"{MODEL}/GetModelStatus"]


@given(damaged(question().SerializeToString()), st.sampled_from(METHODS))
def test_no_bytes_are_our_fault_or_hurt_a_neighbour(
    ready: Gateway, damage: bytes, method: str
) -> None:
    good = f"{PREDICTION}/Predict", question().SerializeToString()

    code = check_beside_a_neighbour(ready, (method, damage), good)

    assert code in {OK, *CLIENT}
