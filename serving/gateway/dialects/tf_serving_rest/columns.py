"""Whole lists of JSON values as arrays, without an object of ours for each value.

Only for what is as it should be; anything else is `NotPlain`, and for `elements` to judge.
"""

import struct
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.gateway.dialects.tf_serving_rest.json_value import Value

MAX_RANK = 32
# The largest whole numbers that TF Serving takes for a float: as many bits as it has digits.
LARGEST_WHOLE = {"float32": 2**24 - 1, "float64": 2**53 - 1}
# The range of each dtype that TF Serving reads from a C++ type of that range.
INTEGERS = {
    "int8": (-(2**31), 2**31 - 1),
    "uint8": (-(2**31), 2**31 - 1),
    "int16": (-(2**31), 2**31 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


class NotPlain(Exception):
    """A list must be looked at value by value."""


class Columns:
    """Reads the columns of a body that orjson has parsed."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        # For Python, they are numbers.
        self._has_booleans = b"true" in body or b"false" in body

    def read(self, values: list[Value], dtype: str) -> NDArray[Any]:
        """Turn lists of one shape, nested in any depth, into an array.

        Raises:
            NotPlain: their shapes differ, or a value is none of the dtype without further thought.
        """
        flat, shape = _flatten(values)
        read = _READERS.get(dtype)
        if read is None or len(shape) > MAX_RANK:
            raise NotPlain
        if self._has_booleans and dtype not in ("bool", "string") and bool in map(type, flat):
            raise NotPlain
        try:
            return read(flat, dtype).reshape(shape)
        except (TypeError, struct.error) as error:
            raise NotPlain from error

    def check_each_once(self, names: Iterable[str], times: int) -> None:
        """See that no object has a member twice, of which orjson keeps the last, not the first.

        Raises:
            NotPlain: one may have, or its name is written with escapes.
        """
        if any(self._body.count(f'"{name}"'.encode()) != times for name in names):
            raise NotPlain


def _flatten(values: list[Value]) -> tuple[list[Value], list[int]]:
    shape = [len(values)]
    level: list[Any] = values
    while level and type(level[0]) is list:
        if set(map(type, level)) != {list}:
            raise NotPlain
        sizes = set(map(len, level))
        if len(sizes) > 1:
            raise NotPlain
        shape.append(sizes.pop())
        level = list(chain.from_iterable(level))
    return level, shape


def _floats(flat: list[Any], dtype: str) -> NDArray[Any]:
    # Other than numpy, it takes nothing but numbers; it is faster, too.
    numbers = np.frombuffer(struct.pack(f"{len(flat)}d", *flat), np.float64)
    if numbers.size and np.abs(numbers).max() > LARGEST_WHOLE[dtype]:
        raise NotPlain
    return numbers.astype(dtype)


def _integers(flat: list[Any], dtype: str) -> NDArray[Any]:
    numbers = np.frombuffer(struct.pack(f"{len(flat)}q", *flat), np.int64)
    lowest, highest = INTEGERS[dtype]
    if numbers.size and (numbers.min() < lowest or numbers.max() > highest):
        raise NotPlain
    return numbers.astype(dtype)


def _booleans(flat: list[Any], dtype: str) -> NDArray[Any]:
    if set(map(type, flat)) - {bool}:
        raise NotPlain
    return np.array(flat, dtype)


def _strings(flat: list[Any], _dtype: str) -> NDArray[Any]:
    strings = np.empty(len(flat), object)
    strings[:] = list(map(str.encode, flat))
    return strings


_READERS: dict[str, Callable[[list[Any], str], NDArray[Any]]] = {
    "float32": _floats,
    "float64": _floats,
    **dict.fromkeys(INTEGERS, _integers),
    "bool": _booleans,
    "string": _strings,
}
