"""numpy to tensor messages and back; the only file that knows the byte layout of a tensor."""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from proto import tensor_pb2
from proto.tensor_pb2 import TensorBytes, TensorProto, TensorShapeProto
from serving.contract import Tensors, TensorSpec


class UnreadableTensor(ValueError):
    """A message that is no tensor; `name` says which of several."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(why)
        self.name = name


@dataclass(frozen=True)
class _WireType:
    """How a dtype travels: its number, its numpy type, and its typed value field."""

    number: tensor_pb2.DataType
    numpy: np.dtype[Any]
    field: str


_WIRE_TYPES = [
    _WireType(tensor_pb2.DT_FLOAT, np.dtype("<f4"), "float_val"),
    _WireType(tensor_pb2.DT_DOUBLE, np.dtype("<f8"), "double_val"),
    _WireType(tensor_pb2.DT_HALF, np.dtype("<f2"), "half_val"),
    _WireType(tensor_pb2.DT_BFLOAT16, np.dtype(ml_dtypes.bfloat16), "half_val"),
    _WireType(tensor_pb2.DT_INT8, np.dtype("i1"), "int_val"),
    _WireType(tensor_pb2.DT_INT16, np.dtype("<i2"), "int_val"),
    _WireType(tensor_pb2.DT_INT32, np.dtype("<i4"), "int_val"),
    _WireType(tensor_pb2.DT_INT64, np.dtype("<i8"), "int64_val"),
    _WireType(tensor_pb2.DT_UINT8, np.dtype("u1"), "int_val"),
    _WireType(tensor_pb2.DT_UINT16, np.dtype("<u2"), "int_val"),
    _WireType(tensor_pb2.DT_UINT32, np.dtype("<u4"), "uint32_val"),
    _WireType(tensor_pb2.DT_UINT64, np.dtype("<u8"), "uint64_val"),
    _WireType(tensor_pb2.DT_BOOL, np.dtype("?"), "bool_val"),
    _WireType(tensor_pb2.DT_STRING, np.dtype(object), "string_val"),
]
# Source: DataType in tensorflow/core/framework/types.proto.
_UNSENDABLE = {
    8: "complex64",
    11: "qint8",
    12: "quint8",
    13: "qint32",
    15: "qint16",
    16: "quint16",
    18: "complex128",
    20: "resource",
    21: "variant",
    24: "float8_e5m2",
    25: "float8_e4m3fn",
    29: "int4",
    30: "uint4",
}
_MAX_DIMENSIONS = 64  # as many as numpy has
# Is added to the number of what TensorFlow 1 keeps in a variable; what travels is the value.
_REFERENCE = 100
_CONTENT = TensorProto.TENSOR_CONTENT_FIELD_NUMBER
_BY_NUMPY = {wire.numpy: wire for wire in _WIRE_TYPES}
_BY_NUMBER: dict[int, _WireType] = {wire.number: wire for wire in _WIRE_TYPES}


def data_type(dtype: str) -> tensor_pb2.DataType:
    """Return the wire's number of a dtype that a signature names, such as `float32` or `string`."""
    return _BY_NUMPY[TensorSpec(dtype).numpy_dtype].number


def dtype_name(number: int) -> str:
    """Return how a signature names a dtype: also one that cannot be sent, such as complex64."""
    number = number if number < _REFERENCE else number - _REFERENCE
    wire = _BY_NUMBER.get(number)
    if wire is None:
        return _UNSENDABLE.get(number, f"dtype {number}")
    return "string" if wire.number == tensor_pb2.DT_STRING else wire.numpy.name


def encode(array: NDArray[Any]) -> TensorProto:
    """Turn an array into a message: numbers as `tensor_content`, bytes (dtype object) one by one.

    Raises:
        KeyError: the array's dtype is none that the wire knows.
    """
    tensor = TensorProto()
    _fill(tensor, array)
    return tensor


def encode_all(messages: MutableMapping[str, TensorProto], tensors: Tensors) -> None:
    """Fill the map of a request: there, a message takes a third of the time that `encode` does.

    Raises:
        KeyError: an array's dtype is none that the wire knows.
    """
    for name, array in tensors.items():
        _fill(messages[name], array)


def encode_typed(messages: MutableMapping[str, TensorProto], tensors: Tensors) -> None:
    """Fill the map of an answer with values in their typed fields, as TensorFlow Serving does.

    Raises:
        KeyError: an array's dtype is none that the wire knows.
    """
    for name, array in tensors.items():
        tensor = messages[name]
        wire = _fill_head(tensor, array)
        values = array.astype(wire.numpy, copy=False).ravel()
        if wire.field == "half_val":
            tensor.half_val.extend(values.view(np.uint16).tolist())
        elif wire.numpy.kind == "f":
            # Without a Python object for each, which takes thirty times as long.
            packed = TensorBytes()
            setattr(packed, wire.field, values.tobytes())
            tensor.MergeFromString(packed.SerializeToString())
        else:
            getattr(tensor, wire.field).extend(values.tolist())


def with_entries(message: bytes, field: int, tensors: Tensors) -> bytes:
    """Write tensors as entries of a message's map from name to tensor, behind the rest of it.

    So numbers are copied once. Put into the message they are copied three times: out of the array,
    into the message, and when that is written.

    Raises:
        KeyError: an array's dtype is none that the wire knows.
    """
    # Arrays too, which are buffers: numpy's types say so from Python 3.12 on.
    pieces: list[Any] = [message]
    for name, array in tensors.items():
        wire = _wire_of(array)
        if wire.number == tensor_pb2.DT_STRING:
            texts = TensorProto(string_val=array.ravel().tolist()).SerializeToString()
            head = _entry_head(field, name, wire.number, array.shape, len(texts))
            pieces += (head, texts)
        else:
            numbers = np.ascontiguousarray(array, wire.numpy)
            head = _entry_head(field, name, wire.number, array.shape, numbers.nbytes)
            pieces += (head, numbers)
    return b"".join(pieces)


# Kept: the same names and shapes come again and again, and a house's nine inputs take a fifth.
@lru_cache(maxsize=2048)
def _entry_head(
    field: int, name: str, number: tensor_pb2.DataType, shape: tuple[int, ...], num_bytes: int
) -> bytes:
    """Write an entry up to the last so many bytes of it: its tensor's values."""
    described = TensorProto()
    _describe(described, number, shape)
    tensor = described.SerializeToString()
    if number != tensor_pb2.DT_STRING:
        tensor += _bytes_field(_CONTENT, num_bytes)
    key = name.encode()
    entry = b"".join(
        [_bytes_field(1, len(key)), key, _bytes_field(2, len(tensor) + num_bytes), tensor]
    )
    return _bytes_field(field, len(entry) + num_bytes) + entry


def _bytes_field(number: int, length: int) -> bytes:
    """Write what stands before so many bytes of a field.

    Source: "Message Structure" of protobuf's encoding; 2 is the type of what has a length.
    """
    return _as_varint(number << 3 | 2) + _as_varint(length)


def _as_varint(value: int) -> bytes:
    """Write a number, seven bits a byte, the lowest first."""
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _fill(tensor: TensorProto, array: NDArray[Any]) -> None:
    wire = _fill_head(tensor, array)
    if wire.number == tensor_pb2.DT_STRING:
        tensor.string_val.extend(array.ravel().tolist())
    else:
        tensor.tensor_content = array.astype(wire.numpy, copy=False).tobytes()


def _fill_head(tensor: TensorProto, array: NDArray[Any]) -> _WireType:
    """Say an array's dtype and shape; return how its values travel."""
    wire = _wire_of(array)
    _describe(tensor, wire.number, array.shape)
    return wire


def _describe(tensor: TensorProto, number: tensor_pb2.DataType, shape: tuple[int, ...]) -> None:
    tensor.dtype = number
    for size in shape:
        tensor.tensor_shape.dim.add().size = size


def _wire_of(array: NDArray[Any]) -> _WireType:
    return _BY_NUMPY.get(array.dtype) or _BY_NUMPY[array.dtype.newbyteorder("<")]


def decode_filled(messages: Mapping[str, TensorBytes]) -> Tensors | None:
    """Turn an answer's map into tensors if the values of each fill its shape exactly, as is usual.

    None stands for one that takes `decode` to read it, or to say why it cannot be read. This way
    the three outputs of a house take a quarter of the time.

    Raises:
        DecodeError: a shape is none.
    """
    arrays = {}
    for name, tensor in messages.items():
        array = _filled(tensor)
        if array is None:
            return None
        arrays[name] = array
    return arrays


def _filled(tensor: TensorBytes) -> NDArray[Any] | None:
    wire = _BY_NUMBER.get(tensor.dtype)
    shape = _read_shape(tensor.tensor_shape)
    if wire is None or shape is None:
        return None
    values = tensor.tensor_content or getattr(tensor, wire.field)
    if not isinstance(values, bytes):
        return _from_field(values, wire).reshape(shape) if len(values) == prod(shape) else None
    if wire.number == tensor_pb2.DT_STRING or len(values) != prod(shape) * wire.numpy.itemsize:
        return None
    return np.ndarray(shape, wire.numpy, values)


@lru_cache(maxsize=1024)
def _read_shape(written: bytes) -> tuple[int, ...] | None:
    """Read a shape's message; None if no array has such a one."""
    shape = tuple(dim.size for dim in TensorShapeProto.FromString(written).dim)
    return shape if len(shape) <= _MAX_DIMENSIONS and min(shape, default=0) >= 0 else None


def decode_all(messages: Mapping[str, TensorProto]) -> Tensors:
    """Turn an answer's map into tensors.

    Raises:
        ValueError: one cannot be read, as `decode` says.
    """
    return {name: decode(tensor) for name, tensor in messages.items()}


def decode(tensor: TensorProto) -> NDArray[Any]:
    """Turn a message into an array, whichever of the two layouts its values have.

    Strings become an object array of bytes. Arrays read from `tensor_content` are read-only.

    Raises:
        ValueError: the dtype is unknown, or the values do not fill the shape.
    """
    wire, shape = _read_head(tensor)
    if tensor.tensor_content:
        return _from_content(tensor.tensor_content, wire, shape)
    values = _from_field(getattr(tensor, wire.field), wire)
    return _repeat_last(values, prod(shape)).reshape(shape)


def decode_sent(messages: Mapping[str, TensorProto], *, max_bytes: int) -> Tensors:
    """Turn the messages of anybody's making into tensors, read as TensorFlow would.

    Values that one leaves out are its last one again, or 0 if it has none; those beyond its shape
    count for nothing. So few bytes can stand for many, but for no more than `max_bytes` in all.

    Raises:
        UnreadableTensor: one cannot be read, as `decode` says, or stands for too much.
    """
    arrays = {}
    for name, tensor in messages.items():
        try:
            arrays[name], added = _spelt_out(tensor, max_bytes)
        except ValueError as error:
            raise UnreadableTensor(name, str(error)) from error
        max_bytes -= added
    return arrays


def _spelt_out(tensor: TensorProto, max_bytes: int) -> tuple[NDArray[Any], int]:
    """Return an array, and how many bytes of it the message has left out."""
    wire, shape = _read_head(tensor)
    if tensor.tensor_content:
        return _from_content(tensor.tensor_content, wire, shape), 0
    values, size = getattr(tensor, wire.field), prod(shape)
    is_string = wire.number == tensor_pb2.DT_STRING
    each = wire.numpy.itemsize + (len(values[-1]) if is_string and values else 0)
    added = max(size - len(values), 0) * each
    if added > max_bytes:
        message = (
            f"its shape {shape} stands for more than {max_bytes:,} bytes, "
            f"and {len(values):,} of its values came"
        )
        raise ValueError(message)
    if added and not values:
        return np.full(shape, b"" if is_string else 0, wire.numpy), added
    if size < len(values):
        values = values[:size]
    return _repeat_last(_from_field(values, wire), size).reshape(shape), added


def _read_head(tensor: TensorProto) -> tuple[_WireType, list[int]]:
    """Return how a message's values travel, and its shape."""
    wire = _BY_NUMBER.get(tensor.dtype)
    if wire is None:
        message = f"tensors of type {dtype_name(tensor.dtype)} are not read"
        raise ValueError(message)
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if len(shape) > _MAX_DIMENSIONS:
        message = f"its shape has {len(shape)} dimensions; a tensor has {_MAX_DIMENSIONS} at most"
        raise ValueError(message)
    if min(shape, default=0) < 0:
        message = f"{shape} is the shape of no tensor"
        raise ValueError(message)
    return wire, shape


def _from_content(content: bytes, wire: _WireType, shape: list[int]) -> NDArray[Any]:
    size = prod(shape)
    if wire.number == tensor_pb2.DT_STRING:
        return _strings(content, size).reshape(shape)
    expected = size * wire.numpy.itemsize
    if len(content) != expected:
        message = f"{wire.numpy.name} of shape {shape} is {expected} bytes, and {len(content)} came"
        raise ValueError(message)
    return np.frombuffer(content, wire.numpy).reshape(shape)


def _strings(content: bytes, size: int) -> NDArray[Any]:
    """Cut strings apart: their lengths stand first, as varints, then their bytes without a gap.

    Source: port::EncodeStringList in tensorflow/core/platform/tensor_coding.cc.
    """
    lengths, position = [], 0
    for _ in range(size):
        length, position = _varint(content, position)
        lengths.append(length)
    if position + sum(lengths) != len(content):
        message = f"{size} strings do not fill {len(content)} bytes"
        raise ValueError(message)
    strings = np.empty(size, dtype=object)
    for index, length in enumerate(lengths):
        strings[index] = content[position : position + length]
        position += length
    return strings


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """Return the number at a position, seven bits a byte, the lowest first, and where it ends."""
    value = shift = 0
    for byte in content[position : position + 5]:
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    message = "a string's length is cut off"
    raise ValueError(message)


def _from_field(values: Any, wire: _WireType) -> NDArray[Any]:
    if wire.field == "half_val":
        return np.array(values, np.uint16).view(wire.numpy)
    return np.array(values, wire.numpy)


def _repeat_last(values: NDArray[Any], size: int) -> NDArray[Any]:
    """Fill up with the last value, as TensorFlow lets a message abbreviate a constant tensor."""
    if 0 < len(values) < size:
        try:
            return np.concatenate([values, np.repeat(values[-1:], size - len(values))])
        except (MemoryError, OverflowError) as error:
            message = f"{size} values are more than fit into memory"
            raise ValueError(message) from error
    return values
