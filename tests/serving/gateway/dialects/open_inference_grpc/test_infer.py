"""What a ModelInfer message asks, what is wrong with it, and the message that answers it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proto.open_inference_pb2 import InferParameter, ModelInferRequest
from serving.errors import InvalidInput
from serving.gateway.dialects.open_inference import binary
from serving.gateway.dialects.open_inference.datatypes import NUMPY_DTYPES
from serving.gateway.dialects.open_inference_grpc.infer import InferAsked, understand, write
from serving.gateway.inference.client import Answer

X = {"name": "x", "datatype": "FP32", "shape": [2], "contents": {"fp32_contents": [1, 2]}}
RAW_X = {"name": "x", "datatype": "FP32", "shape": [2]}
RAW = np.array([1, 2], "<f4").tobytes()


def test_typed_and_raw_contents_are_the_same_tensor() -> None:
    typed = understand(ModelInferRequest(inputs=[X]))
    raw = understand(ModelInferRequest(inputs=[RAW_X], raw_input_contents=[RAW]))

    for asked in (typed, raw):
        assert asked.inputs["x"].tolist() == [1, 2]
        assert asked.inputs["x"].dtype == np.float32
    assert (typed.is_raw, raw.is_raw) == (False, True)


def test_what_else_a_request_says() -> None:
    asked = understand(
        ModelInferRequest(
            model_name="m",
            id="7",
            inputs=[X],
            outputs=[{"name": "b"}, {"name": "a"}],
            parameters={
                "signature_name": InferParameter(string_param="other"),
                "timeout": InferParameter(int64_param=500_000),
                # Others understand it, and it changes nothing here.
                "priority": InferParameter(uint64_param=1),
            },
        )
    )

    assert (asked.model, asked.id, asked.signature) == ("m", "7", "other")
    assert asked.outputs == ("b", "a")
    assert asked.timeout_seconds == 0.5


def test_a_request_that_says_nothing_asks_the_default() -> None:
    asked = understand(ModelInferRequest())

    assert (asked.inputs, asked.outputs, asked.id) == ({}, (), "")
    assert asked.signature == "serving_default"
    assert asked.timeout_seconds is None


def parameters(**given: dict[str, Any]) -> dict[str, InferParameter]:
    return {name: InferParameter(**value) for name, value in given.items()}


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "both contents": (
        {"inputs": [X], "raw_input_contents": [RAW]},
        *("inputs.x", "send one of them"),
    ),
    "one raw for two": (
        {"inputs": [RAW_X, {**RAW_X, "name": "y"}], "raw_input_contents": [RAW]},
        *("raw_input_contents", "there are 2 inputs, and 1 raw_input_contents"),
    ),
    "raw without inputs": (
        {"raw_input_contents": [RAW]},
        *("raw_input_contents", "there are 0 inputs, and 1 raw_input_contents"),
    ),
    "twice": ({"inputs": [X, X]}, "inputs.x", "it is there twice"),
    "raw too short": (
        {"inputs": [RAW_X], "raw_input_contents": [RAW[:-1]]},
        *("inputs.x", "FP32 of shape [2] is 8 bytes, and 7 came"),
    ),
    "raw negative": (
        {"inputs": [{**RAW_X, "shape": [-1]}], "raw_input_contents": [RAW]},
        *("inputs.x", "never negative"),
    ),
    "shared memory": (
        {
            "inputs": [
                {**RAW_X, "parameters": parameters(shared_memory_region={"string_param": "a"})}
            ]
        },
        *("inputs.x", "no memory is shared"),
    ),
    "unknown parameter of an input": (
        {"inputs": [{**X, "parameters": parameters(colour={"string_param": "red"})}]},
        *("inputs.x", "there is no parameter 'colour'"),
    ),
    "classification": (
        {"outputs": [{"name": "y", "parameters": parameters(classification={"int64_param": 3})}]},
        *("outputs.y", "ask for the tensor itself"),
    ),
    "sequence": (
        {"parameters": parameters(sequence_id={"int64_param": 3})},
        *("parameters", "nothing is kept from one request to the next"),
    ),
    "unknown parameter": (
        {"parameters": parameters(colour={"string_param": "red"})},
        *("parameters", "there is no parameter 'colour'; there are signature_name, timeout"),
    ),
    "parameter of another type": (
        {"parameters": parameters(signature_name={"int64_param": 3})},
        *("parameters", "signature_name is sent in string_param"),
    ),
    "negative timeout": (
        {"parameters": parameters(timeout={"int64_param": -1})},
        *("parameters", "accepted are microseconds"),
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_and_named(case: str) -> None:
    request, field, said = WRONG[case]

    with pytest.raises(InvalidInput) as raised:
        understand(ModelInferRequest(**request))

    assert said in raised.value.detail
    assert [each.field for each in raised.value.fields] == [field]


OUTPUTS = {
    "scores": np.array([[0.5, 0.25]], np.float32),
    "label": np.array([b"\xff"], dtype=object),
}


def test_an_answer_is_typed_or_raw_as_the_request_was() -> None:
    answer = Answer(3, OUTPUTS)

    typed = write(InferAsked({}, model="m", id="7"), answer)
    raw = write(InferAsked({}, model="m", id="7", is_raw=True), answer)

    for response in (typed, raw):
        assert (response.model_name, response.model_version, response.id) == ("m", "3", "7")
        heads = [(each.name, each.datatype, list(each.shape)) for each in response.outputs]
        assert heads == [("scores", "FP32", [1, 2]), ("label", "BYTES", [1])]
    assert list(typed.outputs[0].contents.fp32_contents) == [0.5, 0.25]
    assert list(typed.outputs[1].contents.bytes_contents) == [b"\xff"]
    assert not typed.raw_output_contents
    assert list(raw.raw_output_contents) == [OUTPUTS["scores"].tobytes(), b"\x01\0\0\0\xff"]
    assert not raw.outputs[0].HasField("contents")


def test_an_answer_has_the_outputs_asked_for_in_their_order() -> None:
    response = write(InferAsked({}, outputs=("label", "scores")), Answer(3, OUTPUTS))

    assert [output.name for output in response.outputs] == ["label", "scores"]


def test_what_has_no_typed_contents_makes_the_answer_raw() -> None:
    half = np.array([1.5], np.float16)

    response = write(InferAsked({}), Answer(1, {"half": half, **OUTPUTS}))

    assert len(response.raw_output_contents) == 3
    assert response.raw_output_contents[0] == half.tobytes()


NAMES = st.sampled_from(["x", "y", "", "ż"])
SIZES = st.lists(
    st.one_of(st.integers(-2, 5), st.sampled_from([2**31, 2**62, -(2**63)])), max_size=4
)
CONTENTS = st.fixed_dictionaries(
    {},
    optional={
        "bool_contents": st.lists(st.booleans(), max_size=4),
        "int_contents": st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4),
        "uint_contents": st.lists(st.integers(0, 2**32 - 1), max_size=4),
        "int64_contents": st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
        "fp32_contents": st.lists(st.floats(width=32), max_size=4),
        "bytes_contents": st.lists(st.binary(max_size=4), max_size=4),
    },
)
INPUTS = st.fixed_dictionaries(
    {
        "name": NAMES,
        "datatype": st.sampled_from([*NUMPY_DTYPES, "", "FP8", "fp32"]),
        "shape": SIZES,
    },
    optional={"contents": CONTENTS},
)


@given(st.lists(INPUTS, max_size=3), st.lists(st.binary(max_size=32), max_size=3))
def test_a_request_is_understood_or_refused_by_name(
    inputs: list[dict[str, Any]], raw: list[bytes]
) -> None:
    request = ModelInferRequest(inputs=inputs, raw_input_contents=raw)
    asked = outcome(request)
    if isinstance(asked, InvalidInput):
        assert asked.detail
        assert asked.fields
        return
    for each in request.inputs:
        array = asked.inputs[each.name]
        assert list(array.shape) == list(each.shape)
        assert array.dtype == NUMPY_DTYPES[each.datatype]


@given(st.integers(0, 3), st.binary(max_size=64))
def test_strings_whose_lengths_lie_are_refused(size: int, content: bytes) -> None:
    tensor = {"name": "x", "datatype": "BYTES", "shape": [size]}
    request = ModelInferRequest(inputs=[tensor], raw_input_contents=[content])
    asked = outcome(request)
    if isinstance(asked, InvalidInput):
        assert asked.fields[0].field == "inputs.x"
    else:
        assert bytes(binary.encode(asked.inputs["x"])) == content


def outcome(request: ModelInferRequest) -> InferAsked | InvalidInput:
    try:
        return understand(request)
    except InvalidInput as error:
        return error
