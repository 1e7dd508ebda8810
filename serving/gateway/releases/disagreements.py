"""The last disagreements of two versions: who asked, what each answered, and the inputs' digest.

The inputs themselves may be somebody's secret, and are kept only if that is allowed.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from math import isfinite
from typing import Any

import numpy as np

from serving.contract import Tensors
from serving.gateway.inference.answered import Answered
from serving.gateway.inference.client import Answer
from serving.gateway.inference.scores import Flags

# Of one model: as many as somebody will look at, in less than a megabyte.
MOST_KEPT = 50
_MOST_INPUT_BYTES = 16_384
_MOST_VALUES, _MOST_CHARACTERS = 20, 200  # of one answer, shown in short

# What can be written as JSON: lists of numbers, texts and truth values by the tensors' names.
Plain = Mapping[str, Any]


@dataclass(frozen=True)
class Disagreement:
    """A request that two versions have answered otherwise.

    `version` has answered it, and `other_version` was asked as well, as the `other_role`. Of both
    answers, the first row that disagrees is shown; `reason` says why they cannot be compared.
    """

    at: datetime
    request_id: str
    version: int
    other_version: int
    other_role: str
    num_rows: int
    num_disagreeing: int
    row: int
    answer: Plain
    other_answer: Plain
    reason: str | None
    inputs_sha256: str
    inputs: Plain | None


class Disagreements:
    """Those of one model; the oldest give way."""

    def __init__(self, *, keep_inputs: bool = False) -> None:
        self._keep_inputs = keep_inputs
        self._kept: deque[Disagreement] = deque(maxlen=MOST_KEPT)

    def describe(
        self, answered: Answered, other: Answer, role: str, disagrees: Flags, reason: str | None
    ) -> Disagreement:
        """Tell of a request that another version was asked in a `role`; a row disagrees."""
        row = int(disagrees.argmax())
        return Disagreement(
            at=datetime.now(UTC),
            request_id=answered.context.request_id,
            version=answered.version,
            other_version=other.version,
            other_role=role,
            num_rows=len(disagrees),
            num_disagreeing=int(np.count_nonzero(disagrees)),
            row=row,
            answer=_in_short(answered.outputs, row),
            other_answer=_in_short(other.outputs, row),
            reason=reason,
            inputs_sha256=digest(answered.inputs),
            inputs=self._kept_of(answered.inputs),
        )

    def add(self, found: Iterable[Disagreement]) -> None:
        """Keep some, the newest last."""
        self._kept.extend(found)

    def latest(self) -> list[Disagreement]:
        """Return them, the newest first."""
        return list(reversed(self._kept))

    def _kept_of(self, inputs: Tensors) -> Plain | None:
        if not self._keep_inputs or num_bytes(inputs) > _MOST_INPUT_BYTES:
            return None
        return {name: _plain(array.tolist()) for name, array in inputs.items()}


def digest(tensors: Tensors) -> str:
    """Return the SHA-256 of tensors: of their names, dtypes, shapes and values, in order of names.

    The same request has the same digest in every process.
    """
    hashed = sha256()
    for name in sorted(tensors):
        array = tensors[name]
        is_text = array.dtype == object
        hashed.update(f"{name}\0{'string' if is_text else array.dtype.name}{array.shape}".encode())
        for part in array.flat if is_text else (array.tobytes(),):
            hashed.update(b"%d:" % len(part))
            hashed.update(part)
    return hashed.hexdigest()


def num_bytes(tensors: Tensors) -> int:
    """Say how much numbers and texts take."""
    total = 0
    for array in tensors.values():
        has_texts = array.dtype.hasobject
        total += sum(map(len, array.ravel().tolist())) if has_texts else array.nbytes
    return total


def _in_short(outputs: Tensors, row: int) -> Plain:
    """Show the beginning of one row; an output that has not so many is shown from its own."""
    shown = {}
    for name, array in outputs.items():
        rows = array[row : row + 1] if array.ndim and row < len(array) else array
        values = map(_plain, rows.ravel()[:_MOST_VALUES].tolist())
        shown[name] = [_cut(value) for value in values]
    return shown


def _cut(value: Any) -> Any:
    return value[:_MOST_CHARACTERS] if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    if isinstance(value, (bool, int)):
        return value
    # JSON has no NaN, and bfloat16 comes as a scalar of its own.
    return float(value) if isfinite(value) else str(value)
