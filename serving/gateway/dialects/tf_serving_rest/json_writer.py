"""Tensors as TF Serving writes them: a row on one line, or each element on its own."""

from base64 import b64encode
from math import prod
from typing import Any

from numpy.typing import NDArray

from serving.gateway.dialects.tf_serving_rest.decimals import dump
from serving.gateway.dialects.tf_serving_rest.json_value import string

_BYTES = "_bytes"  # ends the names of outputs whose strings are written in base64


def key(name: str) -> bytes:
    """Write a name before its value."""
    return f"{string(name)}: ".encode()


def rows(name: str, array: NDArray[Any], *, depth: int) -> list[bytes]:
    """Write each row of an output on one line, within so many lists and objects."""
    texts = _texts(name, array, depth + array.ndim - 1)
    sizes = array.shape[1:]
    for level, size in reversed(list(enumerate(sizes))):
        texts = _lists(texts, size, prod(array.shape[: level + 1]), (b"[", b", ", b"]"))
    return texts


def whole(name: str, array: NDArray[Any], *, depth: int) -> bytes:
    """Write an output as a whole, within so many lists and objects."""
    texts = _texts(name, array, depth + array.ndim)
    for level, size in reversed(list(enumerate(array.shape))):
        inner = _new_line(depth + level + 1)
        marks = (b"[" + inner, b"," + inner, _new_line(depth + level) + b"]")
        texts = _lists(texts, size, prod(array.shape[:level]), marks)
    return texts[0]


def _lists(
    texts: list[bytes], size: int, number: int, marks: tuple[bytes, bytes, bytes]
) -> list[bytes]:
    """Join texts to a number of lists of one size."""
    if not size:
        return [b"[]"] * number
    begin, separator, end = marks
    return [
        begin + separator.join(texts[start : start + size]) + end
        for start in range(0, len(texts), size)
    ]


def _texts(name: str, array: NDArray[Any], depth: int) -> list[bytes]:
    flat = array.reshape(-1)
    if not flat.size:
        return []
    if array.dtype != object:
        return dump(flat)[1:-1].split(b",")
    if not name.endswith(_BYTES):
        return [
            string(text.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
            for text in flat.tolist()
        ]
    before, after = _new_line(depth + 1) + b'"b64": "', b'"' + _new_line(depth)
    return [b"{" + before + b64encode(content) + after + b"}" for content in flat.tolist()]


def _new_line(depth: int) -> bytes:
    return b"\n" + b"    " * depth
