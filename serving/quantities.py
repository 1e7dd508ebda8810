"""The quantities of a model that nobody has written a file for: what is in its tensors."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from serving.contract import Tensors
from serving.histograms import MOST_CHARACTERS

MOST = 50  # quantities of a model
MOST_COLUMNS = 8  # of a tensor that are looked at one by one


def generic(inputs: Tensors, outputs: Tensors) -> Tensors:
    """Give columns, one value a row each: float64[row], or object[row] of texts.

    Of a tensor with few values a row, each is looked at; of a larger one their mean and deviation,
    and of a larger output of numbers its maximum and where that stands.
    """
    found: dict[str, NDArray[np.generic]] = {}
    for side, arrays in (("inputs", inputs), ("outputs", outputs)):
        for name, array in arrays.items():
            if array.ndim and len(array):  # no rows have no columns
                found.update(_columns(f"{side}.{name}", array, is_answer=side == "outputs"))
    return dict(list(found.items())[:MOST])


def _columns(
    name: str, array: NDArray[np.generic], *, is_answer: bool
) -> Iterator[tuple[str, NDArray[np.generic]]]:
    flat = array.reshape(len(array), -1)  # [row, value]
    if flat.shape[1] <= MOST_COLUMNS:
        for index in range(flat.shape[1]):
            column = flat[:, index]
            named = name if flat.shape[1] == 1 else f"{name}.{index}"
            yield from _text(named, column) if array.dtype == object else [(named, _number(column))]
    elif array.dtype != object and is_answer:
        numbers = _number(flat)
        place = np.where(np.isnan(numbers), -np.inf, numbers).argmax(axis=1)
        yield f"{name}.maximum", numbers[np.arange(len(numbers)), place]
        yield f"{name}.place", place.astype(str).astype(object)
    elif array.dtype != object:
        yield f"{name}.mean", flat.mean(axis=1, dtype=np.float64)
        yield f"{name}.deviation", flat.std(axis=1, dtype=np.float64)


def _text(name: str, column: NDArray[np.generic]) -> Iterator[tuple[str, NDArray[np.generic]]]:
    lengths = np.array([len(value) for value in column.tolist()], np.float64)
    yield f"{name}.bytes", lengths
    # Where one is too long to be a category, they are texts, of which the length is looked at.
    if not len(lengths) or lengths.max() <= MOST_CHARACTERS:
        yield name, column


def _number(array: NDArray[np.generic]) -> NDArray[np.float64]:
    return array.astype(np.float64)
