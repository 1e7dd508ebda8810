"""The dialect in a running gateway: what clients of TF Serving see, and what others do."""

# ruff: noqa: E501  # TF Serving's texts stand in one piece, to be found

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY, generate_latest

from serving.contract import Signature, TensorSpec
from tests.fake_model_server import FakeModelServer, FakeSignature, FakeVersion
from tests.fake_models import declared_models
from tests.faults import Hold, fail
from tests.in_process import Gateway, gateway
from tfgate.keys import create

FLOATS = TensorSpec("float32")
ONE_EACH = TensorSpec("float32", (None, 1))
SIGNATURES = {
    "serving_default": FakeSignature(
        Signature({"x": ONE_EACH}, {"y": ONE_EACH}), lambda given: {"y": given["x"] / 2 + 2}
    ),
    "two": FakeSignature(
        Signature(
            {"n": TensorSpec("int64"), "s": TensorSpec("string")}, {"n": TensorSpec("int64")}
        ),
        lambda given: {"n": given["n"] * 2},
    ),
    "bool": FakeSignature(
        Signature({"b": TensorSpec("bool", (None, 2))}, {"b": TensorSpec("bool", (None, 2))}),
        lambda given: {"b": ~given["b"]},
    ),
    "inverse": FakeSignature(
        Signature({"x": FLOATS}, {"y": FLOATS}), lambda given: {"y": inverse(given["x"])}
    ),
}


def inverse(x: np.typing.NDArray[np.float32]) -> np.typing.NDArray[np.float32]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.float32(1) / x


def foreign() -> FakeModelServer:
    server = declared_models()
    server.models["foreign"] = {1: FakeVersion(SIGNATURES), 2: FakeVersion(SIGNATURES)}
    server.labels["foreign"] = {"stable": 1}
    return server


@pytest.fixture
def server() -> FakeModelServer:
    return foreign()


@pytest.fixture
def tfgate(server: FakeModelServer) -> Iterator[Gateway]:
    with gateway(server) as tfgate:
        yield tfgate


def ask(tfgate: Gateway, body: object, path: str = "foreign:predict", **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return tfgate.client.post(f"/v1/models/{path}", content=content, headers=headers)


def test_the_first_example_of_tf_servings_own_documentation(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    """Its signature has the shape [batch, 1]: the lists go to the graph with no other brackets."""
    response = ask(tfgate, b'{"instances": [1.0, 2.0, 5.0]}')

    assert response.content == b'{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}'
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Model-Version"] == "2"
    [call] = server.calls
    assert [dim.size for dim in call.request.inputs["x"].tensor_shape.dim] == [3]


def test_a_graph_that_stumbles_over_brackets_is_not_quoted(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    server.faults["foreign"] = fail(grpc.StatusCode.INVALID_ARGUMENT, "In[0] is not a matrix")
    response = ask(tfgate, {"instances": [1.0]})

    assert response.status_code == 400
    assert response.json()["error"].startswith(
        "input x has the shape [1]; expected is float32[batch, 1]"
    )


def test_everybody_gets_the_own_rows(tfgate: Gateway, server: FakeModelServer) -> None:
    tfgate.client.get("/readyz/foreign")
    hold = server.faults["foreign"] = Hold()
    visitors = [
        tfgate.ask(
            "/v1/models/foreign:predict",
            {
                "signature_name": "two",
                "instances": [{"n": 100 * n + row, "s": ""} for row in range(n)],
            },
        )
        for n in range(1, 20)
    ]
    tfgate.wait_until_inside(19)
    hold.release()

    for n, visitor in enumerate(visitors, start=1):
        expected = [2 * (100 * n + row) for row in range(n)]
        assert visitor.answer().document == {"predictions": expected}


def test_what_is_no_number_is_null(tfgate: Gateway) -> None:
    response = ask(tfgate, b'{"signature_name":"inverse","instances":[0.0,-0.0,NaN,2]}')
    assert response.json() == {"predictions": [None, None, None, 0.5]}


def test_a_large_odd_body_is_read_beside_the_others(tfgate: Gateway) -> None:
    rows = ",".join(["NaN"] + ["2.0"] * 8_000)
    response = ask(tfgate, f'{{"signature_name":"inverse","inputs":[{rows}]}} '.encode())
    assert response.json() == {"outputs": [None] + [0.5] * 8_000}


def test_bodies_may_be_compressed(tfgate: Gateway) -> None:
    content = gzip.compress(b'{"instances": [[1.0]]}')
    response = ask(tfgate, content, **{"Content-Encoding": "gzip"})
    assert response.json() == {"predictions": [[2.5]]}

    broken = ask(tfgate, content[:-9], **{"Content-Encoding": "gzip"})
    assert (broken.status_code, list(broken.json())) == (400, ["error"])


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("POST", "foreign/versions/2:predict", 200, None),
        ("POST", "foreign/labels/stable:predict", 200, None),
        ("POST", "foreign/versions/9:predict", 404, "Servable not found for request: Specific(foreign, 9)"),
        ("POST", "foreign/labels/x:predict", 400, "Unrecognized servable version label: x"),
        ("POST", "nobody:predict", 404, "Servable not found for request: Latest(nobody)"),
        ("POST", "nobody/versions/1:classify", 404, "Servable not found for request: Specific(nobody, 1)"),
        ("POST", "nobody/labels/x:regress", 400, "Unrecognized servable version label: x"),
        ("GET", "nobody", 404, "Could not find any versions of model nobody"),
        ("GET", "foreign/versions/9", 404, "Could not find version 9 of model foreign"),
        ("GET", "nobody/metadata", 404, "Servable not found for request: Latest(nobody)"),
        ("GET", "foreign/labels/x/metadata", 400, "Unrecognized servable version label: x"),
        ("GET", "foreign/versions/9/metadata", 404, "Servable not found for request: Specific(foreign, 9)"),
    ],
)  # fmt: skip
def test_models_versions_and_labels(
    tfgate: Gateway, method: str, path: str, status: int, text: str | None
) -> None:
    response = tfgate.client.request(method, f"/v1/models/{path}", json={"instances": [[1.0]]})
    assert response.status_code == status
    assert response.json().get("error") == text


def test_a_label_answers_with_its_version(tfgate: Gateway) -> None:
    for path, version in (("foreign/labels/stable", "1"), ("foreign", "2")):
        response = ask(tfgate, {"instances": [[1.0]]}, f"{path}:predict")
        assert response.headers["X-Model-Version"] == version
        told = tfgate.client.get(f"/v1/models/{path}/metadata").json()
        assert told["model_spec"] == {"name": "foreign", "signature_name": "", "version": version}


def test_states_are_told_newest_first(tfgate: Gateway, server: FakeModelServer) -> None:
    document = tfgate.client.get("/v1/models/foreign").json()
    states = [(each["version"], each["state"]) for each in document["model_version_status"]]
    assert states == [("2", "AVAILABLE"), ("1", "AVAILABLE")]


def test_the_typed_models_are_reachable_by_their_tensors(tfgate: Gateway) -> None:
    tfgate.wait_until_ready()
    for name in ("sentiment", "image", "housing"):
        told = tfgate.client.get(f"/v1/models/{name}/metadata").json()
        signature = told["metadata"]["signature_def"]["signature_def"]["serving_default"]
        assert signature["inputs"]
    response = ask(tfgate, {"instances": ["good", "bad"]}, "sentiment:predict")
    assert len(response.json()["predictions"]) == 2


def test_names_that_clients_invent_leave_nothing_behind(tfgate: Gateway) -> None:
    before = len(generate_latest(REGISTRY).splitlines())
    for number in range(30):
        assert ask(tfgate, {}, f"invented{number}:predict").status_code == 404
        assert tfgate.client.get(f"/v1/models/invented{number}").status_code == 404
    after = generate_latest(REGISTRY)
    assert b"invented" not in after
    assert len(after.splitlines()) - before < 30


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Origin": "https://example.org"}, 200), ({"Origin": "null"}, 400), ({}, 400)],
)
def test_a_page_asks_beforehand(tfgate: Gateway, headers: dict[str, str], status: int) -> None:
    response = tfgate.client.options("/v1/models/foreign:predict", headers=headers)
    assert (response.status_code, response.content) == (status, b"")


def test_pages_of_the_origins_that_are_set_may_ask(server: FakeModelServer) -> None:
    origin = "https://example.org"
    with gateway(server, cors_origins=(origin,)) as tfgate:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        before = tfgate.client.options("/v1/models/foreign:predict", headers=headers)
        response = ask(tfgate, {"instances": [[1.0]]}, Origin=origin)
        for answer in (before, response):
            assert answer.status_code == 200
            assert answer.headers["Access-Control-Allow-Origin"] == origin


def test_every_refusal_has_the_dialects_form(server: FakeModelServer, tmp_path: Path) -> None:
    key = create(tmp_path / "keys", "somebody")
    with gateway(server, keys_file=tmp_path / "keys", max_body_bytes=1_000) as tfgate:
        bearer = {"Authorization": f"Bearer {key}"}
        refusals = {
            401: ask(tfgate, {"instances": [[1.0]]}),
            413: ask(tfgate, {"instances": [[1.0]] * 1_000}, **bearer),
            415: ask(tfgate, b"x", **bearer, **{"Content-Encoding": "br"}),
            400: ask(tfgate, b"{}", **bearer, **{"Request-Timeout": "soon"}),
        }
        for status, response in refusals.items():
            assert (response.status_code, list(response.json())) == (status, ["error"])
            assert response.content.startswith(b'{\n    "error": "')
        assert refusals[401].headers["WWW-Authenticate"] == "Bearer"


def test_what_the_graph_says_of_values_is_told_in_its_words(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    text = 'assertion failed: ["x"] [-1]\n\t [[{{node Assert}}]]'
    for code, status in (
        (grpc.StatusCode.INVALID_ARGUMENT, 400),
        (grpc.StatusCode.FAILED_PRECONDITION, 400),
        (grpc.StatusCode.OUT_OF_RANGE, 400),
        (grpc.StatusCode.UNIMPLEMENTED, 501),
    ):
        server.faults["foreign"] = fail(code, text)
        response = ask(tfgate, {"instances": [[1.0]]})
        assert (response.status_code, response.json()) == (status, {"error": text})


def test_an_answer_to_examples_that_cannot_be_read(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    server.nonsense["Classify"] = server.nonsense["Regress"] = b"\xff"
    for method in ("classify", "regress"):
        response = ask(tfgate, {"examples": [{}]}, f"foreign:{method}")
        assert (response.status_code, list(response.json())) == (502, ["error"])


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**65)
    | st.floats()
    | st.text(max_size=3)
    | st.just({"b64": "aGk="}),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xnsb"), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=150)
@given(
    body=st.fixed_dictionaries(
        {},
        optional={
            "instances": values | st.lists(values, max_size=3),
            "inputs": values,
            "examples": values | st.lists(values, max_size=2),
            "context": values,
            "signature_name": st.sampled_from(list(SIGNATURES)) | values,
        },
    ),
    method=st.sampled_from(["predict", "predict", "classify", "regress"]),
    cut=st.integers(0, 40),
)
def test_any_body_is_answered_or_refused(
    lasting: Gateway, body: Any, method: str, cut: int
) -> None:
    content = json.dumps(body).encode()
    for sent in (content, content[:-cut] if cut else content + b" \xff"):
        response = ask(lasting, sent, f"foreign:{method}")
        assert response.status_code in (200, 400), response.content
        assert list(response.json()) in (["predictions"], ["outputs"], ["results"], ["error"])


@pytest.fixture(scope="module")
def lasting() -> Iterator[Gateway]:
    """A gateway for many bodies; examples are answered with nothing, which cannot be written."""
    server = foreign()
    server.nonsense["Classify"] = server.nonsense["Regress"] = b""
    with gateway(server) as tfgate:
        yield tfgate
