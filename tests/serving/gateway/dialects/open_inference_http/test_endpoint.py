"""The Open Inference Protocol as a client meets it: every path, and tensors there and back."""

import asyncio
import gzip
import json
import zlib
from importlib.metadata import version
from typing import Any

import httpx
import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from serving.models import MODELS
from tests.fake_model_server import FakeModelServer
from tests.in_process import Gateway, gateway
from tests.serving.gateway.dialects.open_inference_http.bodies import tensor, with_bytes, with_json
from tests.serving.gateway.dialects.open_inference_http.conftest import models
from tfgate.keys import create

INFER = "/v2/models/mine/infer"
NUMBERS = np.array([[1.5, -2.0], [0.5, 3.0]], np.float32)
TENSORS: dict[str, NDArray[Any]] = {
    "numbers": NUMBERS,
    "words": np.array(["za\u017c\u00f3\u0142\u0107".encode(), b""], object),
    "flags": np.array([True, False]),
}
INPUTS = [
    tensor("numbers", "FP32", [2, 2], data=[[1.5, -2], [0.5, 3]]),
    tensor("words", "BYTES", [2], data=["za\u017c\u00f3\u0142\u0107", ""]),
    tensor("flags", "BOOL", [2], data=[True, False]),
]
SHOUTED = "ZA\u017c\u00f3\u0142\u0107"


def infer(http: httpx.Client, *inputs: Any, path: str = INFER, **rest: Any) -> httpx.Response:
    return http.post(path, content=with_json(*inputs, **rest))


def infer_bytes(
    http: httpx.Client, arrays: dict[str, NDArray[Any]], path: str = INFER, **rest: Any
) -> httpx.Response:
    body, headers = with_bytes(arrays, **rest)
    return http.post(path, content=body, headers=list(headers.items()))


def outputs(response: httpx.Response) -> dict[str, Any]:
    """Return each output: what stands in the JSON, or the bytes after it."""
    assert response.status_code == 200, response.text
    length = response.headers.get("Inference-Header-Content-Length")
    content = response.content
    end = len(content) if length is None else int(length)
    found = {}
    for output in json.loads(content[:end])["outputs"]:
        if "data" in output:
            found[output["name"]] = output["data"]
        else:
            size = output["parameters"]["binary_data_size"]
            found[output["name"]] = content[end : end + size]
            end += size
    assert end == len(content)
    return found


def error(response: httpx.Response) -> str:
    """Return what an error says, which is all there is."""
    assert response.headers["content-type"] == "application/json"
    [(name, text)] = response.json().items()
    assert name == "error"
    return str(text)


def test_the_server_tells_who_it_is_and_that_it_lives(http: httpx.Client) -> None:
    assert http.get("/v2").json() == {
        "name": "tfgate",
        "version": version("tfgate"),
        "extensions": ["binary_tensor_data", "model_repository"],
    }
    assert http.get("/v2/").status_code == 200
    assert http.get("/v2/health/live").json() == {"live": True}
    assert http.get("/v2/health/ready").json() == {"ready": True}
    assert http.head("/v2/health/ready").status_code == 200


def test_a_server_that_has_nothing_to_ask_is_not_ready() -> None:
    server = FakeModelServer({})
    server.reachable = False
    with gateway(server) as tfgate:
        answer = tfgate.client.get("/v2/health/ready")

        assert answer.status_code == 503
        assert answer.json()["ready"] is False
        assert answer.json()["error"]
        assert tfgate.client.get("/v2/health/live").status_code == 200


def test_a_model_tells_its_tensors_and_versions(http: httpx.Client) -> None:
    assert http.get("/v2/models/mine").json() == {
        "name": "mine",
        "versions": ["2", "1"],
        "platform": "tensorflow_savedmodel",
        "inputs": [
            {"name": "flags", "datatype": "BOOL", "shape": [-1]},
            {"name": "numbers", "datatype": "FP32", "shape": [-1, -1]},
            {"name": "words", "datatype": "BYTES", "shape": [-1]},
        ],
        "outputs": [
            {"name": "denied", "datatype": "BOOL", "shape": [-1]},
            {"name": "doubled", "datatype": "FP32", "shape": [-1, -1]},
            {"name": "shouted", "datatype": "BYTES", "shape": [-1]},
        ],
        "parameters": {"explain": False},
    }
    for path in ("versions/1", "versions/stable", "versions/2"):
        assert http.get(f"/v2/models/mine/{path}").json()["name"] == "mine"


@pytest.mark.parametrize("path", ["", "/versions/1", "/versions/2", "/versions/stable"])
def test_a_model_that_can_be_asked_is_ready(http: httpx.Client, path: str) -> None:
    answer = http.get(f"/v2/models/mine{path}/ready")

    assert (answer.status_code, answer.json()) == (200, {"name": "mine", "ready": True})


def test_a_version_that_cannot_be_asked_is_not_ready(http: httpx.Client) -> None:
    answer = http.get("/v2/models/mine/versions/3/ready")

    assert answer.status_code == 503
    assert answer.json()["ready"] is False


@pytest.mark.parametrize("path", ["", "/ready", "/versions/1", "/versions/1/ready"])
def test_a_model_that_there_is_none_of_is_not_found(http: httpx.Client, path: str) -> None:
    answer = http.get(f"/v2/models/nobodys{path}")

    assert answer.status_code == 404
    assert "there is no model 'nobodys'" in error(answer)


@pytest.mark.parametrize("version", ["3", "unstable", "99999999999999999999"])
def test_a_version_that_there_is_none_of_is_not_found(http: httpx.Client, version: str) -> None:
    asked = http.get(f"/v2/models/mine/versions/{version}")
    answered = infer(http, *INPUTS, path=f"/v2/models/mine/versions/{version}/infer")

    for answer in (asked, answered):
        assert answer.status_code == 404
        assert version in error(answer)


def test_tensors_go_as_json(http: httpx.Client) -> None:
    answer = infer(http, *INPUTS, id="seven")

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-model-version"] == "2"
    assert answer.json() == {
        "model_name": "mine",
        "model_version": "2",
        "id": "seven",
        "outputs": [
            {"name": "denied", "datatype": "BOOL", "shape": [2], "data": [False, True]},
            {"name": "doubled", "datatype": "FP32", "shape": [2, 2], "data": [3, -4, 1, 6]},
            {"name": "shouted", "datatype": "BYTES", "shape": [2], "data": [SHOUTED, ""]},
        ],
    }


def test_who_sends_no_id_gets_that_of_the_log(http: httpx.Client) -> None:
    answer = infer(http, *INPUTS)

    assert answer.json()["id"] == answer.headers["x-request-id"]


def test_tensors_go_as_bytes(http: httpx.Client) -> None:
    answer = infer_bytes(http, TENSORS, parameters={"binary_data_output": True})

    assert answer.headers["content-type"] == "application/octet-stream"
    found = outputs(answer)
    np.testing.assert_array_equal(np.frombuffer(found["doubled"], "<f4"), 2 * NUMBERS.ravel())
    assert found["denied"] == b"\0\1"
    shouted = SHOUTED.encode()
    assert found["shouted"] == len(shouted).to_bytes(4, "little") + shouted + bytes(4)


def test_outputs_are_chosen_and_each_goes_as_it_is_asked_for(
    tfgate: Gateway, http: httpx.Client
) -> None:
    wanted = [
        {"name": "shouted"},
        {"name": "denied", "parameters": {"binary_data": True}},
    ]

    answer = infer_bytes(http, TENSORS, outputs=wanted)

    assert outputs(answer) == {"shouted": [SHOUTED, ""], "denied": b"\0\1"}
    assert set(tfgate.server.calls[-1].request.output_filter) == {"shouted", "denied"}


def test_versions_are_asked_by_number_and_by_label(http: httpx.Client) -> None:
    for named, answering in (("1", "1"), ("2", "2"), ("stable", "1")):
        answer = infer(http, *INPUTS, path=f"/v2/models/mine/versions/{named}/infer")

        assert answer.json()["model_version"] == answering


def test_other_signatures_are_asked_by_name(http: httpx.Client) -> None:
    answer = infer(
        http, tensor("x", "INT64", [], data=[41]), parameters={"signature_name": "scalar"}
    )

    assert answer.json()["outputs"] == [
        {"name": "y", "datatype": "INT64", "shape": [], "data": [42]}
    ]


def test_halves_go_as_bytes_alone(http: httpx.Client) -> None:
    arrays: dict[str, NDArray[Any]] = {"x": np.array([1, 3], np.float16)}
    parameters = {"signature_name": "half", "binary_data_output": True}

    answer = infer_bytes(http, arrays, parameters=parameters)

    expected = np.array([0.5, 1.5], ml_dtypes.bfloat16)
    assert outputs(answer)["y"] == expected.tobytes()
    refused = infer_bytes(http, arrays, parameters={"signature_name": "half"})
    assert refused.status_code == 400
    assert "output 'y': BF16 is not written as JSON. Ask for it as binary data" in error(refused)


def test_what_is_no_number_becomes_null(http: httpx.Client) -> None:
    inputs = [tensor("numbers", "FP32", [2, 2], data=[None, 3e38, -3e38, 1]), *INPUTS[1:]]

    assert outputs(infer(http, *inputs))["doubled"] == [None, None, None, 2]


def test_bytes_that_are_no_text_cannot_go_as_json(http: httpx.Client) -> None:
    arrays = {**TENSORS, "words": np.array([b"\xff\xd8", b""], object)}

    answer = infer_bytes(http, arrays)

    assert answer.status_code == 400
    assert "output 'shouted': it holds bytes that are no text in UTF-8" in error(answer)
    asked = infer_bytes(http, arrays, parameters={"binary_data_output": True})
    assert outputs(asked)["shouted"] == b"\2\0\0\0\xff\xd8\0\0\0\0"


def test_a_body_without_json_is_the_only_tensor(http: httpx.Client) -> None:
    pixels = MODELS["image"].preprocess([MODELS["image"].example])["pixels"]
    headers = {"Inference-Header-Content-Length": "0"}

    answer = http.post("/v2/models/image/infer", content=pixels.tobytes(), headers=headers)

    assert len(outputs(answer)["scores"]) == 4 * 10
    refused = http.post("/v2/models/image/infer", content=b"123", headers=headers)
    assert refused.status_code == 400
    assert error(refused).startswith("input 'pixels': UINT8 of shape [0, ")


@pytest.mark.parametrize("name", MODELS)
def test_typed_models_are_asked_by_their_tensors(http: httpx.Client, name: str) -> None:
    model = MODELS[name]
    inputs = model.preprocess([model.example])
    typed = http.post(f"/predict/{name}", json=model.example.model_dump(mode="json")).json()

    answer = infer_bytes(http, dict(inputs), path=f"/v2/models/{name}/infer")

    found = {
        output: np.array(
            [each.encode() if isinstance(each, str) else each for each in data],
            model.signature.outputs[output].numpy_dtype,
        ).reshape(1, *model.signature.outputs[output].row_shape)
        for output, data in outputs(answer).items()
    }
    [prediction] = model.postprocess(inputs, found, None)
    if not model.reads_card:
        assert prediction == typed["prediction"]
    else:
        assert prediction["price_usd"] == typed["prediction"]["price_usd"]


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_requests_and_answers_are_compressed(http: httpx.Client, coding: str) -> None:
    pack = gzip.compress if coding == "gzip" else zlib.compress
    body, headers = with_bytes(TENSORS, parameters={"binary_data_output": True})
    plain = infer_bytes(http, TENSORS, parameters={"binary_data_output": True}, id="a")
    lines = {name.decode(): value.decode() for name, value in headers.items()}

    packed = http.post(INFER, content=pack(body), headers={**lines, "Content-Encoding": coding})
    answered = infer_bytes(http, TENSORS, parameters={"binary_data_output": True}, id="a")
    http.headers["Accept-Encoding"] = coding
    compressed = infer_bytes(http, TENSORS, parameters={"binary_data_output": True}, id="a")

    assert outputs(packed)["denied"] == b"\0\1"
    assert "content-encoding" not in answered.headers
    assert compressed.headers["content-encoding"] == coding
    assert compressed.content == plain.content
    assert compressed.headers["content-length"] != plain.headers["content-length"]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", None),
        ("gzip, deflate", None),
        ("br", None),
        ("identity", None),
        ("gzip;q=0", None),
        ("gzip, identity", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("*", None),
    ],
)
def test_answers_are_compressed_for_who_names_one_coding(
    http: httpx.Client, accepted: str, coding: str | None
) -> None:
    http.headers["Accept-Encoding"] = accepted

    assert infer(http, *INPUTS).headers.get("content-encoding") == coding


def test_large_bodies_are_answered_like_small_ones(http: httpx.Client) -> None:
    rows = 5_000
    arrays: dict[str, NDArray[Any]] = {
        "numbers": np.arange(rows * 20, dtype=np.float32).reshape(rows, 20),
        "words": np.array([b"word"] * rows, object),
        "flags": np.zeros(rows, bool),
    }

    as_bytes = outputs(infer_bytes(http, arrays, parameters={"binary_data_output": True}))
    as_json = outputs(infer_bytes(http, arrays))

    np.testing.assert_array_equal(
        np.frombuffer(as_bytes["doubled"], "<f4"), 2 * arrays["numbers"].ravel()
    )
    assert as_json["doubled"] == (2 * arrays["numbers"].ravel()).tolist()
    assert as_json["shouted"] == ["WORD"] * rows


def test_the_index_tells_versions_and_states(http: httpx.Client) -> None:
    entries = http.post("/v2/repository/index").json()

    assert {"name": "housing", "version": "1", "state": "READY", "reason": ""} in entries
    # A name that was never asked for is not known yet.
    assert "mine" not in {entry["name"] for entry in entries}
    infer(http, *INPUTS)
    ready = http.post("/v2/repository/index", json={"ready": True}).json()
    assert {(entry["name"], entry["version"]) for entry in ready} >= {("mine", "1"), ("mine", "2")}


def test_the_index_tells_what_is_not_ready() -> None:
    server = models()
    del server.models["housing"]
    with gateway(server) as tfgate:
        entries = tfgate.client.post("/v2/repository/index").json()
        ready = tfgate.client.post("/v2/repository/index", json={"ready": True}).json()

    [missing] = [entry for entry in entries if entry["name"] == "housing"]
    assert missing["state"] == "UNAVAILABLE"
    assert missing["reason"]
    assert "housing" not in {entry["name"] for entry in ready}


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"ready": 1}', b"5"])
def test_an_index_asked_for_wrongly_is_refused(http: httpx.Client, body: bytes) -> None:
    answer = http.post("/v2/repository/index", content=body)

    assert answer.status_code == 400
    assert '{"ready": true}' in error(answer)


@pytest.mark.parametrize("what", ["load", "unload"])
def test_models_are_not_loaded_from_here(http: httpx.Client, what: str) -> None:
    answer = http.post(f"/v2/repository/models/mine/{what}")

    assert answer.status_code == 501
    assert f"models are not {what}ed from here" in error(answer)
    assert "models.config" in error(answer)


@pytest.mark.parametrize(
    "path",
    ["/v2/nothing", "/v2/models", "/v2/models/", "/v2/models/mine/stats", "/v2/models/a/b/infer"],
)
def test_other_paths_are_not_found(http: httpx.Client, path: str) -> None:
    answer = http.get(path)

    assert answer.status_code == 404
    assert "of the Open Inference Protocol" in error(answer)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", INFER, "POST"),
        ("POST", "/v2", "GET, HEAD"),
        ("DELETE", "/v2/models/mine", "GET, HEAD"),
        ("PUT", "/v2/repository/index", "POST"),
    ],
)
def test_other_methods_are_not_allowed(
    http: httpx.Client, method: str, path: str, allowed: str
) -> None:
    answer = http.request(method, path)

    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert error(answer)


WRONG_INPUTS = [
    ([tensor("numbers", "FP32", [2, 2], data=[1, 2, 3, 4])], ["flags", "words", "is missing"]),
    ([*INPUTS, tensor("age", "FP32", [1], data=[1])], ["age", "unknown", "numbers"]),
    ([{**INPUTS[0], "datatype": "FP64"}, *INPUTS[1:]], ["numbers", "float64", "float32"]),
    ([{**INPUTS[0], "shape": [4]}, *INPUTS[1:]], ["numbers", "[4]", "any"]),
    ([{**INPUTS[0], "shape": [1, 4]}, *INPUTS[1:]], ["numbers 1", "words 2"]),
    ([{**INPUTS[0], "shape": [2, 3]}, *INPUTS[1:]], ["numbers", "6 elements", "its data 4"]),
]


@pytest.mark.parametrize(("inputs", "told"), WRONG_INPUTS)
def test_wrong_inputs_are_refused_with_an_example_that_works(
    tfgate: Gateway, http: httpx.Client, inputs: Any, told: list[str]
) -> None:
    answer = infer(http, *inputs)

    assert answer.status_code == 400
    assert tfgate.server.calls == []
    text = error(answer)
    for word in told:
        assert word in text
    example = text.partition("Accepted is: ")[2]
    assert http.post(INFER, content=example).status_code == 200


def test_an_example_of_a_large_tensor_tells_how_many_bytes_it_has(http: httpx.Client) -> None:
    answer = infer(http, path="/v2/models/image/infer")

    example = json.loads(error(answer).partition("Accepted is: ")[2])
    [pixels] = example["inputs"]
    size = int(np.prod(pixels["shape"]))
    assert pixels["parameters"] == {"binary_data_size": size}
    head = json.dumps(example).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    again = http.post("/v2/models/image/infer", content=head + bytes(size), headers=headers)
    assert again.status_code == 200


def test_an_output_that_there_is_none_of_is_refused(http: httpx.Client) -> None:
    answer = infer(http, *INPUTS, outputs=[{"name": "tripled"}])

    assert answer.status_code == 400
    assert "'tripled'" in error(answer)
    assert "doubled" in error(answer)


def test_neighbours_of_a_bad_request_are_answered(tfgate: Gateway) -> None:
    good = {"inputs": INPUTS}
    wrong = {"inputs": [{**INPUTS[0], "data": [1, 2]}, *INPUTS[1:]]}

    visitors = [tfgate.ask(INFER, each) for each in (good, wrong, good, wrong, good)]
    answers = [visitor.response() for visitor in visitors]

    assert [answer.status_code for answer in answers] == [200, 400, 200, 400, 200]
    assert all(outputs(answer)["denied"] == [False, True] for answer in answers[::2])


def test_a_request_may_say_how_long_it_is_waited_for(tfgate: Gateway) -> None:
    hanging = asyncio.Event()

    async def hang(_call: Any) -> bytes:
        await hanging.wait()
        raise AssertionError

    tfgate.server.faults["mine"] = hang

    answer = infer(tfgate.client, *INPUTS, parameters={"timeout": 1})

    assert answer.status_code == 504
    assert "1e-06 seconds that the request allows" in error(answer)


def test_a_body_larger_than_allowed_is_refused() -> None:
    with gateway(models(), max_body_bytes=1_000) as tfgate:
        answer = tfgate.client.post(INFER, content=bytes(1_001))

        assert answer.status_code == 413
        assert "1,000 bytes" in error(answer)


def test_a_coding_that_is_not_known_is_refused(http: httpx.Client) -> None:
    answer = http.post(INFER, content=b"", headers={"Content-Encoding": "br"})

    assert answer.status_code == 415
    assert answer.headers["accept-encoding"] == "gzip, deflate"
    assert error(answer)


def test_keys_are_needed_for_all_but_health(tmp_path: Any) -> None:
    key = create(tmp_path / "keys", "pictures", models=["image"])
    raw = {"Inference-Header-Content-Length": "0"}
    with gateway(models(), keys_file=str(tmp_path / "keys")) as tfgate:
        tfgate.wait_until_ready()
        http = tfgate.client
        assert http.get("/v2/health/live").status_code == 200
        assert http.get("/v2/health/ready").status_code == 200
        refused = infer(http, *INPUTS)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert error(refused)
        http.headers["Authorization"] = f"Bearer {key}"
        answer = http.post("/v2/models/image/infer", content=bytes(32 * 32 * 3), headers=raw)
        assert answer.status_code == 200
        forbidden = infer(http, *INPUTS)
        assert forbidden.status_code == 403
        assert error(forbidden)
