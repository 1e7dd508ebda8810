"""Checked against TensorFlow's own reader, which is the one that TF Serving uses."""

import random
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from serving.embedded import tensor_protos

DTYPES: dict[int, tuple[str, list[Any]]] = {
    types_pb2.DT_FLOAT: ("float_val", [1.5, -2.0, float("inf"), float("nan")]),
    types_pb2.DT_DOUBLE: ("double_val", [0.1, -1e300]),
    types_pb2.DT_HALF: ("half_val", [0x3C00, 0xFFFF]),
    types_pb2.DT_BFLOAT16: ("half_val", [0x3F80, 0x4000]),
    types_pb2.DT_COMPLEX64: ("scomplex_val", [1.0, 2.0, 3.0]),
    types_pb2.DT_COMPLEX128: ("dcomplex_val", [1.0, 2.0]),
    types_pb2.DT_INT8: ("int_val", [-128, 127, 300]),
    types_pb2.DT_INT16: ("int_val", [-32768, 70000]),
    types_pb2.DT_INT32: ("int_val", [-(2**31), 2**31 - 1]),
    types_pb2.DT_INT64: ("int64_val", [-(2**63), 2**63 - 1]),
    types_pb2.DT_UINT8: ("int_val", [0, 255, -1]),
    types_pb2.DT_UINT16: ("int_val", [0, 65535, 65536]),
    types_pb2.DT_UINT32: ("uint32_val", [0, 2**32 - 1]),
    types_pb2.DT_UINT64: ("uint64_val", [0, 2**64 - 1]),
    types_pb2.DT_BOOL: ("bool_val", [True, False]),
    types_pb2.DT_STRING: ("string_val", [b"", b"\0a\0", b"\xff" * 200]),
    types_pb2.DT_QINT8: ("int_val", [-128, 127]),
}


def some_proto(dtype: int, chance: random.Random) -> tensor_pb2.TensorProto:
    """Make a tensor with too few, too many or no values, sometimes as content."""
    proto = tensor_pb2.TensorProto(dtype=dtype)
    shape = [chance.choice([0, 1, 2, 3]) for _ in range(chance.randrange(4))]
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    field, values = DTYPES[dtype]
    getattr(proto, field).extend(chance.choices(values, k=chance.randrange(8)))
    if chance.random() < 0.3:
        proto.tensor_content = bytes(chance.randrange(24))
    return proto


def tensorflow_reads(proto: tensor_pb2.TensorProto) -> np.ndarray | None:
    try:
        array = tf.io.parse_tensor(proto.SerializeToString(), proto.dtype).numpy()
    except tf.errors.InvalidArgumentError:
        return None
    return np.asarray(array, object if proto.dtype == types_pb2.DT_STRING else None)


def we_read(proto: tensor_pb2.TensorProto) -> np.ndarray | None:
    try:
        return tensor_protos.decode(proto)
    except ValueError:
        return None


def same(ours: np.ndarray | None, theirs: np.ndarray | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    if ours.dtype == object:
        return ours.shape == theirs.shape and bool((ours == theirs).all())
    return ours.shape == theirs.shape and ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("dtype", DTYPES, ids=types_pb2.DataType.Name)
def test_reads_what_tensorflow_reads(dtype: int) -> None:
    chance = random.Random(dtype)  # noqa: S311 - the same cases in every run
    for _ in range(150):
        proto = some_proto(dtype, chance)
        assert same(we_read(proto), tensorflow_reads(proto)), proto


@pytest.mark.parametrize("as_content", [False, True])
@pytest.mark.parametrize("dtype", DTYPES, ids=types_pb2.DataType.Name)
def test_tensorflow_reads_what_is_written(dtype: int, as_content: bool) -> None:
    chance = random.Random(dtype)  # noqa: S311 - the same cases in every run
    for _ in range(40):
        proto = some_proto(dtype, chance)
        array = we_read(proto)
        if array is not None:
            written = tensor_pb2.TensorProto()
            tensor_protos.encode(written, array, dtype, as_content)
            assert bool(written.tensor_content) == (as_content and array.size > 0)
            assert same(array, tensorflow_reads(written)), proto


def strings_of(content: bytes, count: int) -> tensor_pb2.TensorProto:
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, tensor_content=content)
    proto.tensor_shape.dim.add(size=count)
    return proto


def test_strings_in_content_keep_their_bounds() -> None:
    # Lengths of one byte and, from 128 on, of two; then the bytes of all strings.
    content = b"\x02\x00\xad\x02\x03\x7f" + b"ab" + b"x" * 301 + b"\0\xff\0" + b"y" * 127
    proto = strings_of(content, 5)
    assert same(we_read(proto), tensorflow_reads(proto))
    assert tensor_protos.decode(proto).tolist() == [
        *(b"ab", b"", b"x" * 301, b"\0\xff\0", b"y" * 127)
    ]
    written = tensor_pb2.TensorProto()
    tensor_protos.encode(written, tensor_protos.decode(proto), proto.dtype, as_content=True)
    assert written == proto


def test_damaged_string_content_is_read_or_refused_as_tensorflow_does() -> None:
    content = b"\x02\x81\x01\x01" + b"ab" + b"x" * 129 + b"c"
    shorter = [content[:size] for size in range(1, 8)] + [content[:-1]]
    longer = [content + b"d", b"\x00" + content]
    changed = [
        content[:place] + bytes([byte]) + content[place + 1 :]
        for place in range(4)
        for byte in (0x00, 0x01, 0x7F, 0x80, 0xFF)
    ]
    for damaged in (content, *shorter, *longer, *changed):
        proto = strings_of(damaged, 3)
        assert same(we_read(proto), tensorflow_reads(proto)), damaged


@pytest.mark.parametrize(
    "length",
    [
        *(b"\x01", b"\x81\x00", b"\x81\x80\x80\x80\x00"),
        # beyond 32 bits, and beyond the five bytes that these take
        *(b"\x81\x80\x80\x80\x10", b"\xff\xff\xff\xff\x7f", b"\x81\x80\x80\x80\x80\x00"),
    ],
)
def test_odd_lengths_in_string_content(length: bytes) -> None:
    proto = strings_of(length + b"a", 1)
    assert same(we_read(proto), tensorflow_reads(proto))


@pytest.mark.parametrize("sizes", [[-1], [2**40, 2**40], [1] * 255])
def test_impossible_shapes_are_refused(sizes: list[int]) -> None:
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, float_val=[1.0])
    for size in sizes:
        proto.tensor_shape.dim.add(size=size)
    with pytest.raises(ValueError, match=r"shape|elements"):
        tensor_protos.decode(proto)


@pytest.mark.parametrize("dtype", [types_pb2.DT_INVALID, types_pb2.DT_RESOURCE, 101, 999])
def test_dtypes_that_cannot_travel_are_refused(dtype: int) -> None:
    with pytest.raises(ValueError, match="dtype"):
        tensor_protos.decode(tensor_pb2.TensorProto(dtype=dtype))
