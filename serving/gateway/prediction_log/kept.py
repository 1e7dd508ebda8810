"""What is kept of an answer until it is written: the columns that are, and nothing that they lean
on."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serving.contract import Tensors
from serving.gateway.inference.answered import Answered
from serving.gateway.telemetry import metrics

# What becomes of an input: left out, told apart by a digest with a key, or written.
Way = Literal["leave-out", "hash", "keep"]
WAYS: tuple[Way, ...] = ("leave-out", "hash", "keep")
ALL = "*"  # the name that stands for every input that is not named
MOST_VALUES = 4_096  # of a tensor's row; of a longer one only its shape is written
_BYTES_BESIDE = 1_000  # that a request takes beside its tensors, about


class Large(NamedTuple):
    """In the place of a tensor that is not written: its dtype, and the shape of a row."""

    dtype: np.dtype[Any]
    row_shape: tuple[int, ...]


Columns = Mapping[str, NDArray[Any] | Large]


class Kept(NamedTuple):
    """A request with its answer, as it waits to be written; `at` is a time of time.time()."""

    at: float
    request_id: str
    model: str
    version: int
    route: str
    signature: str
    path: str
    key: str | None
    seconds: float
    inputs: Columns
    outputs: Columns
    explanation: Columns
    num_rows: int  # 0 if the answer has none
    num_bytes: int


def way_of(name: str, ways: Mapping[str, Way]) -> Way:
    """Say what becomes of an input."""
    return ways.get(name) or ways.get(ALL, "leave-out")


def keep(answered: Answered, at: float, ways: Mapping[str, Way]) -> Kept:
    """Take what is going to be written; of the request itself nothing stays in memory."""
    question, context = answered.question, answered.context
    others = ways.get(ALL, "leave-out")
    inputs: dict[str, NDArray[Any] | Large] = {}
    for name, array in answered.inputs.items():
        way = ways.get(name, others)
        if way != "leave-out":
            inputs[name] = _own(array) if way == "hash" else _column(array)
    outputs = {name: _column(array) for name, array in answered.outputs.items()}
    why = {name: _column(array) for name, array in (answered.explanation or {}).items()}
    return Kept(
        at,
        context.request_id,
        question.ref.name,
        answered.version,
        context.route or metrics.PINNED,
        question.signature,
        context.path,
        context.key,
        answered.seconds,
        inputs,
        outputs,
        why,
        _num_rows(answered.outputs),
        _BYTES_BESIDE + _num_bytes(inputs) + _num_bytes(outputs) + _num_bytes(why),
    )


def _column(array: NDArray[Any]) -> NDArray[Any] | Large:
    size = array.size
    if size > MOST_VALUES and size > MOST_VALUES * len(array):
        return Large(array.dtype, array.shape[1:])
    return _own(array)


def _own(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that keeps no larger one in memory, such as the call that it came in."""
    return array if array.base is None else array.copy()


def _num_bytes(columns: Columns) -> int:
    total = 0
    for column in columns.values():
        if not isinstance(column, Large):
            texts = column.ravel().tolist() if column.dtype.hasobject else ()
            total += column.nbytes + sum(map(len, texts))
    return total


def _num_rows(outputs: Tensors) -> int:
    sizes = {len(array) if array.ndim else -1 for array in outputs.values()}
    return max(sizes) if len(sizes) == 1 and min(sizes) > 0 else 0
