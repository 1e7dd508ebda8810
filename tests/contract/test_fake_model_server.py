"""The fake model server is judged: it answers as the embedded server does, and as was recorded."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.wrappers_pb2 import Int64Value

from proto.metadata_pb2 import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    SignatureDef,
    SignatureDefMap,
)
from proto.model_pb2 import ModelSpec
from proto.predict_pb2 import PredictRequest, PredictResponse
from proto.status_pb2 import GetModelStatusRequest, GetModelStatusResponse
from serving import tensors
from serving.contract import Signature, Tensors, TensorSpec
from serving.models import MODELS
from tests import faults, stack
from tests.contract.tf_serving import recorded
from tests.fake_model_server import (
    DEFAULT_SIGNATURE,
    FakeModelServer,
    FakeSignature,
    FakeVersion,
    Refused,
)
from tests.fake_models import declared_version, older_version
from tests.in_process import gateway

PREDICT = "/tensorflow.serving.PredictionService/Predict"
METADATA = "/tensorflow.serving.PredictionService/GetModelMetadata"
STATUS = "/tensorflow.serving.ModelService/GetModelStatus"

Ask = Callable[[str, bytes], Any]


def as_shipped() -> FakeModelServer:
    """Serve versions of the numbers, and with the signatures, of those that are shipped."""
    return FakeModelServer(
        {
            name: {number: (older_version if number == 1 else declared_version)(name, number)}
            for name, number in stack.SHIPPED_VERSIONS.items()
        }
    )


Change = Callable[[PredictRequest], None]


def ask_the_fake(server: FakeModelServer, path: str, body: bytes, timeout: float = 60) -> Any:
    """Return the bytes of an answer, or a code and a text."""
    try:
        return asyncio.run(server.answer(path, body, timeout, ()))
    except Refused as refused:
        return refused.code, refused.details


@pytest.fixture(scope="module")
def real(model_server: str) -> Iterator[Ask]:
    """Ask the embedded server, which is ready."""
    with grpc.insecure_channel(model_server) as channel:

        def ask(path: str, body: bytes) -> Any:
            try:
                return channel.unary_unary(path)(body, timeout=stack.START_SECONDS)
            except grpc.RpcError as error:
                return error.code(), error.details()

        def is_ready(model: str) -> bool:
            body = GetModelStatusRequest(model_spec=ModelSpec(name=model)).SerializeToString()
            return bool(ask(STATUS, body) == ask_the_fake(as_shipped(), STATUS, body))

        stack.wait_until(lambda: all(map(is_ready, MODELS)), "loading")
        yield ask


@pytest.fixture(scope="module")
def predictions() -> dict[str, PredictRequest]:
    """What a gateway asks when it is asked for each model's example."""
    with gateway(as_shipped()) as tfgate:
        for name, model in MODELS.items():
            tfgate.client.post(f"/predict/{name}", json=model.example.model_dump(mode="json"))
        return {call.request.model_spec.name: call.request for call in tfgate.server.calls}


@pytest.mark.parametrize("name", MODELS)
def test_a_prediction_has_the_real_ones_form(
    real: Ask, predictions: dict[str, PredictRequest], name: str
) -> None:
    body = predictions[name].SerializeToString()

    fake, truth = (
        PredictResponse.FromString(answer)
        for answer in (ask_the_fake(as_shipped(), PREDICT, body), real(PREDICT, body))
    )

    assert fake.model_spec == truth.model_spec
    assert forms(fake) == forms(truth)


def forms(response: PredictResponse) -> dict[str, tuple[Any, ...]]:
    arrays = {name: tensors.decode(output) for name, output in response.outputs.items()}
    return {name: (array.dtype, array.shape) for name, array in arrays.items()}


@pytest.mark.parametrize("name", MODELS)
def test_signatures_are_told_of_like_the_real_ones(real: Ask, name: str) -> None:
    request = GetModelMetadataRequest(
        model_spec=ModelSpec(name=name), metadata_field=["signature_def"]
    )
    body = request.SerializeToString()

    fake, truth = (
        GetModelMetadataResponse.FromString(answer)
        for answer in (ask_the_fake(as_shipped(), METADATA, body), real(METADATA, body))
    )

    assert fake.model_spec == truth.model_spec
    packed = [each.metadata["signature_def"] for each in (fake, truth)]
    assert packed[0].type_url == packed[1].type_url
    fakes, truths = (SignatureDefMap.FromString(each.value).signature_def for each in packed)
    for signature, definition in fakes.items():
        assert told(definition) == told(truths[signature]), signature


def told(definition: SignatureDef) -> list[Any]:
    """What can be known of a signature; the names of its outputs are TensorFlow's own affair."""
    return [
        definition.method_name,
        {alias: (each.name, each.dtype, dims(each)) for alias, each in definition.inputs.items()},
        {alias: (each.dtype, dims(each)) for alias, each in definition.outputs.items()},
    ]


def dims(info: Any) -> list[int]:
    return [dim.size for dim in info.tensor_shape.dim]


def name_nothing(request: PredictRequest) -> None:
    request.ClearField("model_spec")


def version(number: int) -> Change:
    def change(request: PredictRequest) -> None:
        request.model_spec.version.value = number

    return change


def named(**fields: str) -> Change:
    """Ask with another model, label or signature, and no version."""

    def change(request: PredictRequest) -> None:
        request.model_spec.ClearField("version")
        for name, value in fields.items():
            setattr(request.model_spec, name, value)

    return change


def without(name: str) -> Change:
    def change(request: PredictRequest) -> None:
        del request.inputs[name]

    return change


def another(name: str) -> Change:
    return lambda request: request.inputs[name].CopyFrom(request.inputs["latitude"])


def renamed(request: PredictRequest) -> None:
    another("altitude")(request)
    without("latitude")(request)


def as_text(request: PredictRequest) -> None:
    request.inputs["population"].CopyFrom(request.inputs["ocean_proximity"])


def cut(request: PredictRequest) -> None:
    request.inputs["latitude"].tensor_content = b"\x00"


WRONG: dict[str, Change] = {
    "no model_spec": name_nothing,
    "no name": named(name=""),
    "unknown model": named(name="weather"),
    "unknown version": version(4711),
    "unknown label": named(version_label="canary"),
    "unknown model with a label": named(name="weather", version_label="canary"),
    "unknown signature": named(signature_name="explain_nothing"),
    "input missing": without("latitude"),
    "input too many": another("altitude"),
    "input renamed": renamed,
    "another dtype": as_text,
    "values cut off": cut,
}


def test_wrong_predictions_are_refused_like_by_the_real_one(
    real: Ask, predictions: dict[str, PredictRequest]
) -> None:
    for what, change in WRONG.items():
        request = PredictRequest()
        request.CopyFrom(predictions["housing"])
        change(request)
        body = request.SerializeToString()

        refused = ask_the_fake(as_shipped(), PREDICT, body)

        assert isinstance(refused[0], grpc.StatusCode), what
        assert refused == real(PREDICT, body), what


def test_states_are_told_of_and_refused_in_the_same_words(real: Ask) -> None:
    for spec in (
        ModelSpec(name="housing"),
        ModelSpec(name="housing", version=Int64Value(value=1)),
        ModelSpec(name="housing", version=Int64Value(value=4711)),
        ModelSpec(name="housing", version_label="canary"),
        ModelSpec(name="weather"),
        ModelSpec(),
    ):
        body = GetModelStatusRequest(model_spec=spec).SerializeToString()

        assert ask_the_fake(as_shipped(), STATUS, body) == real(STATUS, body), spec


def test_signatures_are_refused_in_the_same_words(real: Ask) -> None:
    for spec in (
        ModelSpec(name="housing", version=Int64Value(value=4711)),
        ModelSpec(name="housing", version_label="canary"),
        ModelSpec(name="weather"),
        ModelSpec(),
    ):
        request = GetModelMetadataRequest(model_spec=spec, metadata_field=["signature_def"])
        body = request.SerializeToString()

        assert ask_the_fake(as_shipped(), METADATA, body) == real(METADATA, body), spec


def test_what_is_no_request_is_refused_in_the_same_words(real: Ask) -> None:
    for path in (PREDICT, METADATA, STATUS):
        for body in (b"", b"\xff\xff"):
            assert ask_the_fake(as_shipped(), path, body) == real(path, body), (path, body)


def half_plus_two(inputs: Tensors) -> Tensors:
    return {"y": (inputs["x"] / 2 + 2).astype(np.float32)}


def recorded_models() -> FakeModelServer:
    """The models of the recordings that are an arithmetic, with the labels that they had."""
    line = Signature(inputs={"x": TensorSpec("float32")}, outputs={"y": TensorSpec("float32")})
    hp2 = {DEFAULT_SIGNATURE: FakeSignature(line, half_plus_two)}
    server = FakeModelServer(
        {
            "half_plus_two": {123: FakeVersion(hp2)},
            "hp2v": {123: FakeVersion(hp2), 124: FakeVersion(hp2)},
            "slow": {1: FakeVersion(hp2)},
        }
    )
    server.labels = {"hp2v": {"stable": 123, "canary": 124}}
    server.faults["slow"] = faults.hang
    return server


# What was recorded of models, signatures and fields that the fake has not, and of ways to write a
# tensor that no gateway writes.
_NOT_OF_THE_FAKE = (
    *("_filter_", "output_filter", "multi_", "counter_", "tf2_", "via_", "odd_method", "huge"),
    *("meta_hp2", "meta_version", "meta_label", "no_fields", "bad_field", "status_multi"),
    *("wrong_input_name", "unknown_grpc", "scalar", "too_many_values", "zero_values"),
)
RECORDED = [
    case
    for case in recorded.read("grpc_main")
    if case["method"] in ("Predict", "GetModelMetadata", "GetModelStatus")
    and not any(part in case["id"] for part in _NOT_OF_THE_FAKE)
]


def test_the_fake_answers_as_was_recorded() -> None:
    assert len(RECORDED) > 30
    for case in RECORDED:
        path = f"/{case['service']}/{case['method']}"
        timeout = case.get("client_timeout_s", 60)

        found = ask_the_fake(recorded_models(), path, recorded.request_of(case), timeout)

        if "error" in case:
            expected = (case["error"]["code"], case["error"]["message"])
            assert (found[0].name, found[1]) == expected, case["id"]
        elif case["method"] == "GetModelStatus":
            states = GetModelStatusResponse.FromString(recorded.expected(case).answer)
            assert GetModelStatusResponse.FromString(found) == states, case["id"]
        else:
            truth = PredictResponse.FromString(recorded.expected(case).answer)
            fake = PredictResponse.FromString(found)
            assert fake.model_spec == truth.model_spec, case["id"]
            values = [tensors.decode(each.outputs["y"]) for each in (fake, truth)]
            np.testing.assert_array_equal(values[0], values[1], err_msg=case["id"])
