"""Tensors that a signature admits, made of nothing: a first question, an example to show."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.contract import Signature, Tensors, TensorSpec

_ANY_SIZE = 1  # of a dimension of any size that is not the batch


def example(signature: Signature, num_rows: int = 1, *, first: int = 0) -> Tensors:
    """Make inputs that fit: row 0 of zeros, row 1 of ones, and so on, from row `first` on.

    A string holds the number of its row. Inputs with a default are left out; a tensor without a
    batch is all of `first`.

    Raises:
        KeyError: an input has a dtype that cannot be sent.
    """
    return {
        name: _example(spec, num_rows, first)
        for name, spec in signature.inputs.items()
        if name not in signature.optional
    }


def _example(spec: TensorSpec, num_rows: int, first: int) -> NDArray[Any]:
    sizes = [_ANY_SIZE if size is None else size for size in spec.shape or ()]
    if spec.has_batch:
        sizes[0] = num_rows
        rows = np.arange(first, first + num_rows).reshape(-1, *[1] * (len(sizes) - 1))
    else:
        rows = np.array(first)
    if spec.dtype == "string":
        texts = np.array([str(row).encode() for row in rows.flat], dtype=object)
        return np.broadcast_to(texts.reshape(rows.shape), sizes).copy()
    return np.broadcast_to(rows.astype(spec.numpy_dtype), sizes).copy()
