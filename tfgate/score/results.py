"""Writes what was scored as the table that is wanted, whole or not at all."""

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from tfgate.score.journal import Scored

_BATCH_ROWS = 1_000


class WrongOutput(Exception):
    """It is no file that can be written; the message says what is."""


Rows = Callable[[], Iterator[Scored]]
Write = Callable[[Rows, Path], None]


def writer_for(output: Path, source: Path) -> Write:
    """Find out how an output is written.

    Raises:
        WrongOutput: it is of no kind that is written here, has no folder, or is the input.
    """
    writers = {".csv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines, ".parquet": _parquet}
    write = writers.get(output.suffix.lower())
    if write is None:
        message = (
            f"{output} is of no kind that is written here: end it in .csv, .jsonl or .parquet."
        )
        raise WrongOutput(message)
    if write is _parquet:
        import pyarrow  # noqa: F401, PLC0415  # missing, it is told before hours of scoring
    if not output.parent.is_dir():
        message = f"there is no folder {output.parent}."
        raise WrongOutput(message)
    if output.is_dir() or (output.exists() and output.samefile(source)):
        message = f"{output} is {'a folder' if output.is_dir() else 'the input'}: name another."
        raise WrongOutput(message)
    return write


def write_whole(write: Write, rows: Rows, output: Path) -> None:
    """Write beside the output, and put it in its place once it is whole."""
    draft = output.with_name(f"{output.name}.draft")
    try:
        write(rows, draft)
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)


def _json_lines(rows: Rows, path: Path) -> None:
    # Half a pair of surrogates, which UTF-8 has not, is written as JSON escapes it.
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        for row in rows():
            file.write(json.dumps(_without_nan(row), ensure_ascii=False) + "\n")


def _without_nan(value: Any) -> Any:
    """Give null for NaN and infinity, which Python's JSON has, and nobody else's."""
    if isinstance(value, dict):
        return {name: _without_nan(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _csv(rows: Rows, path: Path) -> None:
    columns = _columns(map(flat, rows()))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(
            {name: _cell(value) for name, value in flat(row).items()} for row in rows()
        )


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, bool) else value


def _parquet(rows: Rows, path: Path) -> None:
    # Not at the top: it is an extra, which only such files need.
    import pyarrow  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    kinds = {bool: pyarrow.bool_(), int: pyarrow.int64(), float: pyarrow.float64()}
    columns = _columns(map(flat, rows()))
    schema = pyarrow.schema(
        [(name, kinds.get(kind, pyarrow.string())) for name, kind in columns.items()]
    )
    with parquet.ParquetWriter(path, schema) as writer:
        for some in _blocks(flat(row) for row in rows()):
            arrays = [
                pyarrow.array([_as(kind, row.get(name)) for row in some], schema.field(name).type)
                for name, kind in columns.items()
            ]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))


def _as(kind: type, value: Any) -> Any:
    if value is None or isinstance(value, kind):
        return value
    return float(value) if kind is float else json.dumps(value)


def _blocks(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    block = []
    for row in rows:
        block.append(row)
        if len(block) == _BATCH_ROWS:
            yield block
            block = []
    if block:
        yield block


def flat(row: Scored) -> dict[str, Any]:
    """Give the columns of a row: those that it came with, what was answered, and how.

    What is nested gets a name with dots; lists are JSON. A column of the table that has the name
    of one of ours is told as row.NAME.
    """
    columns = {
        **{_given(name): value for name, value in row["row"].items()},
        **_flat("prediction", row["prediction"]),
        "version": row["version"],
        "error": row["error"],
    }
    return {name: _plain(value) for name, value in columns.items()}


def _given(name: str) -> str:
    is_ours = name in {"version", "error", "prediction"} or name.startswith("prediction.")
    return f"row.{name}" if is_ours else name


def _flat(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {} if value is None else {name: value}
    found = {}
    for key, inner in value.items():
        found.update(_flat(f"{name}.{key}", inner))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def _columns(rows: Iterable[dict[str, Any]]) -> dict[str, type]:
    """Find every column, in the order of their first rows, and a type that holds its values."""
    columns: dict[str, type | None] = {}
    for row in rows:
        for name, value in row.items():
            columns[name] = _wider(columns.get(name), value)
    # Told at the end of each row, whichever came first.
    for name in ("version", "error"):
        if name in columns:
            columns[name] = columns.pop(name)
    return {name: kind or str for name, kind in columns.items()}


def _wider(kind: type | None, value: Any) -> type | None:
    given = None if value is None else type(value)
    if given is None or given is kind:
        return kind
    if kind is None:
        return given
    return float if {kind, given} == {int, float} else str
