"""Rows of nothing but numbers: from the body into an array, without an object for each.

Of 100 rows of 9 this takes 40 us instead of 100, when measured, which is a tenth of the request.
"""

from math import prod
from typing import Any

import numpy as np
from simdjson import Array, Object, Parser

from serving.contract import Signature, Tensors
from serving.gateway.dialects.tf_serving_rest.columns import LARGEST_WHOLE, MAX_RANK


def read(body: bytes, signature: Signature) -> Tensors | None:
    """Read a body that has nothing but rows; None for one that others are to judge."""
    [(name, spec), *others] = signature.inputs.items()
    if others or spec.dtype not in LARGEST_WHOLE:
        return None
    try:
        document = Parser().parse(body)
        if not isinstance(document, Object) or list(document) != ["instances"]:
            return None
        rows: Any = document["instances"]
        shape = _shape(rows, body) if isinstance(rows, Array) else None
        if shape is None:
            return None
        numbers = np.frombuffer(rows.as_buffer(of_type="d"), np.float64)
    except (TypeError, ValueError, RuntimeError):
        return None
    if numbers.size != prod(shape) or np.abs(numbers).max() > LARGEST_WHOLE[spec.dtype]:
        return None
    return {name: numbers.astype(spec.dtype).reshape(shape)}


def _shape(rows: Array, body: bytes) -> list[int] | None:
    """Return the shape that lists have in each other; None for any that are odd.

    Odd is one that is empty, or unlike those beside it. `body` is what they stand in.
    """
    shape: list[int] = []
    level: list[Any] = [rows]
    num_lists = 0
    while True:
        sizes = set(map(len, level))
        if len(sizes) > 1 or 0 in sizes or len(shape) == MAX_RANK:
            return None
        shape += sizes
        num_lists += len(level)
        if not isinstance(level[0][0], Array):
            break
        level = [each for list_ in level for each in list_]
    # There are no others, beside numbers: strings, which could have brackets, are no rows here.
    return shape if body.count(b"[") == num_lists else None
