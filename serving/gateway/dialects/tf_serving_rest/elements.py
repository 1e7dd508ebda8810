"""Single JSON values as elements of a tensor, in TF Serving's order and with its errors."""

import binascii
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.contract import TensorSpec
from serving.errors import InvalidInput, Unimplemented
from serving.gateway.dialects.tf_serving_rest.columns import INTEGERS, LARGEST_WHOLE
from serving.gateway.dialects.tf_serving_rest.json_value import Value, quoted, type_name

# How TensorFlow calls the dtypes that numpy calls otherwise.
_NAMES = {"float16": "half", "float32": "float", "float64": "double"}
_LARGEST = {"float32": float(np.finfo(np.float32).max), "float64": float(np.finfo(np.float64).max)}
_MAX_RANK = 64  # of numpy's arrays
_SPACE = re.compile(rb"[\t-\r ]+")
_BASE64 = re.compile(rb"([A-Za-z0-9+/]*)([=.]*)")

Shape = tuple[int, ...]


def shape_of(value: Value) -> Shape:
    """Return the shape that a value has if all its lists are as its first ones.

    Raises:
        InvalidInput: it has more dimensions than any tensor.
    """
    sizes = []
    while isinstance(value, list):
        sizes.append(len(value))
        if not value:
            break
        value = value[0]
    if len(sizes) > _MAX_RANK:
        message = (
            f"Encountered {len(sizes)} lists within each other; a tensor has up to {_MAX_RANK}"
        )
        raise InvalidInput(message, hint="")
    return tuple(sizes)


def flatten(value: Value, shape: Shape, dtype: str) -> list[Any]:
    """List the elements of a value of this shape, each as its dtype has it.

    Raises:
        InvalidInput: the value has another shape, or an element another type.
        Unimplemented: TF Serving reads no such dtype from JSON.
    """
    flat: list[Any] = []
    pending: list[Iterator[Value]] = [iter((value,))]
    while pending:
        level = len(pending) - 1
        for item in pending[-1]:
            if isinstance(item, list):
                _check_size(len(item), level, shape)
                pending.append(iter(item))
                break
            if level != len(shape):
                raise InvalidInput(
                    f"JSON Value: {quoted(item)} found at incorrect level: {level + 1} in the JSON "
                    f"DOM. Expected at level: {len(shape)}",
                    hint="",
                )
            flat.append(_element(item, dtype))
        else:
            pending.pop()
    return flat


def tensor(flat: list[Any], shape: Shape, spec: TensorSpec) -> NDArray[Any]:
    """Make an array of elements."""
    if spec.dtype in INTEGERS:
        # What does not fit into a small integer loses its upper bits, there as here.
        wide = np.uint64 if spec.dtype == "uint64" else np.int64
        return np.array(flat, wide).astype(spec.dtype).reshape(shape)
    # What cannot be sent has no elements here, and is refused with all other inputs.
    array = np.empty(len(flat), spec.numpy_dtype if spec.can_be_sent else object)
    array[:] = flat
    return array.reshape(shape)


def is_base64(value: Value) -> bool:
    """Tell whether a value is an object that stands for bytes."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def decode_base64(value: Value) -> bytes:
    """Decode an object that stands for bytes.

    Raises:
        InvalidInput: it is no such object, or what it holds is no base64.
    """
    if not isinstance(value, dict) or not is_base64(value):
        message = f"JSON Value: {quoted(value)} not formatted correctly for base64 data"
        raise InvalidInput(message, hint="")
    text = str(value["b64"]).encode("utf-8", "surrogateescape")
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        # White space, other padding or none, bits that are left over: all that is well.
        match = _BASE64.fullmatch(_SPACE.sub(b"", text))
    padding = {0: 0, 2: 2, 3: 1}.get(len(match[1]) % 4) if match else None
    if match is None or padding is None or len(match[2]) not in (0, padding):
        message = "Unable to base64 decode"
        raise InvalidInput(message, hint="")
    return binascii.a2b_base64(match[1] + b"=" * padding)


def check_lossless(value: float, dtype: str) -> None:
    """Refuse a number that a float cannot hold; a whole one must be held to the last digit.

    Raises:
        InvalidInput: it cannot be held.
    """
    limit = LARGEST_WHOLE[dtype] if isinstance(value, int) else _LARGEST[dtype]
    if isfinite(value) and abs(value) > limit:
        raise InvalidInput(
            f"Cannot convert JSON value: {quoted(value)} to {_NAMES[dtype]} without loss of "
            "precision.",
            hint="",
        )


def _check_size(size: int, level: int, shape: Shape) -> None:
    if level >= len(shape):
        message = f"Encountered list at unexpected level: {level} expected < {len(shape)}"
        raise InvalidInput(message, hint="")
    if size != shape[level]:
        raise InvalidInput(
            f"Encountered list at unexpected size: {size} at level: {level} "
            f"expected size: {shape[level]}",
            hint="",
        )


def _element(value: Value, dtype: str) -> Any:
    if isinstance(value, dict) and dtype == "string":
        return decode_base64(value)
    if isinstance(value, dict):
        raise _wrong_type(value, dtype)
    if dtype in LARGEST_WHOLE:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong_type(value, dtype)
        check_lossless(value, dtype)
        return float(value)
    if dtype in INTEGERS:
        lowest, highest = INTEGERS[dtype]
        if type(value) is not int or not lowest <= value <= highest:
            raise _wrong_type(value, dtype)
        return value
    if dtype == "bool" and isinstance(value, bool):
        return value
    if dtype == "string" and isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if dtype in ("bool", "string"):
        raise _wrong_type(value, dtype)
    message = f"Conversion of JSON Value: {quoted(value)} to type: {_NAMES.get(dtype, dtype)}"
    raise Unimplemented(message, hint="")


def _wrong_type(value: Value, dtype: str) -> InvalidInput:
    return InvalidInput(
        f"JSON Value: {quoted(value)} Type: {type_name(value)} is not of expected type: "
        f"{_NAMES.get(dtype, dtype)}",
        hint="",
    )
