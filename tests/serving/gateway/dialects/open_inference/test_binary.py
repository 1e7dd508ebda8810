"""Tensors as bytes, there and back, and what is no such tensor."""

import struct
import tracemalloc
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from serving.errors import InvalidInput
from serving.gateway.dialects.open_inference.binary import decode, encode, layout, read
from serving.gateway.dialects.open_inference.datatypes import NUMPY_DTYPES, datatype_of_array

NUMBERS = [name for name in NUMPY_DTYPES if name != "BYTES"]

# As the bytes stand in the extension's own words: little-endian, and four bytes before a string.
WRITTEN: list[tuple[str, NDArray[Any], bytes]] = [
    ("BOOL", np.array([True, False]), b"\x01\x00"),
    ("INT8", np.array([-1, 5], np.int8), b"\xff\x05"),
    ("INT16", np.array([258], np.int16), b"\x02\x01"),
    ("UINT32", np.array([[1], [2]], np.uint32), b"\x01\x00\x00\x00\x02\x00\x00\x00"),
    ("INT64", np.array(-2, np.int64), b"\xfe" + b"\xff" * 7),
    ("UINT64", np.array([2**64 - 1], np.uint64), b"\xff" * 8),
    ("FP16", np.array([1.0], np.float16), b"\x00\x3c"),
    ("BF16", np.array([1.0], ml_dtypes.bfloat16), b"\x80\x3f"),
    ("FP32", np.array([1.0], np.float32), b"\x00\x00\x80\x3f"),
    ("FP64", np.array([1.0], np.float64), b"\x00\x00\x00\x00\x00\x00\xf0\x3f"),
    ("BYTES", np.array([b"ab", b"", b"\x00\xff"], object), b"\2\0\0\0ab\0\0\0\0\2\0\0\0\0\xff"),
    ("FP32", np.empty((0, 3), np.float32), b""),
    ("BYTES", np.empty((0,), object), b""),
    ("BYTES", np.array(b"x", object), b"\1\0\0\0x"),
]


@pytest.mark.parametrize(("datatype", "array", "content"), WRITTEN)
def test_a_tensor_is_written_and_read(datatype: str, array: NDArray[Any], content: bytes) -> None:
    found = decode("x", datatype, array.shape, content)

    assert bytes(encode(array)) == content
    assert datatype_of_array(array) == datatype
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_an_array_in_another_order_is_written_in_that_of_the_wire() -> None:
    turned = np.arange(6, dtype=">i4").reshape(2, 3).T

    written = bytes(encode(turned))

    np.testing.assert_array_equal(decode("x", datatype_of_array(turned), (3, 2), written), turned)


@given(arrays(st.sampled_from(["f4", "f8", "i2", "u8", "?"]), array_shapes(min_dims=0, min_side=0)))
def test_numbers_survive_the_way_there_and_back(array: NDArray[Any]) -> None:
    found = decode("x", datatype_of_array(array), array.shape, bytes(encode(array)))

    np.testing.assert_array_equal(found, array)


@given(st.lists(st.binary()))
def test_strings_survive_the_way_there_and_back(strings: list[bytes]) -> None:
    array = np.empty(len(strings), object)
    array[:] = strings

    assert decode("x", "BYTES", [len(strings)], bytes(encode(array))).tolist() == strings


def test_numbers_are_not_copied() -> None:
    body = bytes(3 * 2**20)
    laid_out = layout("pixels", "UINT8", [2**20, 2])

    tracemalloc.start()
    pixels = read(laid_out, body, 100, 2 * 2**20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert np.shares_memory(pixels, np.frombuffer(body, np.uint8))
    assert peak < 10_000


def test_a_tensor_is_read_from_between_others() -> None:
    content = b"before\1\0\0\0xafter"

    assert read(layout("x", "BYTES", [1]), content, 6, 5).tolist() == [b"x"]
    assert read(layout("x", "INT8", [2]), content, 1, 2).tolist() == [ord("e"), ord("f")]
    with pytest.raises(InvalidInput, match="says that it has 1 bytes, and 0 are left"):
        read(layout("x", "BYTES", [1]), content, 6, 4)


def test_strings_take_ten_times_their_bytes_at_most() -> None:
    content = b"\2\0\0\0ab" * 100_000

    tracemalloc.start()
    strings = decode("x", "BYTES", [100_000], content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert strings[-1] == b"ab"
    assert peak < 10 * len(content)


REFUSED = [
    ("FP32", [2], b"1234", "FP32 of shape [2] is 8 bytes, and 4 came"),
    ("FP32", [], b"", "FP32 of shape [] is 4 bytes, and 0 came"),
    ("FP32", [-1], b"1234", "its shape is [-1]; a size that is sent is never negative"),
    ("FP32", [-1, -1], b"1234", "its shape is [-1, -1]; a size that is sent is never negative"),
    ("FP32", [0, -1], b"", "its shape is [0, -1]; a size that is sent is never negative"),
    ("INT8", [2**32, 2**32], b"1", "is more than 2^63 bytes, and 1 came"),
    ("INT8", [2**62, 4], b"", "is more than 2^63 bytes, and 0 came"),
    ("INT8", [0, 2**62, 2**62], b"", "its shape has a size that is larger than any tensor's"),
    ("BYTES", [0, 2**62, 2**62], b"", "its shape has a size that is larger than any tensor's"),
    ("INT8", [0, 2**80], b"", "its shape has a size that is larger than any tensor's"),
    ("INT8", [1] * 65, b"1", "its shape has 65 dimensions; a tensor has 64 at most"),
    ("BOOL", [3], b"\1\0\2", "its element 2 is the byte 2; a BOOL is 0 or 1"),
    ("FLOAT", [1], b"1234", "there is no datatype 'FLOAT'; there are BOOL, INT8, INT16,"),
    ("", [1], b"1234", "there is no datatype ''"),
    ("BYTES", [1], b"", "are 4 bytes or more, for each has its length before it"),
    ("BYTES", [2**61], b"", "strings, as its shape says, are more than 2^63 bytes or more"),
    ("BYTES", [1], b"\3\0\0\0ab", "its string 0 of 1 says that it has 3 bytes, and 2 are left"),
    ("BYTES", [1], b"\xff\xff\xff\xffab", "it has 4,294,967,295 bytes, and 2 are left"),
    ("BYTES", [2], b"\3\0\0\0abcd", "its bytes end before its string 1 of 2 begins"),
    ("BYTES", [1], b"\1\0\0\0abc", "1 strings, which end after 5 bytes, and 7 came"),
    ("BYTES", [0], b"\0\0\0\0", "0 strings, which end after 0 bytes, and 4 came"),
]


@pytest.mark.parametrize(("datatype", "shape", "content", "said"), REFUSED)
def test_what_is_no_tensor_is_refused_by_name(
    datatype: str, shape: list[int], content: bytes, said: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        decode("ages", datatype, shape, content)

    assert refused.value.detail.startswith("input 'ages': ")
    assert said in refused.value.detail
    assert [field.field for field in refused.value.fields] == ["inputs.ages"]


@given(
    st.sampled_from([*NUMBERS, "BYTES"]),
    st.lists(st.integers(-1, 2**70) | st.integers(0, 3), max_size=70),
    st.binary(max_size=40),
)
def test_any_bytes_are_a_tensor_or_refused(datatype: str, shape: list[int], content: bytes) -> None:
    try:
        found = decode("x", datatype, shape, content)
    except InvalidInput:
        return
    assert bytes(encode(found)) == content
    assert list(found.shape) == shape


@given(st.lists(st.binary(max_size=9), min_size=1), st.data())
def test_a_length_that_lies_is_noticed(strings: list[bytes], data: st.DataObject) -> None:
    lengths = [len(string) for string in strings]
    index = data.draw(st.integers(0, len(strings) - 1))
    lie = data.draw(st.integers(0, 2**32 - 1).filter(lambda length: length != lengths[index]))
    lengths[index] = lie
    content = b"".join(
        struct.pack("<I", length) + string for length, string in zip(lengths, strings, strict=True)
    )
    # Bytes of a string may happen to be a length that makes up for it.
    try:
        found = decode("x", "BYTES", [len(strings)], content)
    except InvalidInput:
        return
    assert bytes(encode(found)) == content
