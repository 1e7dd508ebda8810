"""Bodies of `infer` become tensors, or are refused with what is wrong in them."""

import re
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from numpy.typing import NDArray

from serving.contract import Signature, TensorSpec
from serving.errors import InvalidInput, InvalidRequest, MalformedBody
from serving.gateway.dialects.open_inference_http.requests import parse
from tests.serving.gateway.dialects.open_inference_http.bodies import (
    AGES,
    WORDS,
    header_length,
    live,
    read,
    read_one,
    tensor,
    with_bytes,
    with_json,
)

GOOD = tensor("ages", "FP32", [1, 2], data=[1.5, 2])


def test_tensors_come_as_json() -> None:
    asked = read(with_json(GOOD, tensor("words", "BYTES", [1], data=["żółć"]), id="mine"))

    np.testing.assert_array_equal(asked.inputs["ages"], AGES)
    assert asked.inputs["ages"].dtype == np.float32
    assert asked.inputs["words"].tolist() == ["żółć".encode()]
    assert asked.signature == "serving_default"
    assert asked.outputs == ()
    assert asked.id == "mine"
    assert asked.binary == frozenset()
    assert asked.timeout_seconds is None


def test_tensors_come_as_bytes_and_are_not_copied() -> None:
    body, headers = with_bytes({"words": WORDS, "ages": AGES})

    asked = read(body, headers)

    np.testing.assert_array_equal(asked.inputs["ages"], AGES)
    assert asked.inputs["words"].tolist() == [b"a"]
    assert np.shares_memory(asked.inputs["ages"], np.frombuffer(body, np.uint8))


def test_the_same_head_before_other_bytes_gives_the_other_tensors() -> None:
    first, headers = with_bytes({"ages": AGES})
    second, _ = with_bytes({"ages": AGES + 1})

    read(first, headers)

    np.testing.assert_array_equal(read(second, headers).inputs["ages"], AGES + 1)


def test_some_tensors_come_as_json_and_others_as_bytes() -> None:
    head = with_json(
        tensor("words", "BYTES", [1], data=["a"]),
        tensor("ages", "FP32", [1, 2], parameters={"binary_data_size": 8}),
    )

    asked = read(head + AGES.tobytes(), header_length(len(head)))

    np.testing.assert_array_equal(asked.inputs["ages"], AGES)
    assert asked.inputs["words"].tolist() == [b"a"]


def test_a_long_head_is_read_as_well() -> None:
    head = with_json(
        tensor("ages", "FP32", [1, 2], parameters={"binary_data_size": 8}), unknown="x" * 10_000
    )

    asked = read(head + AGES.tobytes(), header_length(len(head)))

    np.testing.assert_array_equal(asked.inputs["ages"], AGES)


@pytest.mark.parametrize(
    ("datatype", "data", "expected"),
    [
        ("BOOL", [True, False], np.array([True, False])),
        ("INT8", [-128, 127], np.array([-128, 127], np.int8)),
        ("INT64", [-(2**63), 2**63 - 1], np.array([-(2**63), 2**63 - 1])),
        ("UINT8", [0, 255], np.array([0, 255], np.uint8)),
        ("UINT64", [0, 2**64 - 1], np.array([0, 2**64 - 1], np.uint64)),
        ("FP32", [1, 2.5], np.array([1, 2.5], np.float32)),
        ("FP32", [None, -0.5], np.array([np.nan, -0.5], np.float32)),
        ("FP64", [1e300, None], np.array([1e300, np.nan])),
        ("FP64", [2**63, 2**64 - 1], np.array([2**63, 2**64 - 1], np.float64)),
        ("BYTES", ["", "\x00\U0001f600"], np.array([b"", "\x00\U0001f600".encode()], object)),
    ],
)
def test_each_datatype_is_read_from_json(
    datatype: str, data: list[Any], expected: NDArray[Any]
) -> None:
    found = read_one(datatype, [2], data)

    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "data", [[1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]], [[[1], [2, 3]], 4, 5, 6]]
)
@pytest.mark.parametrize("datatype", ["FP32", "INT8", "UINT64"])
def test_only_the_order_of_elements_counts(datatype: str, data: list[Any]) -> None:
    assert read_one(datatype, [2, 3], data).tolist() == [[1, 2, 3], [4, 5, 6]]


def test_bools_and_strings_are_nested_or_flat() -> None:
    assert read_one("BOOL", [2, 2], [[True], [False, True], True]).tolist() == [[1, 0], [1, 1]]
    assert read_one("BYTES", [1, 2], [["a", ["b"]]]).tolist() == [[b"a", b"b"]]


def test_a_scalar_and_a_tensor_without_elements_are_read() -> None:
    assert read_one("FP32", [], [2.5]).shape == ()
    assert read_one("FP32", [0, 3], []).shape == (0, 3)
    assert read_one("BYTES", [0], []).shape == (0,)
    assert read_one("BOOL", [2, 0], [[], []]).shape == (2, 0)


def test_bytes_come_as_base64_where_their_content_type_says_so() -> None:
    found = read_one("BYTES", [1], ["/wA="], parameters={"content_type": "base64"})

    assert found.tolist() == [b"\xff\x00"]


def test_outputs_are_chosen_and_written_as_each_is_asked_for() -> None:
    asked = read(
        with_json(
            GOOD,
            outputs=[{"name": "label"}, {"name": "scores", "parameters": {"binary_data": False}}],
            parameters={"binary_data_output": True},
        )
    )

    assert asked.outputs == ("label", "scores")
    assert asked.binary == {"label"}


def test_all_outputs_go_as_bytes_if_the_request_says_so() -> None:
    asked = read(with_json(GOOD, parameters={"binary_data_output": True}))

    assert asked.binary == {"scores", "label"}


def test_another_signature_is_chosen_by_a_parameter() -> None:
    head = with_json(
        tensor("x", "FP16", [1], parameters={"binary_data_size": 2}),
        parameters={"signature_name": "halves", "binary_data_output": True},
    )

    asked = read(head + b"\0\x3c", header_length(len(head)))

    assert asked.signature == "halves"
    assert asked.inputs["x"].tolist() == [1.0]


def test_a_timeout_is_understood() -> None:
    assert read(with_json(GOOD, parameters={"timeout": 500})).timeout_seconds == 0.0005
    assert read(with_json(GOOD, parameters={"timeout": 0})).timeout_seconds is None


def test_what_clients_of_other_servers_send_besides_is_taken() -> None:
    asked = read(
        with_json(
            {**GOOD, "parameters": {"content_type": "np"}},
            model_name="other",
            id=None,
            outputs=None,
            parameters={"content_type": "pd", "headers": {"Ce-Id": "1"}, "priority": 2},
        )
    )

    np.testing.assert_array_equal(asked.inputs["ages"], AGES)


RAW_SIGNATURES = [
    (TensorSpec("uint8", (None, 2, 3)), bytes(range(6)), np.arange(6).reshape(1, 2, 3)),
    (TensorSpec("uint8", (None, 2, 3)), bytes(range(12)), np.arange(12).reshape(2, 2, 3)),
    (TensorSpec("uint8", (None, None, 3)), bytes(range(6)), np.arange(6).reshape(1, 2, 3)),
    (TensorSpec("uint8", (2, None)), bytes(range(6)), np.arange(6).reshape(2, 3)),
    (TensorSpec("float32", ()), np.float32(2.5).tobytes(), np.float32(2.5)),
    (TensorSpec("uint8", (None, 2)), b"", np.empty((0, 2))),
    (TensorSpec("bfloat16"), b"\x80\x3f", np.array([1], ml_dtypes.bfloat16)),
    (TensorSpec("string"), b"\xff\xd8picture", np.array([b"\xff\xd8picture"], object)),
    (TensorSpec("string", (None, 1)), b"", np.array([[b""]], object)),
]


@pytest.mark.parametrize(("spec", "body", "expected"), RAW_SIGNATURES)
def test_a_body_without_json_is_the_only_tensor(
    spec: TensorSpec, body: bytes, expected: NDArray[Any]
) -> None:
    version = live(Signature({"x": spec}, {"y": TensorSpec("float32")}))

    asked = parse(body, header_length(0), version)

    np.testing.assert_array_equal(asked.inputs["x"], expected)
    assert asked.inputs["x"].shape == expected.shape
    assert asked.binary == {"y"}


@pytest.mark.parametrize(
    ("spec", "body", "said"),
    [
        (TensorSpec("uint8", (None, 4)), b"12345", "UINT8 of shape [1, 4] is 4 bytes, and 5 came"),
        (TensorSpec("uint8", (4,)), b"12345", "UINT8 of shape [4] is 4 bytes, and 5 came"),
        (TensorSpec("uint8", (None, 0)), b"1", "UINT8 of shape [0, 0] is 0 bytes, and 1 came"),
        (TensorSpec("string", (None, 2)), b"1", "2 strings, as its shape says"),
        (TensorSpec("uint8", None), b"1", "the length of a body does not tell the shape of"),
        (TensorSpec("uint8", (None, None, None)), b"1", "does not tell the shape of uint8"),
        (TensorSpec("uint8", (1, None, None)), b"1", "does not tell the shape of uint8"),
        (TensorSpec("complex64"), b"1", "there is no datatype 'COMPLEX64'"),
    ],
)
def test_a_body_without_json_that_is_no_tensor_is_refused(
    spec: TensorSpec, body: bytes, said: str
) -> None:
    with pytest.raises(InvalidInput, match=f"^input 'x': .*{re.escape(said)}"):
        parse(body, header_length(0), live(Signature({"x": spec}, {})))


def test_a_body_without_json_needs_a_model_with_one_input() -> None:
    with pytest.raises(InvalidInput, match="there are 2 inputs: ages, words"):
        read(b"1234", header_length(0))


def refused(body: bytes, headers: dict[bytes, bytes] | None = None) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as error:
        read(body, headers)
    return error.value


WRONG_FIELDS = [
    ({"datatype": "FP32", "shape": [1]}, "inputs.0.name is missing; accepted is a text"),
    ({**GOOD, "name": 5}, "inputs.0.name is 5; accepted is a text"),
    (5, "inputs.0 is 5; accepted is an object with a name"),
    ([], "inputs.0 is a list of 0 items; accepted is an object with a name"),
    (None, "inputs.0 is missing; accepted is an object with a name"),
    ({**GOOD, "datatype": "FP99"}, "input 'ages': there is no datatype 'FP99'; there are BOOL,"),
    ({**GOOD, "datatype": None}, "input 'ages': its datatype is missing; accepted is a text"),
    ({**GOOD, "datatype": ["FP32"]}, "input 'ages': its datatype is a list of 1 items"),
    ({**GOOD, "shape": None}, "input 'ages': its shape is missing; accepted is a list of sizes"),
    ({**GOOD, "shape": 2}, "input 'ages': its shape is 2; accepted is a list of sizes"),
    ({**GOOD, "shape": [1, "2"]}, "input 'ages': its shape holds the text '2'; accepted are"),
    ({**GOOD, "shape": [1.0, 2]}, "input 'ages': its shape holds 1.0; accepted are whole numbers"),
    ({**GOOD, "shape": [True, 2]}, "input 'ages': its shape holds true; accepted are whole"),
    ({**GOOD, "shape": [[1, 2]]}, "input 'ages': its shape holds a list of 2 items; accepted"),
    ({**GOOD, "shape": [-1, 2]}, "input 'ages': its shape is [-1, 2]; a size that is sent is"),
    ({**GOOD, "shape": [1, 3]}, "input 'ages': its shape [1, 3] has 3 elements, and its data 2"),
    ({**GOOD, "shape": [2**62] * 3}, "has more than 2^63 elements, and its data 2"),
    ({**GOOD, "shape": [0, 2**62, 2**62], "data": []}, "a size that is larger than any tensor's"),
    ({**GOOD, "shape": [1] * 65}, "input 'ages': its shape has 65 dimensions; a tensor has 64"),
    ({**GOOD, "data": None}, "input 'ages': it has neither data nor a binary_data_size"),
    ({**GOOD, "data": "AAA="}, "input 'ages': its data are the text 'AAA='; accepted is a list"),
    ({**GOOD, "data": {"b64": ""}}, "input 'ages': its data are an object; accepted is a list"),
    ({**GOOD, "data": [1, "2"]}, "input 'ages': its element 1 is the text '2'; an element of FP32"),
    ({**GOOD, "data": [[1], [{}]]}, "input 'ages': its element 1 is an object; an element of FP32"),
    ({**GOOD, "data": [1, True]}, "input 'ages': its element 1 is true; an element of FP32 is a n"),
    ({**GOOD, "data": [1, 1e39]}, "input 'ages': its element 1 is 1e+39, out of the range of FP32"),
    ({**GOOD, "datatype": "FP16"}, "input 'ages': FP16 is not read from JSON"),
    ({**GOOD, "datatype": "BF16"}, "input 'ages': BF16 is not read from JSON"),
    ({**GOOD, "datatype": "INT32"}, "input 'ages': its element 0 is 1.5; an element of INT32 is a"),
    ({**GOOD, "datatype": "INT8", "data": [1, 300]}, "element 1 is 300, out of the range of INT8"),
    ({**GOOD, "datatype": "INT8", "data": [1, None]}, "element 1 is null; an element of INT8 is a"),
    ({**GOOD, "datatype": "UINT8", "data": [1, -1]}, "element 1 is -1; an element of UINT8 is a w"),
    (
        {**GOOD, "datatype": "INT64", "data": [2**63, 1]},
        "element 0 is 9223372036854775808; an",
    ),
    ({**GOOD, "datatype": "BOOL", "data": [1, 0]}, "element 0 is 1; an element of BOOL is true or"),
    ({**GOOD, "datatype": "BYTES", "data": ["a", 1]}, "element 1 is 1; an element of BYTES is a t"),
    ({**GOOD, "parameters": []}, "input 'ages': its parameters are a list of 0 items; accepted"),
    ({**GOOD, "parameters": {"a": 1}}, "input 'ages': there is no parameter 'a'; there are binary"),
    (
        {**GOOD, "parameters": {"binary_data_size": 8}},
        "input 'ages': it has both data and a binary_data_size; send one of them",
    ),
    (
        tensor("ages", "FP32", [1, 2], parameters={"binary_data_size": "8"}),
        "input 'ages': its parameter binary_data_size is the text '8'; accepted is a whole number",
    ),
    (
        tensor("ages", "FP32", [1, 2], parameters={"binary_data_size": -8}),
        "input 'ages': its binary_data_size is -8, less than nothing",
    ),
    (
        tensor("ages", "FP32", [1, 2], parameters={"shared_memory_region": "a"}),
        "input 'ages': its parameter 'shared_memory_region' is not accepted: no memory is shared",
    ),
    (
        tensor("words", "BYTES", [1], data=["%"], parameters={"content_type": "base64"}),
        "input 'words': its element 0 is not valid base64, as its content_type says",
    ),
    (
        tensor("words", "BYTES", [1], data=["ż"], parameters={"content_type": "base64"}),
        "input 'words': its element 0 is not valid base64, as its content_type says",
    ),
]


@pytest.mark.parametrize(("wrong", "said"), WRONG_FIELDS)
def test_a_wrong_input_is_refused_by_name(wrong: Any, said: str) -> None:
    error = refused(with_json(wrong))

    assert isinstance(error, InvalidInput)
    assert said in error.detail
    assert error.fields


WRONG_REQUESTS = [
    (b"[]", "the body is a list of 0 items; accepted is an object"),
    (b"null", "the body is null; accepted is an object"),
    (b"{}", "inputs is missing; accepted is a list of tensors"),
    (b'{"inputs": {}}', "inputs is an object; accepted is a list of tensors"),
    (with_json(GOOD, GOOD), "input 'ages': it is there twice; send it once"),
    (with_json(GOOD, id=5), "id is 5; accepted is a text"),
    (with_json(GOOD, outputs={}), "outputs is an object; accepted is a list of tensors"),
    (with_json(GOOD, outputs=["label"]), "outputs.0 is the text 'label'; accepted is an object"),
    (
        with_json(GOOD, outputs=[{"name": "label"}] * 2),
        "output 'label': it is there twice; send it once",
    ),
    (
        with_json(GOOD, outputs=[{"name": "label", "parameters": {"binary_data": 1}}]),
        "output 'label': its parameter binary_data is 1; accepted is true or false",
    ),
    (
        with_json(GOOD, outputs=[{"name": "label", "parameters": {"classification": 3}}]),
        "output 'label': its parameter 'classification' is not accepted: labels are not looked up",
    ),
    (with_json(GOOD, parameters={"a": 1}), "the request: there is no parameter 'a'; there are"),
    (with_json(GOOD, parameters={"timeout": -1}), "the request: timeout is -1; accepted are micro"),
    (with_json(GOOD, parameters={"timeout": 0.5}), "its parameter timeout is 0.5; accepted is a w"),
    (with_json(GOOD, parameters={"timeout": True}), "its parameter timeout is true; accepted is a"),
    (with_json(GOOD, parameters={"sequence_id": 5}), "its parameter 'sequence_id' is not accepted"),
    (
        with_json(GOOD, parameters={"signature_name": "train"}),
        "version 1 of mine has no signature 'train'; there are halves, serving_default",
    ),
    (
        with_json(parameters={"signature_name": "halves"}),
        "output 'y': BF16 is not written as JSON",
    ),
    (with_json(*([GOOD] * 1_001)), "inputs has 1,001 tensors; accepted are 1,000 at most"),
]


@pytest.mark.parametrize(("body", "said"), WRONG_REQUESTS)
def test_a_wrong_request_is_refused_with_the_reason(body: bytes, said: str) -> None:
    error = refused(body)

    assert isinstance(error, InvalidInput)
    assert said in error.detail


LYING_SIZES = [
    (7, 8, 8, "input 'ages': its binary_data_size is 8, and 7 bytes are left"),
    (8, 7, 8, "FP32 of shape [1, 2] is 8 bytes, and 7 came"),
    (8, 9, 8, "input 'ages': its binary_data_size is 9, and 8 bytes are left"),
    (9, 8, 8, "1 bytes are left after the last tensor"),
    (8, 2**62, 8, "its binary_data_size is 4,611,686,018,427,387,904, and 8 bytes are left"),
]


@pytest.mark.parametrize(("sent", "said_size", "_whole", "said"), LYING_SIZES)
def test_sizes_that_lie_are_noticed(sent: int, said_size: int, _whole: int, said: str) -> None:
    head = with_json(tensor("ages", "FP32", [1, 2], parameters={"binary_data_size": said_size}))

    assert said in refused(head + bytes(sent), header_length(len(head))).detail


def test_bytes_without_a_header_that_says_where_they_begin_are_not_found() -> None:
    head = with_json(tensor("ages", "FP32", [1, 2], parameters={"binary_data_size": 8}))

    error = refused(head)

    assert "input 'ages': its binary_data_size is 8, and 0 bytes are left" in error.detail
    assert "Inference-Header-Content-Length" in error.hint


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("x", "must be a number of bytes, in digits"),
        ("-1", "must be a number of bytes, in digits"),
        ("1.5", "must be a number of bytes, in digits"),
        ("", "must be a number of bytes, in digits"),
        ("9" * 30, "must be a number of bytes, in digits"),
        ("99999", "is 99,999, and the whole body has"),
    ],
)
def test_a_header_length_that_lies_is_noticed(stated: str, said: str) -> None:
    body, _ = with_bytes({"ages": AGES})

    error = refused(body, header_length(stated))

    assert error.detail.startswith("the header Inference-Header-Content-Length ")
    assert said in error.detail


def test_a_header_length_that_cuts_the_json_is_noticed() -> None:
    body, headers = with_bytes({"ages": AGES})
    [(name, length)] = headers.items()

    for lie in (int(length) - 1, int(length) + 1, 1):
        assert isinstance(refused(body, {name: b"%d" % lie}), MalformedBody)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "the body is empty"),
        (b"{", "it ends too early"),
        (b"{'inputs': []}", "found a single quote"),
        (with_json(GOOD)[:-1] + b",}", "a comma"),
        (
            b'{"inputs": [{"name": "ages", "data": [1.0, NaN]}]}',
            "NaN is no JSON (in or",
        ),
        (b'{"inputs": [\n{"name": "ages",\n"data": [-Infinity]}]}', "(in or after 'ages')"),
        (b"[" * 10**6 + b"]" * 10**6, "not valid JSON"),
        (b"[" * 2_000 + b"]" * 2_000, "nested too deeply"),
        (b'{"inputs": [' + b'{"a":' * 2_000, "JSON"),
        (b'{"id": "\xff"}', "it is not UTF-8"),
        (b'{"id": "\\ud800"}', "half of a character"),
        (b'{"id": 1e999}', "huge number"),
        (b'{"id": 123456789012345678901234567890}', "huge number"),
    ],
)
def test_what_is_no_json_is_refused_with_the_place(body: bytes, said: str) -> None:
    error = refused(body)

    assert isinstance(error, MalformedBody)
    assert said in error.detail


def test_data_nested_deeper_than_any_tensor_are_refused() -> None:
    for datatype in ("BOOL", "BYTES"):
        data: list[Any] = []
        for _ in range(64):
            data = [data]
        error = refused(with_json(tensor("words", datatype, [1], data=data)))

        assert error.detail == "input 'words': its data are nested more than 64 deep"


def test_a_name_of_a_thousand_characters_is_cut() -> None:
    error = refused(with_json(tensor("x" * 1_000, "FP99", [1], data=[1])))

    assert "x" * 101 not in error.detail
    assert "x" * 101 not in error.fields[0].field
