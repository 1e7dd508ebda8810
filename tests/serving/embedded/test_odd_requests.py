"""Requests that nobody should send, and what TF Serving's sources answer to them."""

import base64
import random
from collections.abc import Iterator

import grpc
import pytest
from google.protobuf import text_format

from tests.contract.tf_serving import recorded, saved_models
from tests.contract.tf_serving.recorded import MESSAGES
from tests.contract.tf_serving.servers import embedded_server, write_config

X = 'inputs { key: "x" value { dtype: DT_FLOAT tensor_shape { %s } float_val: 1 } }'
EXAMPLE = """input { example_list { examples { features {
    feature { key: "x" value { float_list { value: [1, 2] } } }
    feature { key: "tag" value { bytes_list { value: "\\377" } } } } } } }"""
CLASSIFY_THE_DEFAULT = """tasks { model_spec { name: "half_plus_two" }
    method_name: "tensorflow/serving/classify" }"""

REFUSED = {
    "negative dimension": (
        "Predict",
        'model_spec { name: "half_plus_two" }' + X % "dim { size: -1 }",
        "INVALID_ARGUMENT tensor parsing error: x",
    ),
    "more elements than memory": (
        "Predict",
        'model_spec { name: "half_plus_two" }' + X % "dim { size: 1000000000000 }",
        "INVALID_ARGUMENT tensor parsing error: x",
    ),
    "unknown input beside a default": (
        "Predict",
        'model_spec { name: "hp2tf2" } inputs { key: "z" value { dtype: DT_FLOAT } }',
        "INVALID_ARGUMENT Inputs contains invalid name. Used request inputs: , request input: z",
    ),
    "operation without outputs": (
        "Predict",
        'model_spec { name: "hp2tf2" signature_name: "__saved_model_init_op" }',
        "OUT_OF_RANGE Node 'NoOp' (type: 'NoOp', num of outputs: 0) does not have output 0",
    ),
    "error text that quotes bytes": (
        "Predict",
        """model_spec { name: "half_plus_two" signature_name: "classify_x_to_y" }
           inputs { key: "inputs" value { dtype: DT_STRING string_val: "\\377bad" } }""",
        "INVALID_ARGUMENT Could not parse example input, value: '\ufffdbad'",
    ),
    "unfit task before its own repetition": (
        "MultiInference",
        CLASSIFY_THE_DEFAULT * 2,
        "INVALID_ARGUMENT No classification inputs found in SignatureDef: inputs {",
    ),
}
ANSWERED = {
    "input left out for its default": ("Predict", 'model_spec { name: "hp2tf2" }', "float_val: 2"),
    "values beyond an empty shape": (
        "Predict",
        'model_spec { name: "half_plus_two" }' + X % "dim { size: 0 }",
        'outputs { key: "y" value { dtype: DT_FLOAT tensor_shape { dim { } } } }',
    ),
    "unknown rank": (
        "Predict",
        'model_spec { name: "half_plus_two" }' + X % "unknown_rank: true",
        'outputs { key: "y" value { dtype: DT_FLOAT tensor_shape { } float_val: 2.5 } }',
    ),
    "label that is no UTF-8": (
        "Classify",
        f'model_spec {{ name: "clf" }} {EXAMPLE}',
        'label: "tag_\ufffd"',
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[grpc.Channel]:
    folder = tmp_path_factory.mktemp("odd_requests")
    saved_models.build_halves(folder / "half_plus_two" / "1")
    saved_models.build_halves_of_tensorflow_2(folder / "hp2tf2" / "1")
    saved_models.build_classifier(folder / "clf" / "1")
    config = folder / "models.config"
    write_config(config, {name: folder / name for name in ("half_plus_two", "hp2tf2", "clf")})
    with embedded_server(f"--model_config_file={config}") as channel:
        yield channel


def ask(channel: grpc.Channel, method: str, request: bytes) -> str:
    """Return the answer as text, or the code and text of the error."""
    call = channel.unary_unary(f"/tensorflow.serving.PredictionService/{method}")
    try:
        answer = MESSAGES[method][1].FromString(call(request, timeout=20))
    except grpc.RpcError as error:
        return f"{error.code().name} {error.details()}"
    return text_format.MessageToString(answer, as_one_line=True, as_utf8=True)


def message(method: str, text: str) -> bytes:
    return text_format.Parse(text, MESSAGES[method][0]()).SerializeToString()


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(server: grpc.Channel, name: str) -> None:
    method, request, refusal = REFUSED[name]
    assert ask(server, method, message(method, request)).startswith(refusal)


@pytest.mark.parametrize("name", ANSWERED)
def test_is_answered(server: grpc.Channel, name: str) -> None:
    method, request, part_of_answer = ANSWERED[name]
    assert part_of_answer in ask(server, method, message(method, request))


def test_damaged_requests_are_refused_in_order(server: grpc.Channel) -> None:
    chance = random.Random(0)  # noqa: S311 - the same cases in every run
    cases = [
        (case["method"], base64.b64decode(case["request_b64"]))
        for case in recorded.read("grpc_main")
        if case["service"].endswith("PredictionService") and case.get("request_b64")
    ]
    for _ in range(1500):
        method, request = chance.choice(cases)
        damaged = bytearray(request)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        assert not ask(server, method, bytes(damaged)).startswith(("UNKNOWN", "INTERNAL Server"))
