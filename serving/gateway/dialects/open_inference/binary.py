"""Tensors as bytes: little-endian, row-major; each of BYTES with its length in four bytes before.

Source: the binary tensor data extension, which HTTP has, and `raw_input_contents` of gRPC.
"""

from collections.abc import Sequence
from math import prod
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.gateway.dialects.open_inference.datatypes import BYTES, NUMPY_DTYPES, numpy_dtype
from serving.gateway.dialects.open_inference.refusals import told, wrong_input

# As many as numpy has; a product of more sizes would take its time.
MAX_DIMENSIONS = 64
_LENGTH = Struct("<I")
_WIRE_DTYPES = {dtype: dtype.newbyteorder("<") for dtype in NUMPY_DTYPES.values()}
_BOOL = np.dtype(bool)


class Layout(NamedTuple):
    """An input as its sender describes it; there is such a datatype, and such a shape."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    num_elements: int


def layout(name: str, datatype: str, shape: Sequence[int]) -> Layout:
    """Check what is said of an input.

    Raises:
        InvalidInput: there is no such datatype, or no tensor has such a shape.
    """
    dtype = _WIRE_DTYPES[numpy_dtype(name, datatype)]
    return Layout(name, datatype, tuple(shape), dtype, num_elements(name, shape))


def num_elements(name: str, shape: Sequence[int]) -> int:
    """Count the elements of an input of this shape.

    Raises:
        InvalidInput: no tensor has such a shape.
    """
    if len(shape) > MAX_DIMENSIONS:
        message = f"its shape has {len(shape):,} dimensions; a tensor has {MAX_DIMENSIONS} at most"
        raise wrong_input(name, message)
    if shape and min(shape) < 0:
        message = f"its shape is {list(shape)}; a size that is sent is never negative"
        raise wrong_input(name, message, hint="Send the real sizes, such as [2, 3].")
    return prod(shape)


def shaped(name: str, flat: NDArray[Any], shape: Sequence[int]) -> NDArray[Any]:
    """Give an input's elements, of which there are the right number, their shape.

    Raises:
        InvalidInput: a size is larger than any array's; there are no elements then.
    """
    if len(shape) == 1:
        return flat
    try:
        return flat.reshape(shape)
    except (ValueError, OverflowError):
        message = "its shape has a size that is larger than any tensor's"
        raise wrong_input(name, message) from None


def decode(name: str, datatype: str, shape: Sequence[int], content: bytes) -> NDArray[Any]:
    """Turn the bytes of an input into an array, as `read` does.

    Raises:
        InvalidInput: there is no such datatype or shape, or the bytes do not fill it exactly.
    """
    return read(layout(name, datatype, shape), content, 0, len(content))


def read(laid_out: Layout, content: bytes, start: int, num_bytes: int) -> NDArray[Any]:
    """Read an input from so many bytes; numbers are not copied, and cannot be changed.

    Strings become an object array of bytes, which takes ten times their part of `content` at most.

    Raises:
        InvalidInput: the bytes do not fill its shape exactly.
    """
    dtype, size = laid_out.dtype, laid_out.num_elements
    if dtype == BYTES:
        return shaped(laid_out.name, _strings(laid_out, content, start, num_bytes), laid_out.shape)
    if num_bytes != size * dtype.itemsize:
        message = (
            f"{laid_out.datatype} of shape {list(laid_out.shape)} is "
            f"{told(size * dtype.itemsize)} bytes, and {num_bytes:,} came"
        )
        raise wrong_input(laid_out.name, message)
    # numpy takes no buffer of no bytes.
    flat = np.frombuffer(content, dtype, size, start) if size else np.empty(0, dtype)
    if dtype == _BOOL:
        _check_bools(laid_out.name, flat.view(np.uint8))
    return shaped(laid_out.name, flat, laid_out.shape)


def encode(array: NDArray[Any]) -> bytes | memoryview:
    """Turn an array into bytes; without a copy where it lies in memory as it is sent."""
    if array.dtype == BYTES:
        return encode_strings(array.ravel().tolist())
    wire = np.ascontiguousarray(array, _WIRE_DTYPES[array.dtype.newbyteorder("=")])
    # As bytes first: bfloat16 has no buffer that Python knows, nor has an array without elements.
    return wire.reshape(-1).view(np.uint8).data if wire.size else b""


def encode_strings(strings: Sequence[bytes]) -> bytes:
    """Join strings, each with its length before it."""
    pieces = [b""] * (2 * len(strings))
    pieces[::2] = [_LENGTH.pack(len(string)) for string in strings]
    pieces[1::2] = strings
    return b"".join(pieces)


def _check_bools(name: str, values: NDArray[np.uint8]) -> None:
    """A byte other than 0 and 1 would be neither of the two bools to a graph."""
    if values.size and values.max() > 1:
        index = int((values > 1).argmax())
        message = f"its element {index} is the byte {values[index]}; a BOOL is 0 or 1"
        raise wrong_input(name, message)


def _strings(laid_out: Layout, content: bytes, start: int, num_bytes: int) -> NDArray[Any]:
    size, end = laid_out.num_elements, start + num_bytes
    # Before anything is made that is as large as the shape says.
    if _LENGTH.size * size > num_bytes:
        message = (
            f"{told(size)} strings, as its shape says, are {told(_LENGTH.size * size)} bytes "
            f"or more, for each has its length before it, in four bytes; {num_bytes:,} came"
        )
        raise wrong_input(laid_out.name, message)
    strings = np.empty(size, BYTES)
    position = start
    for index in range(size):
        begin = position + _LENGTH.size
        if begin > end:
            message = f"its bytes end before its string {index} of {size:,} begins"
            raise wrong_input(laid_out.name, message)
        (length,) = _LENGTH.unpack_from(content, position)
        position = begin + length
        if position > end:
            message = (
                f"its string {index} of {size:,} says that it has {length:,} bytes, "
                f"and {end - begin:,} are left"
            )
            raise wrong_input(laid_out.name, message)
        strings[index] = content[begin:position]
    if position != end:
        message = (
            f"its shape has {size:,} strings, which end after {position - start:,} bytes, "
            f"and {num_bytes:,} came"
        )
        raise wrong_input(laid_out.name, message)
    return strings
