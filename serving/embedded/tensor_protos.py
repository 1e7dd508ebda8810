"""TensorProto to numpy and back, as TensorFlow's C++ reads and writes it; knows no model.

Differs from `tf.make_ndarray` and `tf.make_tensor_proto` where TF Serving does: values beyond the
shape are ignored, missing ones repeat the last, and answers come in typed fields.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.core.framework import tensor_pb2, types_pb2

from proto.tensor_pb2 import TensorBytes

Array = NDArray[Any]

# TensorShape's own limits (tensor_shape.h).
_MOST_DIMENSIONS = 254
_MOST_ELEMENTS = 2**63 - 1

# Fields whose packed wire form is the little-endian memory of an array, with their numbers.
_FIELDS_IN_MEMORY_FORM = {
    "float_val": 5,
    "double_val": 6,
    "scomplex_val": 9,
    "bool_val": 11,
    "dcomplex_val": 12,
}


@dataclass(frozen=True)
class Layout:
    """How the values of one dtype lie in a TensorProto.

    `same_bits` says that the field holds the values' bits (a half as uint16, a complex number as
    two floats) and not their numbers.
    """

    field: str
    element: Any
    same_bits: bool = False


_LAYOUTS = {
    types_pb2.DT_FLOAT: Layout("float_val", np.float32),
    types_pb2.DT_DOUBLE: Layout("double_val", np.float64),
    types_pb2.DT_COMPLEX64: Layout("scomplex_val", np.float32, same_bits=True),
    types_pb2.DT_COMPLEX128: Layout("dcomplex_val", np.float64, same_bits=True),
    types_pb2.DT_HALF: Layout("half_val", np.uint16, same_bits=True),
    types_pb2.DT_BFLOAT16: Layout("half_val", np.uint16, same_bits=True),
    types_pb2.DT_BOOL: Layout("bool_val", np.bool_),
    types_pb2.DT_INT64: Layout("int64_val", np.int64),
    types_pb2.DT_UINT32: Layout("uint32_val", np.uint32),
    types_pb2.DT_UINT64: Layout("uint64_val", np.uint64),
    types_pb2.DT_INT32: Layout("int_val", np.int32),
    types_pb2.DT_INT16: Layout("int_val", np.int32),
    types_pb2.DT_INT8: Layout("int_val", np.int32),
    types_pb2.DT_UINT16: Layout("int_val", np.int32),
    types_pb2.DT_UINT8: Layout("int_val", np.int32),
    types_pb2.DT_INT4: Layout("int_val", np.int32),
    types_pb2.DT_UINT4: Layout("int_val", np.int32),
    types_pb2.DT_QINT8: Layout("int_val", np.int32),
    types_pb2.DT_QUINT8: Layout("int_val", np.int32),
    types_pb2.DT_QINT16: Layout("int_val", np.int32),
    types_pb2.DT_QUINT16: Layout("int_val", np.int32),
    types_pb2.DT_QINT32: Layout("int_val", np.int32),
}


def decode(proto: tensor_pb2.TensorProto) -> Array:
    """Return the tensor as an array; strings are bytes in an object array.

    Raises:
        ValueError: an impossible shape, a dtype that cannot travel, or content of another size.
    """
    shape = _shape_of(proto)
    count = math.prod(shape)
    content = proto.tensor_content  # read once: every access copies it
    if proto.dtype == types_pb2.DT_STRING:
        return _decode_strings(proto, content, count).reshape(shape)  # [count] -> shape
    dtype = _numpy_dtype(proto.dtype)
    if count == 0:
        return np.empty(shape, dtype)
    if content:
        if len(content) != count * dtype.itemsize:
            raise ValueError("tensor_content is not of the shape's size")
        return np.frombuffer(content, dtype).reshape(shape)  # [count] -> shape
    values = _decode_typed_values(proto, dtype)
    return _fit(values, count, np.zeros(1, dtype)).reshape(shape)  # [values] -> [count] -> shape


def encode(
    proto: tensor_pb2.TensorProto, array: Array, dtype: int, as_content: bool = False
) -> None:
    """Write a tensor into an empty message, in typed fields or all in `tensor_content`."""
    proto.dtype = dtype
    proto.tensor_shape.SetInParent()
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if array.size == 0:
        return
    if dtype == types_pb2.DT_STRING:
        strings = array.ravel().tolist()  # shape -> [count]
        if as_content:
            proto.tensor_content = b"".join([*(_varint(len(s)) for s in strings), *strings])
        else:
            proto.string_val.extend(strings)
    elif as_content:
        proto.tensor_content = array.tobytes()
    else:
        _append_typed_values(proto, np.ascontiguousarray(array).ravel())  # shape -> [count]


def shape_text(array: Array) -> str:
    """Spell a shape as TensorFlow's texts do: `[2,3]`."""
    return f"[{','.join(map(str, array.shape))}]"


def dtype_name(array: Array) -> str:
    """Return the name of an array's dtype on the wire, such as `DT_FLOAT`."""
    name: str = types_pb2.DataType.Name(tf.dtypes.as_dtype(array.dtype).as_datatype_enum)
    return name


def _shape_of(proto: tensor_pb2.TensorProto) -> tuple[int, ...]:
    shape = tuple(dimension.size for dimension in proto.tensor_shape.dim)
    if len(shape) > _MOST_DIMENSIONS or any(size < 0 for size in shape):
        raise ValueError("not the shape of a tensor")
    if math.prod(size for size in shape if size) > _MOST_ELEMENTS:
        raise ValueError("more elements than can be counted")
    return shape


@cache
def _numpy_dtype(dtype: int) -> np.dtype[Any]:
    if dtype not in _LAYOUTS:
        raise ValueError("no dtype of a tensor on the wire")
    numpy_dtype: np.dtype[Any] = np.dtype(tf.dtypes.as_dtype(dtype).as_numpy_dtype)
    return numpy_dtype


def _decode_typed_values(proto: tensor_pb2.TensorProto, dtype: np.dtype[Any]) -> Array:
    layout = _LAYOUTS[proto.dtype]
    field = getattr(proto, layout.field)
    if layout.element is np.uint16:
        # The field is an int32; TensorFlow keeps its lower 16 bits.
        return np.fromiter(field, np.int32, len(field)).astype(np.uint16).view(dtype)
    if layout.field in ("float_val", "double_val"):
        # A Python float for each would take thirty times as long.
        packed = TensorBytes.FromString(proto.SerializeToString())
        return np.frombuffer(getattr(packed, layout.field), layout.element)
    elements = np.fromiter(field, layout.element, len(field))
    if layout.same_bits:
        whole = len(elements) // 2 * 2
        return elements[:whole].view(dtype)  # [2 * values] -> [values]
    return elements.astype(dtype, copy=False)


def _decode_strings(proto: tensor_pb2.TensorProto, content: bytes, count: int) -> Array:
    in_content = bool(content) and count > 0
    strings = _split_string_content(content, count) if in_content else list(proto.string_val)
    values = np.empty(len(strings), object)
    values[:] = strings
    return _fit(values, count, np.array([b""], object))


def _fit(values: Array, count: int, filler: Array) -> Array:
    """Cut to `count` values, or repeat the last one (`filler`, one value, when there is none)."""
    if len(values) >= count:
        return values[:count]
    fitted = np.empty(count, values.dtype)
    fitted[: len(values)] = values
    fitted[len(values) :] = values[-1:] if len(values) else filler
    return fitted


def _append_typed_values(proto: tensor_pb2.TensorProto, values: Array) -> None:
    layout = _LAYOUTS[proto.dtype]
    # [count], or [2 * count] of a complex number's parts
    elements = values.view(layout.element) if layout.same_bits else values.astype(layout.element)
    number = _FIELDS_IN_MEMORY_FORM.get(layout.field)
    if number is None:
        getattr(proto, layout.field).extend(elements.tolist())
    else:
        # A list of Python floats would cost ten times the memory of a large answer.
        payload = elements.tobytes()
        proto.MergeFromString(_varint(number << 3 | 2) + _varint(len(payload)) + payload)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _split_string_content(content: bytes, count: int) -> list[bytes]:
    """Undo TensorFlow's form of a string tensor's content: all lengths, then all bytes."""
    position = 0
    lengths = []
    for _ in range(count):
        length = shift = 0
        while True:
            if position == len(content) or shift > 28:
                raise ValueError("tensor_content ends inside a length")
            byte = content[position]
            position += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        lengths.append(length & 0xFFFFFFFF)  # a uint32 in TensorFlow, which drops what is beyond
    if sum(lengths) != len(content) - position:
        raise ValueError("tensor_content is not of the strings' size")
    strings = []
    for length in lengths:
        strings.append(content[position : position + length])
        position += length
    return strings
