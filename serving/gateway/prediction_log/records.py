"""What is written of a prediction: a record for each row, of plain values that JSON has."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from serving.contract import Tensors
from serving.gateway.inference.answered import Answered
from serving.gateway.telemetry import metrics

# What becomes of an input: left out, told apart by its SHA-256 alone, or written.
Way = Literal["leave-out", "hash", "keep"]
WAYS: tuple[Way, ...] = ("leave-out", "hash", "keep")
ALL = "*"  # the name that stands for every input that is not named
MOST_VALUES = 4_096  # of a tensor's row; of a longer one only its shape is written

Record = dict[str, Any]


def records_of(answered: Answered, at: float, ways: Mapping[str, Way]) -> Iterator[Record]:
    """Write a request's rows, in their order; one of tensors without rows is one record."""
    question, context = answered.question, answered.context
    head = {
        "time": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
        "request_id": context.request_id,
        "model": question.ref.name,
        "version": answered.version,
        "route": context.route or metrics.PINNED,
        "signature": question.signature,
        "path": context.path,
        "key": context.key,
        "seconds": round(answered.seconds, 6),
    }
    parts = {
        "inputs": _inputs(answered.inputs, ways),
        "outputs": _columns(answered.outputs),
        "explanation": _columns(answered.explanation or {}),
    }
    num_rows = _num_rows(answered.outputs)
    for row in range(num_rows or 1):
        # A record may be read before the next one is made: nothing of it is shared.
        values = {
            part: {name: _row(column, row, num_rows) for name, column in columns.items()}
            for part, columns in parts.items()
        }
        yield {**head, "row": row, **values}


def _num_rows(outputs: Tensors) -> int:
    sizes = {len(array) if array.ndim else -1 for array in outputs.values()}
    return max(sizes) if len(sizes) == 1 and min(sizes) > 0 else 0


def _row(column: Any, row: int, num_rows: int) -> Any:
    return column[row] if isinstance(column, list) and len(column) == num_rows else column


def _inputs(inputs: Tensors, ways: Mapping[str, Way]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, array in inputs.items():
        match ways.get(name, ways.get(ALL, "leave-out")):
            case "hash":
                kept[name] = [_digest(row) for row in _rows(array)]
            case "keep":
                kept |= _columns({name: array})
    return kept


def _rows(array: NDArray[Any]) -> list[Any]:
    return list(array) if array.ndim else [array]


def _digest(row: Any) -> str:
    """Tell values apart without telling them: who knows one finds it again."""
    if isinstance(row, bytes):
        return hashlib.sha256(row).hexdigest()
    array = np.asarray(row)
    if array.dtype != object:
        return hashlib.sha256(array.tobytes()).hexdigest()
    digest = hashlib.sha256()
    for each in array.flat:
        digest.update(b"%d " % len(each) + each)
    return digest.hexdigest()


def _columns(tensors: Tensors) -> dict[str, Any]:
    return {name: _values(array) for name, array in tensors.items()}


def _values(array: NDArray[Any]) -> Any:
    """Give the nested lists of a tensor; of a large one, its dtype and the shape of a row."""
    num_values = array.size // max(1, len(array) if array.ndim else 1)
    if num_values > MOST_VALUES:
        return {"dtype": str(array.dtype), "shape": list(array.shape[1:])}
    if array.dtype == object:
        return _texts(array.tolist())
    # What JSON has no number for, such as bfloat16, becomes the nearest that it has.
    plain = array.astype(np.float32) if array.dtype.kind == "V" else array
    return plain.tolist()


def _texts(values: Any) -> Any:
    if isinstance(values, list):
        return [_texts(each) for each in values]
    try:
        return values.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(values).decode()}
