"""Tensor messages against TensorFlow's own, in both directions and both layouts."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from tensorflow.core.framework.tensor_pb2 import TensorProto as OfficialTensor

from proto.predict_pb2 import PredictRequest, PredictResponse
from proto.tensor_pb2 import (
    DT_FLOAT,
    DT_INT32,
    DT_STRING,
    TensorBytes,
    TensorProto,
    TensorShapeProto,
)
from serving.tensors import (
    UnreadableTensor,
    data_type,
    decode,
    decode_filled,
    decode_sent,
    dtype_name,
    encode,
    encode_all,
    encode_typed,
    with_entries,
)

DTYPES = ["f4", "f8", "f2", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", "bfloat16"]
ARRAYS: list[NDArray[Any]] = [
    *(np.array([[0, 1, 2], [100, 1, 0]]).astype(dtype) for dtype in DTYPES),
    *(np.zeros((0, 3), dtype) for dtype in DTYPES),
    np.array(7.5, np.float32),
    *(np.array([np.nan, np.inf, -np.inf, -0.0]).astype(f) for f in ("f2", "f4", "f8")),
    np.array([-(2**63), 2**63 - 1]),
    np.array([0, 2**64 - 1], np.uint64),
    np.array([[b"", b"\x00\xff"], ["żółć".encode(), b"long" * 1000]], dtype=object),
    np.array([b"same", b"size"], dtype=object),
    np.zeros((0,), dtype=object),
]


def ids(array: NDArray[Any]) -> str:
    return f"{array.dtype}{list(array.shape)}"


@pytest.mark.parametrize("array", ARRAYS, ids=ids)
def test_tensorflow_reads_what_we_write(array: NDArray[Any]) -> None:
    official = OfficialTensor.FromString(encode(array).SerializeToString())

    np.testing.assert_array_equal(tf.make_ndarray(official), array)
    assert official.dtype == tf.as_dtype(array.dtype).as_datatype_enum


@pytest.mark.parametrize("array", ARRAYS, ids=ids)
def test_we_read_what_tensorflow_writes_as_content(array: NDArray[Any]) -> None:
    decoded = decode(ours(tf.make_tensor_proto(array)))

    np.testing.assert_array_equal(decoded, array)
    assert decoded.dtype == array.dtype


@pytest.mark.parametrize("array", ARRAYS, ids=ids)
def test_we_read_typed_value_fields(array: NDArray[Any]) -> None:
    official = tf.make_tensor_proto(array)
    official.ClearField("tensor_content")
    field, values = typed_values(array)
    official.ClearField(field)
    getattr(official, field).extend(values)

    decoded = decode(ours(official))

    np.testing.assert_array_equal(decoded, array)
    assert decoded.dtype == array.dtype


@given(arrays(st.sampled_from(DTYPES[:-1]), array_shapes(min_dims=0, min_side=0)))
def test_numbers_survive_the_way_there_and_back(array: NDArray[Any]) -> None:
    np.testing.assert_array_equal(decode(encode(array)), array)


def test_entries_of_a_map_are_as_the_message_would_have_them() -> None:
    arrays = {f"{'n' * 200}{index}": array for index, array in enumerate(ARRAYS)}
    arrays["long"] = np.arange(100_000).reshape(400, 250).T
    arrays["turned"] = np.array([1, 2], ">f4")
    arrays["texts"] = np.array([[b"a" * 300], [b""]] * 200, dtype=object)[::2]
    expected = PredictRequest(output_filter=["y"])
    rest = expected.SerializeToString()
    encode_all(expected.inputs, arrays)

    for _ in range(2):  # what is kept of the first is right for the second
        written = with_entries(rest, PredictRequest.INPUTS_FIELD_NUMBER, arrays)

        assert PredictRequest.FromString(written) == expected


def test_entries_of_one_name_and_shape_differ_with_dtype_and_length() -> None:
    """What is kept of one is not taken for another."""
    for array in (*ARRAYS, np.array([[b"a"], [b"bc"]], object), np.array([[b"d"], [b""]], object)):
        written = with_entries(b"", PredictRequest.INPUTS_FIELD_NUMBER, {"x": array})

        read = decode(PredictRequest.FromString(written).inputs["x"])

        assert read.dtype == array.dtype
        np.testing.assert_array_equal(read, array)


def test_an_array_that_cannot_travel_is_refused() -> None:
    with pytest.raises(KeyError):
        with_entries(b"", PredictRequest.INPUTS_FIELD_NUMBER, {"x": np.zeros(2, np.complex64)})


@given(st.lists(st.binary()))
def test_bytes_survive_the_way_there_and_back(values: list[bytes]) -> None:
    assert decode(encode(np.array(values, dtype=object))).tolist() == values


@given(st.lists(st.binary(max_size=300), min_size=1))
def test_we_read_strings_from_content_as_tensorflow_does(values: list[bytes]) -> None:
    content = b"".join(varint(len(value)) for value in values) + b"".join(values)
    tensor = TensorProto(
        dtype=DT_STRING, tensor_shape={"dim": [{"size": len(values)}]}, tensor_content=content
    )

    official = tf.io.parse_tensor(tensor.SerializeToString(), tf.string)

    assert decode(tensor).tolist() == official.numpy().tolist() == values


@pytest.mark.parametrize("array", ARRAYS, ids=ids)
def test_what_fills_its_shape_is_read_from_either_layout(array: NDArray[Any]) -> None:
    typed, content = PredictResponse(), PredictResponse()
    encode_typed(typed.outputs, {"y": array})
    encode_all(content.outputs, {"y": array})
    for response in (typed, content):
        tensor = TensorBytes.FromString(response.outputs["y"].SerializeToString())

        outputs = decode_filled({"y": tensor})

        assert outputs is not None
        np.testing.assert_array_equal(outputs["y"], array)
        assert outputs["y"].dtype == array.dtype
        assert outputs["y"].shape == array.shape


@pytest.mark.parametrize(
    "tensor",
    [
        TensorProto(dtype=DT_FLOAT, tensor_shape={"dim": [{"size": 2}]}, float_val=[1]),
        TensorProto(dtype=DT_FLOAT, tensor_shape={"dim": [{"size": 2}]}, float_val=[1, 2, 3]),
        TensorProto(dtype=DT_INT32, tensor_shape={"dim": [{"size": 2}]}, int_val=[1]),
        TensorProto(dtype=DT_INT32, tensor_shape={"dim": [{"size": 2}]}, tensor_content=b"1234"),
        TensorProto(dtype=DT_STRING, tensor_shape={"dim": [{"size": 1}]}, tensor_content=b"\1a"),
        TensorProto(dtype=DT_FLOAT, tensor_shape={"dim": [{"size": -1}]}),
        TensorProto(dtype=DT_FLOAT, tensor_shape={"dim": [{"size": 1}] * 65}, float_val=[1]),
        TensorProto(float_val=[1]),
    ],
    ids=[
        *("abbreviated", "too many", "whole numbers abbreviated", "content too short"),
        *("texts as content", "negative", "too many dimensions", "no dtype"),
    ],
)
def test_what_takes_more_to_read_is_left_to_that(tensor: TensorProto) -> None:
    assert decode_filled({"y": TensorBytes.FromString(tensor.SerializeToString())}) is None


def test_the_last_value_stands_for_all_that_follow() -> None:
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=2), TensorShapeProto.Dim(size=2)])
    tensor = TensorProto(dtype=DT_FLOAT, tensor_shape=shape, float_val=[1, 7])

    assert decode(tensor).tolist() == [[1, 7], [7, 7]]


def test_big_endian_arrays_are_turned_round() -> None:
    assert decode(encode(np.array([1, 2], ">f4"))).tolist() == [1, 2]


@pytest.mark.parametrize(
    "tensor",
    [
        TensorProto(dtype=DT_INT32, tensor_shape={"dim": [{"size": 3}]}, tensor_content=b"1234"),
        TensorProto(dtype=DT_INT32, tensor_shape={"dim": [{"size": 3}]}),
        TensorProto(dtype=DT_INT32, tensor_shape={"dim": [{"size": 1}]}, int_val=[1, 2]),
        TensorProto(),
        TensorProto(dtype=DT_STRING, tensor_shape={"dim": [{"size": 1}]}, tensor_content=b"\x03ab"),
        TensorProto(dtype=DT_STRING, tensor_shape={"dim": [{"size": 1}]}, tensor_content=b"\x01ab"),
        TensorProto(dtype=DT_STRING, tensor_shape={"dim": [{"size": 1}]}, tensor_content=b"\xff"),
    ],
    ids=[
        *("content too short", "no values", "too many values", "no dtype"),
        *("string too short", "string too long", "length cut off"),
    ],
)
def test_values_that_do_not_fill_the_shape_are_refused(tensor: TensorProto) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(tensor)


@pytest.mark.parametrize("sizes", [[2**62, 2**62], [2**40], [-3], [-1, -1]], ids=str)
def test_shapes_that_no_memory_holds_are_refused(sizes: list[int]) -> None:
    """A value that stands for all that follow makes a small message of any shape."""
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes])
    with pytest.raises(ValueError, match=r"memory|no tensor"):
        decode(TensorProto(dtype=DT_FLOAT, tensor_shape=shape, float_val=[1]))


def test_data_types_have_tensorflows_numbers() -> None:
    for name in ("float32", "uint8", "string", "int64", "bool", "bfloat16"):
        assert data_type(name) == tf.as_dtype(name).as_datatype_enum


def varint(number: int) -> bytes:
    low = number & 0x7F
    return bytes([low]) if number < 0x80 else bytes([low | 0x80]) + varint(number >> 7)


def ours(official: OfficialTensor) -> TensorProto:
    return TensorProto.FromString(official.SerializeToString())


def typed_values(array: NDArray[Any]) -> tuple[str, list[Any]]:
    """Name the typed field of the array's dtype, as tensor.proto of TensorFlow has it."""
    if array.dtype.name in ("float16", "bfloat16"):
        return "half_val", array.ravel().view(np.uint16).tolist()
    fields = {
        "float32": "float_val",
        "float64": "double_val",
        "int64": "int64_val",
        "uint32": "uint32_val",
        "uint64": "uint64_val",
        "bool": "bool_val",
        "object": "string_val",
    }
    return fields.get(array.dtype.name, "int_val"), array.ravel().tolist()


def test_a_reference_to_a_variable_is_named_as_the_value_that_travels() -> None:
    assert [dtype_name(number) for number in (101, 107, 108, 199)] == [
        "float32",
        "string",
        "complex64",
        "dtype 99",
    ]


@pytest.mark.parametrize("array", ARRAYS, ids=ids)
def test_tensorflow_reads_the_typed_fields_that_we_write(array: NDArray[Any]) -> None:
    response = PredictResponse()
    encode_typed(response.outputs, {"y": array})

    official = OfficialTensor.FromString(response.outputs["y"].SerializeToString())

    assert not official.tensor_content
    np.testing.assert_array_equal(tf.make_ndarray(official), array)


ABBREVIATED = st.builds(
    TensorProto,
    dtype=st.sampled_from([DT_FLOAT, DT_INT32, DT_STRING]),
    tensor_shape=st.builds(
        lambda sizes: {"dim": [{"size": size} for size in sizes]},
        st.lists(st.integers(0, 4), max_size=3),
    ),
    float_val=st.lists(st.floats(width=32), max_size=3),
    int_val=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=3),
    string_val=st.lists(st.binary(max_size=3), max_size=3),
)


@given(ABBREVIATED)
def test_what_a_message_leaves_out_is_read_as_tensorflow_does(tensor: TensorProto) -> None:
    dtype = tf.as_dtype(tensor.dtype)
    official = tf.io.parse_tensor(tensor.SerializeToString(), dtype).numpy()

    read = decode_sent({"x": tensor}, max_bytes=10_000)["x"]

    assert read.shape == np.shape(official)
    np.testing.assert_array_equal(read, np.asarray(official, read.dtype))


@pytest.mark.parametrize(("field", "dtype"), [("int_val", "int8"), ("int_val", "uint8")])
def test_numbers_that_are_too_large_lose_their_upper_bits_as_tensorflows(
    field: str, dtype: str
) -> None:
    tensor = TensorProto(dtype=data_type(dtype), tensor_shape={"dim": [{"size": 2}]})
    getattr(tensor, field).extend([300, -1])

    official = tf.io.parse_tensor(tensor.SerializeToString(), dtype).numpy()

    assert decode(tensor).tolist() == official.tolist()


def test_few_bytes_stand_for_no_more_than_is_allowed_in_all() -> None:
    long = TensorProto(
        dtype=DT_STRING, tensor_shape={"dim": [{"size": 11}]}, string_val=[b"x" * 92]
    )

    assert len(decode_sent({"a": long}, max_bytes=1000)["a"]) == 11
    for messages in ({"a": long}, {"a": long, "b": long}):
        with pytest.raises(UnreadableTensor, match="stands for more than") as raised:
            decode_sent(messages, max_bytes=999 if len(messages) == 1 else 1999)
        assert raised.value.name == list(messages)[-1]
