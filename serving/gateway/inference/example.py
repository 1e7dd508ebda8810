"""Tensors that a signature admits, made of nothing: a first question, an example to show."""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serving.contract import Signature, Tensors, TensorSpec

_ANY_SIZE = 1  # of a dimension of any size that is not the batch

Write = Callable[[int], bytes]  # a string for the row of a number


def number(row: int) -> bytes:
    """Write a row's number as a text."""
    return str(row).encode()


def picture(row: int) -> bytes:
    """Draw a row as a picture of one pixel: PNG, which TensorFlow also takes where it says JPEG."""
    file = BytesIO()
    Image.new("RGB", (1, 1), (row, row, row)).save(file, "PNG")
    return file.getvalue()


def example(signature: Signature, rows: Sequence[int] = (0,), write: Write = number) -> Tensors:
    """Make inputs that fit: a row 0 is of zeros, a row 1 of ones, and so on.

    A string holds what `write` makes of its row. Inputs with a default are left out; a tensor
    without a batch is all of the first row.

    Raises:
        KeyError: an input has a dtype that cannot be sent.
    """
    return {
        name: _example(spec, rows, write)
        for name, spec in signature.inputs.items()
        if name not in signature.optional
    }


def _example(spec: TensorSpec, numbers: Sequence[int], write: Write) -> NDArray[Any]:
    sizes = [_ANY_SIZE if size is None else size for size in spec.shape or ()]
    if spec.has_batch:
        sizes[0] = len(numbers)
        rows = np.array(numbers).reshape(-1, *[1] * (len(sizes) - 1))
    else:
        rows = np.array(numbers[0])
    if spec.dtype == "string":
        texts = np.array([write(row) for row in rows.flat], dtype=object)
        return np.broadcast_to(texts.reshape(rows.shape), sizes).copy()
    return np.broadcast_to(rows.astype(spec.numpy_dtype), sizes).copy()
