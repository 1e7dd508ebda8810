"""Lines of JSON made a table of Parquet, of which no reader ever finds a part."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow
from pyarrow import parquet

from serving.gateway.prediction_log.records import Record

_BATCH_ROWS = 1_000
_NESTED = ("inputs", "outputs", "explanation")  # differ from model to model: JSON in a column
_TEXT = pyarrow.string()
_SCHEMA = pyarrow.schema(
    {
        "time": pyarrow.timestamp("ms", tz="UTC"),
        "request_id": _TEXT,
        "model": _TEXT,
        "version": pyarrow.int64(),
        "route": _TEXT,
        "signature": _TEXT,
        "path": _TEXT,
        "key": _TEXT,
        "seconds": pyarrow.float64(),
        "row": pyarrow.int64(),
        **dict.fromkeys(_NESTED, _TEXT),
    }
)


def make_table(lines: Path) -> None:
    """Put a table in the place of a file of lines, under its name without the underscore.

    Raises:
        OSError: it cannot be written; the lines stay.
    """
    draft = lines.with_suffix(".parquet")
    try:
        draft.touch(mode=0o600)
        num_rows = 0
        with parquet.ParquetWriter(draft, _SCHEMA) as writer:
            records = _records(lines)
            while batch := list(islice(records, _BATCH_ROWS)):
                writer.write_table(pyarrow.Table.from_pylist(batch, schema=_SCHEMA))
                num_rows += len(batch)
        if num_rows:
            draft.rename(draft.with_name(draft.name.removeprefix("_")))
    finally:
        draft.unlink(missing_ok=True)
    lines.unlink(missing_ok=True)


def _records(lines: Path) -> Iterator[dict[str, Any]]:
    """Read what a killed process may have left: up to the last whole line."""
    with lines.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield _flat(orjson.loads(line))


def _flat(record: Record) -> dict[str, Any]:
    nested = {part: orjson.dumps(record[part]).decode() for part in _NESTED}
    return {**record, **nested, "time": datetime.fromisoformat(record["time"])}
