"""Every recorded call of the REST API, repeated at the gateway in front of the embedded server.

An answer is as it was recorded, byte by byte; what is deliberately another stands here by name,
with the reason, and in docs/tf-serving-rest.md.
"""

import base64
import json
import re
from typing import Any

import httpx
import pytest
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2 as official_metadata

from proto.metadata_pb2 import SignatureDefMap
from serving.gateway.dialects.tf_serving_rest import metadata
from serving.gateway.inference.live import live_version
from tests.contract.tf_serving import recorded
from tests.contract.tf_serving.recorded import Case
from tests.in_process import Gateway


def _refused(name: str, shape: str, expected: str) -> str:
    return f'{{\n    "error": "input {name} has the shape {shape}; expected is {expected}'


CASES = recorded.read("rest_main")

NO_JSON = "a bare NaN or Infinity is no JSON, and most clients stop at it"
WRONG_SHAPE = "a shape that the signature does not have is refused, and nothing is computed"
# Case -> why it is answered otherwise, the status, and how the body begins.
DIFFERENT: dict[str, tuple[str, int, str]] = {
    "predict_nan_inf_tokens": (
        NO_JSON,
        200,
        '{\n    "predictions": [null, null, null, null\n    ]\n}',
    ),
    "special_inf_out": (NO_JSON, 200, '{\n    "predictions": [null, null, null\n    ]\n}'),
    "bad_inner_dim": (WRONG_SHAPE, 400, _refused("x", "[1, 2]", "float32[batch, 1]")),
    "dtype_s_6": (WRONG_SHAPE, 400, _refused("x", "[1, 2]", "string[batch]")),
    "multi_row_wrong_dim": (WRONG_SHAPE, 400, _refused("a", "[1, 2]", "float32[batch, 3]")),
    "tf2_too_many": (WRONG_SHAPE, 400, _refused("x", "[2]", "float32[1]")),
    "version_overflow": (
        "TF Serving writes this text, and loses it: its answer is empty",
        400,
        '{\n    "error": "Failed to convert version: 99999999999999999999 to numeric."\n}',
    ),
    "path_unknown_verb_in_path": (
        "KServe's clients ask so why an answer is what it is",
        404,
        '{\n    "error": "version 123 of half_plus_two has no signature explain',
    ),
    "path_health": ("the gateway has a health of its own", 200, '{"status":"ok"}'),
}
# Answered by the gateway's own page, or in another dialect.
NOT_OURS = {"path_root", "path_v2"}
# The model was rebuilt with one of its five signatures; what is written of the five is seen in
# tests/serving/gateway/dialects/tf_serving_rest/test_metadata.py.
OTHER_MODEL = {"meta_tf2"}
# Case -> what another build of the model names differently.
NAMES_OF_NODES = {
    "assert_fails": r"(?<=function_node )\w+",
    **dict.fromkeys(("meta_multi", "meta_clf"), r'"name": "[^"]+"'),
}
# What the embedded server answers otherwise than the recorded one.
EMBEDDED = {"classify_nonutf8_label": (b"tag_\xff", b"tag_\xef\xbf\xbd")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_answers_as_recorded(recorded_gateway: Gateway, case: Case) -> None:
    name = case["id"]
    response = ask(recorded_gateway, case)
    if name in NOT_OURS | OTHER_MODEL:
        assert response.status_code in (200, 404)
        return
    if name in DIFFERENT:
        _, status, text = DIFFERENT[name]
        assert response.status_code == status
        assert response.text.startswith(text)
        return
    assert response.status_code == case["status"]
    assert response.headers["Content-Type"] == dict(case["response_headers"])["Content-Type"]
    expected = body(case, "response_body").replace(*EMBEDDED.get(name, (b"", b"")))
    answers = [expected, body(case.get("other_run", {}), "response_body")]
    if name in NAMES_OF_NODES:
        assert unnamed(response.content, name) in [unnamed(answer, name) for answer in answers]
    elif case.get("varies_between_runs", "").startswith("key order"):
        assert response.json() == json.loads(expected)
        assert sorted(lines(response.content)) == sorted(lines(expected))
    else:
        assert response.content in answers


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case["path"].endswith("/metadata") and case["status"] == 200],
    ids=lambda case: case["id"],
)
def test_metadata_is_written_as_recorded(case: Case) -> None:
    recorded_text = body(case, "response_body")
    document = json.loads(recorded_text)
    spec, content = document["model_spec"], document["metadata"]["signature_def"]
    official = json_format.ParseDict(
        content, official_metadata.SignatureDefMap(), ignore_unknown_fields=True
    )
    definitions = SignatureDefMap.FromString(official.SerializeToString())

    written = metadata.write(live_version(spec["name"], int(spec["version"]), definitions))

    assert json.loads(written) == document
    assert sorted(lines(written)) == sorted(lines(recorded_text))


def lines(content: bytes) -> list[bytes]:
    """Return a document's lines without the commas, of which the last of each object has none."""
    return [line.rstrip(b",") for line in content.splitlines()]


def unnamed(content: bytes, name: str) -> object:
    """Return a document without what another build of the model names differently."""
    without = "" if name == "assert_fails" else '"name": ""'
    return json.loads(re.sub(NAMES_OF_NODES[name], without, content.decode()) or "null")


def ask(gateway: Gateway, case: Case) -> httpx.Response:
    headers = {"Content-Type": "application/json", **case.get("request_headers", {})}
    request = httpx.Request(
        case["http_method"],
        f"http://gateway{case['path']}",
        content=body(case, "request_body"),
        headers=headers,
    )
    return gateway.client.send(request)


def body(case: Case, name: str) -> bytes:
    if f"{name}_b64" in case:
        return base64.b64decode(case[f"{name}_b64"])
    text: Any = case.get(name)
    return b"" if text is None else str(text).encode()


def test_a_model_of_tensorflow_1_gives_what_its_variable_holds(recorded_gateway: Gateway) -> None:
    """Its outputs are references to the variable, of which the recorded cases have none."""
    # Its first question counts as well.
    client = recorded_gateway.client
    recorded_gateway.wait_until(lambda: client.get("/readyz/counter").is_success, "the counter")
    question = {"signature_name": "incr_counter_by", "inputs": {"delta": 2.0}}
    before, after = (
        client.post("/v1/models/counter:predict", json=question).json()["outputs"] for _ in range(2)
    )
    assert after == before + 2.0
