"""Tensors as bytes: little-endian, row-major; each of BYTES with its length in four bytes before.

Source: the binary tensor data extension, which HTTP has, and `raw_input_contents` of gRPC.
"""

from collections.abc import Sequence
from math import prod
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.gateway.dialects.open_inference.datatypes import BYTES, NUMPY_DTYPES, numpy_dtype
from serving.gateway.dialects.open_inference.refusals import wrong_input

Content = bytes | memoryview

# As many as numpy has; a product of more sizes would take its time.
_MAX_DIMENSIONS = 64
_LENGTH = Struct("<I")
_WIRE_DTYPES = {dtype: dtype.newbyteorder("<") for dtype in NUMPY_DTYPES.values()}
_BOOL = np.dtype(bool)


def num_elements(name: str, shape: Sequence[int]) -> int:
    """Count the elements of an input of this shape.

    Raises:
        InvalidInput: no tensor has such a shape.
    """
    if len(shape) > _MAX_DIMENSIONS:
        message = f"its shape has {len(shape):,} dimensions; a tensor has {_MAX_DIMENSIONS} at most"
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
    try:
        return flat.reshape(shape)
    except (ValueError, OverflowError):
        message = "its shape has a size that is larger than any tensor's"
        raise wrong_input(name, message) from None


def decode(name: str, datatype: str, shape: Sequence[int], content: Content) -> NDArray[Any]:
    """Turn the bytes of an input into an array: numbers are not copied, and cannot be changed.

    Strings become an object array of bytes, which takes ten times their part of `content` at most.

    Raises:
        InvalidInput: there is no such datatype or shape, or the bytes do not fill it exactly.
    """
    dtype = numpy_dtype(name, datatype)
    size = num_elements(name, shape)
    if dtype == BYTES:
        return shaped(name, _strings(name, size, content), shape)
    expected = size * dtype.itemsize
    if len(content) != expected:
        message = (
            f"{datatype} of shape {list(shape)} is {_large(expected)} bytes, "
            f"and {len(content):,} came"
        )
        raise wrong_input(name, message)
    if dtype == _BOOL:
        return shaped(name, _bools(name, content), shape)
    # numpy does not look at a buffer of no bytes with pleasure.
    flat = np.frombuffer(content, _WIRE_DTYPES[dtype]) if size else np.empty(0, dtype)
    return shaped(name, flat, shape)


def encode(array: NDArray[Any]) -> Content:
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


def _bools(name: str, content: Content) -> NDArray[Any]:
    """A byte other than 0 and 1 would be neither of the two bools to the graph."""
    flat = np.frombuffer(content, np.uint8) if len(content) else np.empty(0, np.uint8)
    if flat.size and flat.max() > 1:
        index = int((flat > 1).argmax())
        message = f"its element {index} is the byte {flat[index]}; a BOOL is 0 or 1"
        raise wrong_input(name, message)
    return flat.view(_BOOL)


def _strings(name: str, size: int, content: Content) -> NDArray[Any]:
    # Before anything is made that is as large as the shape says.
    if _LENGTH.size * size > len(content):
        message = (
            f"{_large(size)} strings, as its shape says, are {_large(_LENGTH.size * size)} bytes "
            f"or more, for each has its length before it, in four bytes; {len(content):,} came"
        )
        raise wrong_input(name, message)
    strings = np.empty(size, BYTES)
    position = 0
    for index in range(size):
        start = position + _LENGTH.size
        if start > len(content):
            message = f"its bytes end before its string {index} of {size:,} begins"
            raise wrong_input(name, message)
        (length,) = _LENGTH.unpack_from(content, position)
        position = start + length
        if position > len(content):
            message = (
                f"its string {index} of {size:,} says that it has {length:,} bytes, "
                f"and {len(content) - start:,} are left"
            )
            raise wrong_input(name, message)
        strings[index] = bytes(content[start:position])
    if position != len(content):
        message = (
            f"its shape has {size:,} strings, which end after {position:,} bytes, "
            f"and {len(content):,} came"
        )
        raise wrong_input(name, message)
    return strings


def _large(number: int) -> str:
    """Write a number that may have a thousand digits."""
    return f"{number:,}" if number < 2**63 else "more than 2^63"
