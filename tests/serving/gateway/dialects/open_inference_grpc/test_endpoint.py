"""The Open Inference Protocol over gRPC, from message to message, before the fake model server."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import grpc
import numpy as np
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from proto import open_inference_pb2 as messages
from proto.status_pb2 import ModelVersionStatus
from serving.contract import Signature, Tensors, TensorSpec
from serving.gateway.server.grpc_as_http import Reply
from tests import faults
from tests.fake_model_server import FakeModelServer, FakeSignature, FakeVersion
from tests.fake_models import declared_models
from tests.in_process import Gateway, gateway
from tests.serving.gateway.dialects.damaged import check_beside_a_neighbour, damaged
from tfgate.keys import create

SERVICE = "/inference.GRPCInferenceService"
NOTHING = messages.ServerLiveRequest()
OK = grpc.StatusCode.OK
# Statuses that say that it is the client who is to do something else.
CLIENT = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
T = TypeVar("T", bound=Message)


def twice(inputs: Tensors) -> Tensors:
    return {"y": inputs["x"] * 2, "n": np.char.str_len(inputs["s"].astype("S")).astype(np.int32)}


def doubling() -> FakeVersion:
    """A version of a generic model: two inputs, two outputs, and a second signature."""
    default = Signature(
        inputs={"x": TensorSpec("float32", (None, 2)), "s": TensorSpec("string")},
        outputs={"y": TensorSpec("float32", (None, 2)), "n": TensorSpec("int32")},
    )
    half = Signature(inputs={"h": TensorSpec("float16")}, outputs={"h": TensorSpec("float16")})
    return FakeVersion(
        {
            "serving_default": FakeSignature(default, twice),
            "half": FakeSignature(half, lambda inputs: {"h": inputs["h"] / 2}),
        }
    )


@pytest.fixture(scope="module")
def server() -> FakeModelServer:
    server = declared_models()
    server.models["doubling"] = {1: doubling(), 2: doubling()}
    return server


@pytest.fixture(scope="module")
def ready(server: FakeModelServer) -> Iterator[Gateway]:
    with gateway(server) as started:
        started.wait_until_ready()
        yield started


def call(gateway: Gateway, method: str, request: Message, **metadata: str) -> Reply:
    return gateway.call(f"{SERVICE}/{method}", request.SerializeToString(), metadata)


def answer(reply: Reply, kind: type[T]) -> T:
    assert reply.code is OK, reply.details
    return kind.FromString(reply.body)


def question(rows: int = 1, **more: Any) -> messages.ModelInferRequest:
    """Ask `doubling` for rows of 1 and 2."""
    x = np.tile(np.array([1, 2], "<f4"), (rows, 1))
    return messages.ModelInferRequest(
        model_name="doubling",
        inputs=[
            {"name": "x", "datatype": "FP32", "shape": [rows, 2]},
            {"name": "s", "datatype": "BYTES", "shape": [rows]},
        ],
        raw_input_contents=[x.tobytes(), b"\x03\0\0\0abc" * rows],
        **more,
    )


def test_the_server_is_live_and_ready_and_says_who_it_is(ready: Gateway) -> None:
    live = answer(call(ready, "ServerLive", NOTHING), messages.ServerLiveResponse)
    is_ready = answer(call(ready, "ServerReady", NOTHING), messages.ServerReadyResponse)
    told = answer(call(ready, "ServerMetadata", NOTHING), messages.ServerMetadataResponse)

    assert live.live
    assert is_ready.ready
    assert told.name == "tfgate"
    assert "model_repository" in told.extensions


def test_a_server_is_not_ready_while_no_model_can_be_asked() -> None:
    server = declared_models()
    server.reachable = False
    with gateway(server) as alone:
        live = answer(call(alone, "ServerLive", NOTHING), messages.ServerLiveResponse)
        is_ready = answer(call(alone, "ServerReady", NOTHING), messages.ServerReadyResponse)

    assert live.live
    assert not is_ready.ready


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        *[("housing", "", True), ("housing", "1", True), ("housing", "2", False)],
        *[("doubling", "2", True), ("nope", "", False), ("nope", "1", False)],
    ],
)
def test_a_model_is_ready_or_not(ready: Gateway, name: str, version: str, expected: bool) -> None:
    request = messages.ModelReadyRequest(name=name, version=version)

    told = answer(call(ready, "ModelReady", request), messages.ModelReadyResponse)

    assert told.ready is expected


def test_the_tensors_of_a_model_are_told(ready: Gateway) -> None:
    request = messages.ModelMetadataRequest(name="doubling")

    told = answer(call(ready, "ModelMetadata", request), messages.ModelMetadataResponse)

    assert (told.name, list(told.versions)) == ("doubling", ["2", "1"])
    assert told.platform == "tensorflow_savedmodel"
    inputs = {each.name: (each.datatype, list(each.shape)) for each in told.inputs}
    assert inputs == {"x": ("FP32", [-1, 2]), "s": ("BYTES", [-1])}
    outputs = {each.name: (each.datatype, list(each.shape)) for each in told.outputs}
    assert outputs == {"y": ("FP32", [-1, 2]), "n": ("INT32", [-1])}


def test_the_index_tells_of_every_version_that_is_known() -> None:
    server = FakeModelServer({"doubling": {1: doubling(), 2: doubling()}})
    server.models["doubling"][2].state = ModelVersionStatus.LOADING
    with gateway(server, generic_models=("doubling",)) as some:
        some.wait_until(lambda: "doubling" not in some.missing(), "the model")
        everything = messages.RepositoryIndexRequest()
        told = answer(call(some, "RepositoryIndex", everything), messages.RepositoryIndexResponse)
        only_ready = messages.RepositoryIndexRequest(ready=True)
        ready = answer(call(some, "RepositoryIndex", only_ready), messages.RepositoryIndexResponse)

    states = {(each.name, each.version): each.state for each in told.models}
    assert states["doubling", "2"] == "LOADING"
    assert states["doubling", "1"] == "READY"
    assert states["housing", ""] == "UNAVAILABLE"
    assert [(each.name, each.version) for each in ready.models] == [("doubling", "1")]


def test_rows_are_answered_by_the_newest_version(ready: Gateway) -> None:
    reply = call(ready, "ModelInfer", question(2, id="7"))

    told = answer(reply, messages.ModelInferResponse)
    assert (told.model_name, told.model_version, told.id) == ("doubling", "2", "7")
    outputs = dict(zip([each.name for each in told.outputs], told.raw_output_contents, strict=True))
    assert np.frombuffer(outputs["y"], "<f4").tolist() == [2, 4, 2, 4]
    assert np.frombuffer(outputs["n"], "<i4").tolist() == [3, 3]
    metadata = dict(reply.metadata)
    assert (metadata["x-model-name"], metadata["x-model-version"]) == ("doubling", "2")
    assert metadata["x-request-id"]


def test_a_version_an_output_and_a_signature_may_be_chosen(ready: Gateway) -> None:
    request = question(model_version="1", outputs=[{"name": "n"}])
    told = answer(call(ready, "ModelInfer", request), messages.ModelInferResponse)
    assert told.model_version == "1"
    assert [each.name for each in told.outputs] == ["n"]

    half = messages.ModelInferRequest(
        model_name="doubling",
        inputs=[{"name": "h", "datatype": "FP16", "shape": [1]}],
        raw_input_contents=[np.array([3], np.float16).tobytes()],
        parameters={"signature_name": messages.InferParameter(string_param="half")},
    )
    told = answer(call(ready, "ModelInfer", half), messages.ModelInferResponse)
    assert np.frombuffer(told.raw_output_contents[0], np.float16).tolist() == [1.5]


def test_a_typed_model_is_asked_by_its_tensors(ready: Gateway) -> None:
    request = messages.ModelInferRequest(
        model_name="sentiment",
        inputs=[
            {
                "name": "text",
                "datatype": "BYTES",
                "shape": [1],
                "contents": {"bytes_contents": [b"a good one"]},
            }
        ],
        outputs=[{"name": "scores"}],
    )

    told = answer(call(ready, "ModelInfer", request), messages.ModelInferResponse)

    assert len(told.outputs[0].contents.fp32_contents) == 2


def test_calls_at_the_same_time_share_one_of_the_model_server(
    ready: Gateway, server: FakeModelServer
) -> None:
    before = len(server.calls)

    async def ask_all() -> list[Reply]:
        content = question().SerializeToString()
        return await asyncio.gather(
            *[ready.calling(f"{SERVICE}/ModelInfer", content) for _ in range(20)]
        )

    replies = ready.run(ask_all())

    assert {reply.code for reply in replies} == {OK}
    assert len(server.calls) - before < 20


REFUSED: dict[str, tuple[str, Message, grpc.StatusCode, str]] = {
    "unknown model": (
        *("ModelInfer", question(model_version="")),
        *(grpc.StatusCode.NOT_FOUND, "there is no model 'nope'"),
    ),
    "unknown version": (
        *("ModelInfer", question(model_version="77")),
        *(grpc.StatusCode.NOT_FOUND, "version 77 of doubling"),
    ),
    "version in words": (
        *("ModelInfer", question(model_version="newest")),
        *(grpc.StatusCode.INVALID_ARGUMENT, "'newest' is no number"),
    ),
    "unknown output": (
        *("ModelInfer", question(outputs=[{"name": "z"}])),
        *(grpc.StatusCode.INVALID_ARGUMENT, "there is no output 'z'; there are n, y"),
    ),
    "output twice": (
        *("ModelInfer", question(outputs=[{"name": "n"}, {"name": "n"}])),
        *(grpc.StatusCode.INVALID_ARGUMENT, "named twice"),
    ),
    "unknown signature": (
        "ModelInfer",
        question(parameters={"signature_name": messages.InferParameter(string_param="z")}),
        *(grpc.StatusCode.INVALID_ARGUMENT, "no signature 'z'; there are half, serving_default"),
    ),
    "metadata of an unknown model": (
        *("ModelMetadata", messages.ModelMetadataRequest(name="nope")),
        *(grpc.StatusCode.NOT_FOUND, "there is no model 'nope'"),
    ),
    "loading": (
        *("RepositoryModelLoad", NOTHING),
        *(grpc.StatusCode.UNIMPLEMENTED, "models.config"),
    ),
    "configuration": ("ModelConfig", NOTHING, grpc.StatusCode.UNIMPLEMENTED, "ModelMetadata"),
    "no such method": ("Fly", NOTHING, grpc.StatusCode.UNIMPLEMENTED, "there is no 'Fly'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_says_why(ready: Gateway, server: FakeModelServer, case: str) -> None:
    method, request, code, said = REFUSED[case]
    if case == "unknown model":
        assert isinstance(request, messages.ModelInferRequest)
        request.model_name = "nope"
    before = len(server.calls)

    reply = call(ready, method, request)

    assert reply.code is code
    assert said in reply.details
    assert dict(reply.metadata)["x-request-id"]
    assert len(server.calls) == before


def test_tensors_that_do_not_fit_are_refused_before_the_model_server_is_asked(
    ready: Gateway, server: FakeModelServer
) -> None:
    before = len(server.calls)
    request = question()
    request.inputs[0].datatype, request.inputs[1].name = "INT32", "t"

    reply = call(ready, "ModelInfer", request)

    assert reply.code is grpc.StatusCode.INVALID_ARGUMENT
    for said in ("input x is int32; expected is float32[batch, 2]", "s is missing", "t is unknown"):
        assert said in reply.details
    assert len(server.calls) == before


def test_an_error_in_a_stream_is_a_message(ready: Gateway) -> None:
    good = answer(
        call(ready, "ModelStreamInfer", question(id="7")), messages.ModelStreamInferResponse
    )
    bad = call(ready, "ModelStreamInfer", question(model_version="77"))

    assert good.infer_response.id == "7"
    assert not good.error_message
    told = messages.ModelStreamInferResponse.FromString(bad.body)
    assert "version 77 of doubling" in told.error_message
    assert bad.code is grpc.StatusCode.NOT_FOUND


def test_the_time_that_a_request_or_its_client_has_is_kept(server: FakeModelServer) -> None:
    server.faults["doubling"] = faults.hang
    timeout = messages.InferParameter(int64_param=1000)
    try:
        with gateway(server) as patient:
            patient.wait_until_ready()
            stated = call(patient, "ModelInfer", question(parameters={"timeout": timeout}))
            told = call(patient, "ModelInfer", question(), **{"grpc-timeout": "1m"})
    finally:
        del server.faults["doubling"]

    for reply in (stated, told):
        assert reply.code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_keys_come_as_metadata(server: FakeModelServer, tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    everything, narrow = create(file, "everything"), create(file, "narrow", models=["housing"])
    limited = create(file, "limited", rates=["3 rows/hour"])
    with gateway(server, keys_file=file) as guarded:
        guarded.wait_until_ready()
        assert call(guarded, "ServerReady", NOTHING).code is OK
        for metadata, code in [
            ({}, grpc.StatusCode.UNAUTHENTICATED),
            ({"x-api-key": "wrong"}, grpc.StatusCode.UNAUTHENTICATED),
            ({"authorization": f"Bearer {narrow}"}, grpc.StatusCode.PERMISSION_DENIED),
            ({"authorization": f"Bearer {everything}"}, OK),
            ({"x-api-key": everything}, OK),
            ({"x-api-key": limited}, OK),
            ({"x-api-key": limited}, grpc.StatusCode.RESOURCE_EXHAUSTED),
        ]:
            reply = call(guarded, "ModelInfer", question(2), **metadata)
            assert reply.code is code
        assert int(dict(reply.metadata)["retry-after"]) > 0
        assert call(guarded, "ModelReady", NOTHING).code is grpc.StatusCode.UNAUTHENTICATED


@given(damaged(question().SerializeToString()), st.sampled_from(["ModelInfer", "ModelReady"]))
def test_no_bytes_are_our_fault_or_hurt_a_neighbour(
    ready: Gateway, damage: bytes, method: str
) -> None:
    good = f"{SERVICE}/ModelInfer", question().SerializeToString()

    code = check_beside_a_neighbour(ready, (f"{SERVICE}/{method}", damage), good)

    assert code in {OK, *CLIENT}
