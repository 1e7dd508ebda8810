"""What hostile and unlucky clients meet, the same in each dialect."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from proto import open_inference_pb2 as oip
from proto.predict_pb2 import PredictRequest, PredictResponse
from proto.tensor_pb2 import DT_FLOAT
from serving import tensors
from serving.contract import Signature, Tensors, TensorSpec
from serving.gateway.server.grpc_as_http import Reply
from tests.fake_model_server import (
    DEFAULT_SIGNATURE,
    FakeModelServer,
    FakeSignature,
    FakeVersion,
    Fault,
    PredictCall,
)
from tests.fake_models import declared_models
from tests.faults import Hold, fail, if_inside
from tests.in_process import Gateway, gateway
from tests.visitor import Answer
from tfgate.keys import create

OK = grpc.StatusCode.OK
# Its folder is named after a time in nanoseconds.
LATE = 1_700_000_000_000_000_000


def line(dtype: str, slope: float) -> FakeVersion:
    """A version that answers slope · x, in numbers of a dtype."""
    signature = Signature({"x": TensorSpec("float32")}, {"y": TensorSpec(dtype)})

    def run(given: Tensors) -> Tensors:
        return {"y": (slope * given["x"]).astype(dtype)}

    return FakeVersion({DEFAULT_SIGNATURE: FakeSignature(signature, run)})


def rows() -> FakeVersion:
    """A version whose rows are of any length."""
    signature = Signature({"x": TensorSpec("float32", (None, None))}, {"y": TensorSpec("float32")})
    return FakeVersion(
        {DEFAULT_SIGNATURE: FakeSignature(signature, lambda given: {"y": given["x"].sum(axis=1)})}
    )


@pytest.fixture
def server() -> FakeModelServer:
    server = declared_models()
    server.models["line"] = {1: line("float32", 2)}
    server.labels["line"] = {"stable": 1}
    server.models["rows"] = {LATE: rows()}
    return server


@pytest.fixture
def tfgate(server: FakeModelServer) -> Iterator[Gateway]:
    with gateway(server, max_calls_in_flight=1) as tfgate:
        for name in ("line", "rows"):
            assert tfgate.client.get(f"/readyz/{name}").status_code == 200
        yield tfgate


def replaced(server: FakeModelServer) -> Fault:
    """Replace version 1 by one of another dtype, while a call is on its way to it."""

    async def fault(call: PredictCall) -> PredictResponse:
        del server.faults["line"]
        server.models["line"] = {2: line("float64", 3)}
        server.labels["line"] = {"stable": 2}
        return call.answer()

    return fault


def grpc_call(tfgate: Gateway, request: PredictRequest | oip.ModelInferRequest) -> Reply:
    path = "/tensorflow.serving.PredictionService/Predict"
    if isinstance(request, oip.ModelInferRequest):
        path = "/inference.GRPCInferenceService/ModelInfer"
    return tfgate.call(path, request.SerializeToString())


def predict(array: Any, **spec: Any) -> PredictRequest:
    request = PredictRequest(model_spec=spec)
    tensors.encode_all(request.inputs, {"x": array})
    return request


def infer_body(shape: list[int], data: list[float]) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "datatype": "FP32", "shape": shape, "data": data}]}


def by_rest(tfgate: Gateway, document: dict[str, Any], path: str) -> Any:
    answer = tfgate.ask(f"/v1/models/line{path}:predict", document).answer()
    assert answer.status == 200, answer.document
    return answer.document


def by_http(tfgate: Gateway, path: str) -> list[float]:
    answer = tfgate.ask(f"/v2/models/line{path}/infer", infer_body([1], [5])).answer()
    assert answer.status == 200, answer.document
    found: list[float] = answer.document["outputs"][0]["data"]
    return found


def by_infer_over_grpc(tfgate: Gateway) -> list[float]:
    tensor = {"name": "x", "datatype": "FP32", "shape": [1], "contents": {"fp32_contents": [5]}}
    reply = grpc_call(tfgate, oip.ModelInferRequest(model_name="line", inputs=[tensor]))
    assert reply.code is OK, reply.details
    [output] = oip.ModelInferResponse.FromString(reply.body).outputs
    return list(output.contents.fp64_contents)


def by_predict_over_grpc(tfgate: Gateway, **spec: Any) -> list[float]:
    reply = grpc_call(tfgate, predict(np.array([5], np.float32), name="line", **spec))
    assert reply.code is OK, reply.details
    return list(PredictResponse.FromString(reply.body).outputs["y"].double_val)


ASKING: dict[str, Callable[[Gateway], Any]] = {
    "rest": lambda tfgate: by_rest(tfgate, {"instances": [5]}, "")["predictions"],
    "rest by label": lambda tfgate: by_rest(tfgate, {"instances": [5]}, "/labels/stable")[
        "predictions"
    ],
    "rest with other brackets": lambda tfgate: by_rest(
        tfgate, {"instances": [[5]]}, "/labels/stable"
    )["predictions"][0],
    "http": lambda tfgate: by_http(tfgate, ""),
    "http by label": lambda tfgate: by_http(tfgate, "/versions/stable"),
    "infer over grpc": by_infer_over_grpc,
    "predict over grpc": by_predict_over_grpc,
    "predict over grpc by label": lambda tfgate: by_predict_over_grpc(
        tfgate, version_label="stable"
    ),
}


@pytest.mark.parametrize("asking", ASKING)
def test_who_names_no_version_does_not_notice_that_its_signature_changes(
    tfgate: Gateway, server: FakeModelServer, asking: str
) -> None:
    server.faults["line"] = replaced(server)

    assert ASKING[asking](tfgate) == [15]


def test_a_version_that_was_named_and_has_gone_is_not_replaced(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    server.faults["line"] = replaced(server)

    answer = tfgate.ask("/v2/models/line/versions/1/infer", infer_body([1], [5])).answer()

    assert answer.status == 404


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (grpc.StatusCode.OUT_OF_RANGE, 400),
        *[
            (code, 502)
            for code in (
                *(grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS),
                *(grpc.StatusCode.NOT_FOUND, grpc.StatusCode.RESOURCE_EXHAUSTED),
                *(grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.ABORTED),
                *(grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.UNAVAILABLE),
            )
        ],
    ],
)
def test_a_row_at_which_a_kernel_fails_costs_its_neighbours_nothing(
    tfgate: Gateway, server: FakeModelServer, code: grpc.StatusCode, status: int
) -> None:
    stumble = fail(code, "row 7 is bad [[{{node unpack}}]]")
    hold = server.faults["line"] = Hold(if_inside("x", 7.0, stumble))
    visitors = [
        tfgate.ask("/v2/models/line/infer", infer_body([1], [number])) for number in range(10)
    ]
    tfgate.wait_until_inside(10)
    hold.release()

    answers: list[Answer] = [visitor.answer() for visitor in visitors]

    assert [answer.status for answer in answers] == [200] * 7 + [status] + [200] * 2


# A batch of so many rows costs nothing to send, and all memory to answer.
@pytest.mark.parametrize("shape", [[2**24, 0], [2**31, 0], [2**62, 0], [0, 2**62]])
def test_a_shape_without_elements_is_no_way_to_ask_for_memory(
    tfgate: Gateway, server: FakeModelServer, shape: list[int]
) -> None:
    tensor = {"name": "x", "datatype": "FP32", "shape": shape}
    sent = PredictRequest(model_spec={"name": "rows"})
    sent.inputs["x"].dtype = DT_FLOAT
    for size in shape:
        sent.inputs["x"].tensor_shape.dim.add(size=size)

    http = tfgate.ask("/v2/models/rows/infer", infer_body(shape, [])).answer()
    replies = [
        grpc_call(tfgate, oip.ModelInferRequest(model_name="rows", inputs=[tensor])),
        grpc_call(tfgate, sent),
    ]

    assert http.status == 400
    assert re.search("input '?x'?", http.document["error"])
    assert [reply.code for reply in replies] == [grpc.StatusCode.INVALID_ARGUMENT] * 2
    assert server.calls == []


def test_rows_without_elements_are_rows(tfgate: Gateway) -> None:
    answer = tfgate.ask("/v2/models/rows/infer", infer_body([3, 0], [])).answer()

    assert answer.document["outputs"][0]["data"] == [0, 0, 0]


def test_a_version_may_have_all_digits_that_a_number_has(tfgate: Gateway) -> None:
    http = tfgate.ask(f"/v2/models/rows/versions/{LATE}/infer", infer_body([1, 1], [5])).answer()
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 1], "contents": {"fp32_contents": [5]}}
    asked = [
        oip.ModelInferRequest(model_name="rows", model_version=version, inputs=[tensor])
        for version in (str(LATE), str(2**63))
    ]

    assert (http.status, http.document["model_version"]) == (200, str(LATE))
    assert [grpc_call(tfgate, each).code for each in asked] == [
        OK,
        grpc.StatusCode.INVALID_ARGUMENT,
    ]


def test_the_name_of_a_signature_need_not_be_utf8(tfgate: Gateway) -> None:
    body = b'{"instances": [5], "signature_name": "\xff"}'

    response = tfgate.client.post("/v1/models/line:predict", content=body)

    assert (response.status_code, b"\xff" in response.content) == (400, True)


@pytest.mark.parametrize(
    "path",
    ["/V1/MODELS/line:predict", "/v1/models/line/labels/a%2Fb:predict", "/v1/models/%3A:predict"],
)
def test_no_spelling_of_a_path_gets_past_the_bound_of_requests(
    server: FakeModelServer, path: str
) -> None:
    with gateway(server, generic_models=["line"], max_requests=8) as tfgate:
        tfgate.wait_until_ready()
        hold = server.faults["line"] = Hold()
        inside = [tfgate.ask("/v1/models/line:predict", {"instances": [5]}) for _ in range(8)]
        tfgate.wait_until_inside(8)
        refused = tfgate.ask(path, {"instances": [5]}).answer()
        hold.release()

        assert {visitor.answer().status for visitor in inside} == {200}
    assert refused.status == 429


def test_rows_beside_what_has_none_are_charged(server: FakeModelServer, tmp_path: Path) -> None:
    """As where a threshold holds for all rows of a call."""
    signature = Signature(
        {"x": TensorSpec("float32"), "least": TensorSpec("float32", ())},
        {"y": TensorSpec("float32")},
    )
    server.models["cut"] = {
        1: FakeVersion(
            {
                DEFAULT_SIGNATURE: FakeSignature(
                    signature, lambda given: {"y": np.maximum(given["x"], given["least"])}
                )
            }
        )
    }
    metadata = {"x-api-key": create(tmp_path / "keys", "limited", rates=["9rows/hour"])}
    request = predict(np.arange(5, dtype=np.float32), name="cut")
    tensors.encode_all(request.inputs, {"least": np.array(2, np.float32)})
    tensor = {"name": "x", "datatype": "FP32", "shape": [5], "data": [0, 1, 2, 3, 4]}
    body = {"inputs": [tensor, {"name": "least", "datatype": "FP32", "shape": [], "data": [2]}]}
    path = "/tensorflow.serving.PredictionService/Predict"
    with gateway(server, keys_file=tmp_path / "keys") as tfgate:
        first = tfgate.call(path, request.SerializeToString(), metadata)
        again = tfgate.call(path, request.SerializeToString(), metadata)
        over_http = tfgate.ask("/v2/models/cut/infer", body, metadata).answer()

    assert first.code is OK, first.details
    assert again.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert over_http.status == 429


def test_what_does_not_fit_a_signature_without_a_batch_never_reaches_the_model_server(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    scalar = Signature({"x": TensorSpec("float32", ())}, {"y": TensorSpec("float32", ())})
    server.models["scalar"] = {
        1: FakeVersion({DEFAULT_SIGNATURE: FakeSignature(scalar, lambda given: {"y": given["x"]})})
    }

    reply = grpc_call(tfgate, predict(np.zeros((2, 2), np.float32), name="scalar"))

    assert reply.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "float32[]" in reply.details
    assert server.calls == []
