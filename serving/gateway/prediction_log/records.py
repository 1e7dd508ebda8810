"""What is written of a prediction: a record for each row, of plain values that JSON has."""

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.gateway.prediction_log.digests import Digest
from serving.gateway.prediction_log.kept import Columns, Kept, Large, Way, way_of

Record = dict[str, Any]


def records_of(kept: Kept, ways: Mapping[str, Way], digest: Digest) -> Iterator[Record]:
    """Write a request's rows, in their order; one of tensors without rows is one record."""
    head = {
        "time": datetime.fromtimestamp(kept.at, UTC).isoformat(timespec="milliseconds"),
        "request_id": kept.request_id,
        "model": kept.model,
        "version": kept.version,
        "route": kept.route,
        "signature": kept.signature,
        "path": kept.path,
        "key": kept.key,
        "seconds": round(kept.seconds, 6),
    }
    parts = {
        "inputs": _inputs(kept.inputs, ways, digest),
        "outputs": _plain(kept.outputs),
        "explanation": _plain(kept.explanation),
    }
    for row in range(kept.num_rows or 1):
        # A record may be read before the next one is made: nothing of it is shared.
        values = {
            part: {name: _row(column, row, kept.num_rows) for name, column in columns.items()}
            for part, columns in parts.items()
        }
        yield {**head, "row": row, **values}


def _row(column: Any, row: int, num_rows: int) -> Any:
    return column[row] if isinstance(column, list) and len(column) == num_rows else column


def _inputs(inputs: Columns, ways: Mapping[str, Way], digest: Digest) -> dict[str, Any]:
    return {
        name: _digests(column, digest) if way_of(name, ways) == "hash" else _values(column)
        for name, column in inputs.items()
    }


def _digests(column: Any, digest: Digest) -> list[str]:
    return [digest(row) for row in (list(column) if column.ndim else [column])]


def _plain(columns: Columns) -> dict[str, Any]:
    return {name: _values(column) for name, column in columns.items()}


def _values(column: NDArray[Any] | Large) -> Any:
    """Give the nested lists of a tensor; of a large one, its dtype and the shape of a row."""
    if isinstance(column, Large):
        return {"dtype": str(column.dtype), "shape": list(column.row_shape)}
    if column.dtype == object:
        return _texts(column.tolist())
    # What JSON has no number for, such as bfloat16, becomes the nearest that it has.
    plain = column.astype(np.float32) if column.dtype.kind == "V" else column
    return plain.tolist()


def _texts(values: Any) -> Any:
    if isinstance(values, list):
        return [_texts(each) for each in values]
    try:
        return values.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(values).decode()}
