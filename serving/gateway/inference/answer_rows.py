"""What is kept of an answer: of each row the label and its score, or the number and its interval.

Read from the outputs as the model server gave them, for typed and for generic models alike; of the
inputs, nothing is kept.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.contract import Tensors
from serving.gateway.inference.scores import ROUNDING, Floats, are_distributions, has_fractions

MAX_ROWS = 1_000  # of one request; what is behind them is not kept
# More than these are not listed with each answer: any label is taken then.
_MAX_CLASSES = 100
_MAX_CLASSES_CHARACTERS = 2_000
LARGEST = 1e50  # number: the square of its square is still one


# Neither is frozen: they are made for each answer, and it would take three times as long.
@dataclass(slots=True)
class Labels:
    """The most probable label of each row, and its probability, or None if its score is none.

    `classes` are all labels that there are, or how many if they have only numbers; None if unknown.
    """

    labels: list[str]
    scores: list[float | None]
    classes: list[str] | int | None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(slots=True)
class Numbers:
    """The number of each row, and the interval that is to hold the true one, if there is any."""

    numbers: list[float]
    lows: list[float] | None = None
    highs: list[float] | None = None

    def __len__(self) -> int:
        return len(self.numbers)


Rows = Labels | Numbers


def read_all(answers: Sequence[tuple[Hashable, Tensors]]) -> list[Rows | None]:
    """Read answers, each with what made it, such as a version; they keep their order."""
    alike: dict[Hashable, list[int]] = {}
    for number, (source, outputs) in enumerate(answers):
        # A dtype's number, for its hash takes longer than all else.
        kind = [(array.dtype.num, array.ndim, array.shape[1:]) for array in outputs.values()]
        alike.setdefault((source, *outputs, *kind), []).append(number)
    found: list[Rows | None] = [None] * len(answers)
    for numbers in alike.values():
        all_rows = rows_of([answers[number][1] for number in numbers])
        for number, rows in zip(numbers, all_rows, strict=True):
            found[number] = rows
    return found


def rows_of(answers: Sequence[Tensors]) -> list[Rows | None]:
    """Read answers whose tensors have the same names, dtypes and sizes but for their rows.

    They are read as one, for numpy takes as long over one as over a hundred. None stands for what
    no truth can be held against, such as an embedding, or numbers that are none.
    """
    first = answers[0]
    if _has_labels(first):
        return _labels(answers)
    # What has an interval is a number, whatever else is beside it.
    if (name := _only_number(first)) is not None:
        return _numbers(answers, name)
    if (name := _only_distribution(first)) is not None:
        return _distributions(answers, name)
    return [None] * len(answers)


def _has_labels(outputs: Tensors) -> bool:
    classes, scores = outputs.get("classes"), outputs.get("scores")
    if classes is None or scores is None or not has_fractions(scores):
        return False
    # Text, or whole numbers.
    return classes.ndim == 2 and classes.shape == scores.shape and classes.dtype.kind in "Oiu"


def _only_distribution(outputs: Tensors) -> str | None:
    names = [name for name, array in outputs.items() if array.ndim == 2 and has_fractions(array)]
    return names[0] if len(names) == 1 and outputs[names[0]].shape[1] > 1 else None


def _only_number(outputs: Tensors) -> str | None:
    names = [name for name, array in outputs.items() if has_fractions(array) and _is_column(array)]
    if len(outputs) == len(names) == 1:
        return names[0]
    middle = [name for name in names if {f"{name}_low", f"{name}_high"} <= set(names)]
    return middle[0] if len(middle) == 1 else None


def _is_column(array: NDArray[Any]) -> bool:
    return array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)


def _labels(answers: Sequence[Tensors]) -> list[Rows | None]:
    scores = _joined(answers, "scores")  # [row, class]
    names = np.concatenate([answer["classes"][:MAX_ROWS] for answer in answers])
    if not names.size:
        return [None] * len(answers)
    best = scores.argmax(axis=1)
    found = names[np.arange(len(names)), best].tolist()
    labels = list(map(_text, found))
    classes = None
    # The best few of many classes differ from row to row, and do not sum to 1.
    if (names == names[0]).all() and are_distributions(scores).all():
        classes = _listed(list(map(_text, names[0].tolist())))
    return _cut(answers, "scores", scores, labels, _probabilities(scores, best), classes)


def _distributions(answers: Sequence[Tensors], name: str) -> list[Rows | None]:
    scores = _joined(answers, name)  # [row, class]
    best = scores.argmax(axis=1)
    scores[~are_distributions(scores)] = np.nan  # no answer at all
    labels = list(map(str, best.tolist()))
    probabilities = _probabilities(scores, best)
    return _cut(answers, name, scores, labels, probabilities, scores.shape[1])


def _probabilities(scores: Floats, best: NDArray[np.intp]) -> list[float | None]:
    """Return the best score of each row where the row may be one of probabilities."""
    are = (scores >= 0).all(axis=1) & (scores.sum(axis=1) <= 1 + ROUNDING)
    found = np.minimum(scores[np.arange(len(scores)), best], 1).tolist()
    return [score if each else None for score, each in zip(found, are.tolist(), strict=True)]


def _cut(
    answers: Sequence[Tensors],
    name: str,
    scores: Floats,
    labels: list[str],
    probabilities: list[float | None],
    classes: list[str] | int | None,
) -> list[Rows | None]:
    finite = np.logical_and.reduce(np.isfinite(scores), axis=1)
    return [
        Labels(labels[part], probabilities[part], classes) if is_answer else None
        for part, is_answer in _parts(answers, name, finite)
    ]


def _numbers(answers: Sequence[Tensors], name: str) -> list[Rows | None]:
    has_interval = f"{name}_low" in answers[0]
    names = [name, f"{name}_low", f"{name}_high"] if has_interval else [name]
    columns = [_joined(answers, each).reshape(-1) for each in names]
    usable = np.logical_and.reduce(np.abs(columns) <= LARGEST, axis=0)
    numbers, *interval = [each.tolist() for each in columns]
    parts = _parts(answers, name, usable)
    if not interval:
        return [Numbers(numbers[part]) if is_answer else None for part, is_answer in parts]
    lows, highs = interval
    return [
        Numbers(numbers[part], lows[part], highs[part]) if is_answer else None
        for part, is_answer in parts
    ]


def _joined(answers: Sequence[Tensors], name: str) -> Floats:
    return np.concatenate([answer[name][:MAX_ROWS] for answer in answers]).astype(np.float64)


def _parts(
    answers: Sequence[Tensors], name: str, usable: NDArray[np.bool_]
) -> Iterator[tuple[slice, bool]]:
    """Say where each answer's rows are among all, and whether it has some, all of them usable."""
    lengths = np.minimum([len(answer[name]) for answer in answers], MAX_ROWS)
    ends = lengths.cumsum()
    starts = ends - lengths
    num_usable = np.concatenate(([0], usable.cumsum()))
    are = (num_usable[ends] - num_usable[starts] == lengths) & (lengths > 0)
    return zip(map(slice, starts.tolist(), ends.tolist()), are.tolist(), strict=True)


def _listed(classes: list[str]) -> list[str] | None:
    is_short = sum(map(len, classes)) <= _MAX_CLASSES_CHARACTERS
    return classes if is_short and len(classes) <= _MAX_CLASSES else None


def _text(label: object) -> str:
    return label.decode(errors="replace") if isinstance(label, bytes) else str(label)
