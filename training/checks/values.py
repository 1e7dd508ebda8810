"""Compares the inputs with what the gateway lets through: what it refuses is not worth learning.

The bounds are those of the fields of the model's request that are named as inputs.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.card import DataFinding
from serving.contract import Model
from training.data.examples import Data, Splits
from training.data.finding import Severity, finding, warning_up_to

MOST_WRONG = 0.01  # of the values of an input


def values(model: Model[Any, Any], data: Data, splits: Splits) -> Iterator[DataFinding]:
    """Look through each input of the signature."""
    fields = model.request.model_json_schema()["properties"]
    for name, spec in model.signature.inputs.items():
        every = [each.inputs[name] for each in (splits.train, splits.validation, data.test)]
        column, field = np.concatenate(every), fields.get(name, {})
        # A row of one value is a value.
        if math.prod(spec.row_shape) == 1:
            column = column.reshape(-1)
        if column.ndim > 2:
            yield from _arrays(name, column)
        elif column.ndim > 1:
            continue  # a row of numbers may well be all the same, such as hours without rain
        elif spec.dtype == "string":
            yield from _strings(name, column, field)
        else:
            yield from _numbers(name, column, field)


def _arrays(name: str, column: NDArray[Any]) -> Iterator[DataFinding]:
    rows = column.reshape(len(column), -1)
    if count := int((rows.min(axis=1) == rows.max(axis=1)).sum()):
        message = "all their values are the same, as in an empty picture: look whether they belong"
        yield finding(f"blank {name}", "warning", count=count, total=len(rows), message=message)


def _strings(
    name: str, column: NDArray[np.object_], field: Mapping[str, Any]
) -> Iterator[DataFinding]:
    total = len(column)
    allowed = {value.encode() for value in field.get("enum", [])}
    if allowed and (strange := [value for value in column if value not in allowed]):
        yield _wrong(
            f"unknown {name}",
            len(strange),
            total,
            f"such as {strange[0].decode()!r}; declared are {', '.join(field['enum'])}",
        )
    lengths = np.array([len(value.decode()) for value in column])
    if count := int((lengths < field.get("minLength", 0)).sum()):
        yield _wrong(f"too short {name}", count, total, "nothing is left of them but blanks")
    longest = field.get("maxLength", np.inf)
    if count := int((lengths > longest).sum()):
        message = f"longer than {longest:,} characters, which the gateway refuses"
        yield finding(f"too long {name}", "note", count=count, total=total, message=message)


def _numbers(
    name: str, column: NDArray[np.float32], field: Mapping[str, Any]
) -> Iterator[DataFinding]:
    total = len(column)
    kinds = field.get("anyOf", [field])
    may_miss = any(kind.get("type") == "null" for kind in kinds)
    if count := int(np.isnan(column).sum()):
        message = (
            "gaps, which requests may have too"
            if may_miss
            else f"gaps, while every request has {name}: fill them in, or leave the rows out"
        )
        if count == total:
            message = "there is not one value: fill some in"
        severity: Severity = "note" if may_miss and count < total else "refusal"
        yield finding(f"missing {name}", severity, count=count, total=total, message=message)
    known = column[~np.isnan(column)]
    lowest = min((kind["minimum"] for kind in kinds if "minimum" in kind), default=-np.inf)
    highest = max((kind["maximum"] for kind in kinds if "maximum" in kind), default=np.inf)
    outside = (known < lowest) | (known > highest)
    if count := int(outside.sum()):
        value = known[outside][0]
        message = (
            f"such as {value:g}, outside of {lowest:g} to {highest:g}, which are declared: mend "
            "them, or leave their rows out"
        )
        # Ratios and logarithms of a single one could spoil the features of all.
        yield finding(f"impossible {name}", "refusal", count=count, total=total, message=message)
    if known.size and known.min() == known.max():
        message = f"it is {known[0]:g} everywhere, so nothing can be learned from it"
        yield finding(f"constant {name}", "warning", count=total, total=total, message=message)


def _wrong(name: str, count: int, total: int, message: str) -> DataFinding:
    severity = warning_up_to(MOST_WRONG, count=count, total=total)
    mend = f"{message}: mend them, or leave them out"
    return finding(name, severity, count=count, total=total, message=mend)
