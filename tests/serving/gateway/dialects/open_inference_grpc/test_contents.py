"""Typed contents: elements in the field of their datatype, and what is wrong with others."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from proto.open_inference_pb2 import InferTensorContents
from serving.errors import InvalidInput
from serving.gateway.dialects.open_inference.datatypes import NUMPY_DTYPES, ONLY_BINARY
from serving.gateway.dialects.open_inference_grpc import contents

TYPED = [name for name in NUMPY_DTYPES if name not in ONLY_BINARY]


def array_of(datatype: str) -> NDArray[Any]:
    if datatype == "BYTES":
        return np.array([[b"", b"\x00\xff"], ["żółć".encode(), b"x"]], dtype=object)
    dtype = NUMPY_DTYPES[datatype]
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        return np.array([[bounds.min, bounds.max], [0, 1]], dtype)
    return np.array([[0, 1], [1, 0]]).astype(dtype)


@pytest.mark.parametrize("datatype", TYPED)
def test_elements_survive_the_way_there_and_back(datatype: str) -> None:
    array, message = array_of(datatype), InferTensorContents()
    contents.encode(message, array)

    read = contents.decode("x", datatype, [2, 2], message)

    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype


def test_floats_that_are_no_numbers_are_floats() -> None:
    message = InferTensorContents(fp32_contents=[np.nan, np.inf, -0.0])

    read = contents.decode("x", "FP32", [3], message)

    np.testing.assert_array_equal(read, np.array([np.nan, np.inf, -0.0], np.float32))


def test_a_tensor_without_elements_needs_no_contents() -> None:
    assert contents.decode("x", "INT8", [0, 3], InferTensorContents()).shape == (0, 3)
    assert contents.decode("x", "BYTES", [0], InferTensorContents()).shape == (0,)


WRONG: dict[str, tuple[str, list[int], dict[str, Any], str]] = {
    "no datatype": ("", [1], {"int_contents": [1]}, "there is no datatype ''"),
    "unknown datatype": ("FP8", [1], {"int_contents": [1]}, "there is no datatype 'FP8'"),
    "half": ("FP16", [1], {"fp32_contents": [1]}, "send it in raw_input_contents"),
    "bfloat16": ("BF16", [1], {"fp32_contents": [1]}, "send it in raw_input_contents"),
    "wrong field": ("FP32", [1], {"fp64_contents": [1]}, "those of FP32 are in fp32_contents"),
    "two fields": (
        *("FP32", [1], {"fp32_contents": [1], "int_contents": [1]}),
        "its contents are in int_contents",
    ),
    "too few": ("FP32", [2, 2], {"fp32_contents": [1, 2, 3]}, "is 4 elements, and 3 came"),
    "too many": ("BYTES", [1], {"bytes_contents": [b"a", b"b"]}, "is 1 elements, and 2 came"),
    "none": ("INT64", [3], {}, "is 3 elements, and 0 came"),
    "negative": ("FP32", [-1, -1], {"fp32_contents": [1]}, "never negative"),
    "overflow": ("FP32", [2**62, 4], {"fp32_contents": [1]}, "more than 2^63"),
    "huge and empty": ("FP32", [2**62, 0, 2**62], {}, "larger than any tensor's"),
    "dimensions": ("FP32", [1] * 100, {"fp32_contents": [1]}, "100 dimensions"),
    "above int8": ("INT8", [2], {"int_contents": [1, 128]}, "element 1 is 128; INT8 is from -128"),
    "below int16": ("INT16", [1], {"int_contents": [-32769]}, "element 0 is -32769"),
    "above uint8": ("UINT8", [1], {"uint_contents": [256]}, "UINT8 is from 0 to 255"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_the_inputs_name(case: str) -> None:
    datatype, shape, fields, said = WRONG[case]

    with pytest.raises(InvalidInput) as raised:
        contents.decode("pixels", datatype, shape, InferTensorContents(**fields))

    assert "input 'pixels'" in raised.value.detail
    assert said in raised.value.detail
    assert [field.field for field in raised.value.fields] == ["inputs.pixels"]
