"""Measures answers in parts of the examples: where a good mean hides bad answers."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from serving.card import Slice
from serving.contract import Tensors
from serving.familiarity import FAMILIARITY, THRESHOLD
from training.outputs.kind import OutputKind

FEWEST = 10  # examples of which figures are given

# By what is told of an example, and by what is said of it then, whether that holds: bool[example].
Parts = Mapping[str, Mapping[str, NDArray[np.bool_]]]


def fifths(values: NDArray[np.number]) -> dict[str, NDArray[np.bool_]]:
    """Divide by a quantity, float[example], into parts of about as many; equal ones stay together.

    Where many are equal, there are fewer parts than five. A part has its largest value.
    """
    edges = np.unique(np.quantile(values, (0.2, 0.4, 0.6, 0.8), method="inverted_cdf"))
    edges = edges[edges < values.max()]
    part = np.searchsorted(edges, values, side="left")  # [example]
    return {name: part == index for index, name in enumerate(_names(edges))}


def _names(edges: NDArray[np.number]) -> list[str]:
    if not len(edges):
        return ["any"]
    ends = [f"{edge:,.0f}" if abs(edge) >= 1_000 else f"{edge:.4g}" for edge in edges]
    between = [f"above {low} to {high}" for low, high in pairwise(ends)]
    return [f"up to {ends[0]}", *between, f"above {ends[-1]}"]


def by_familiarity(answers: Tensors) -> Parts:
    """Tell the answers to inputs that were called unfamiliar from the others, if any can be."""
    if FAMILIARITY not in answers:
        return {}
    strange = answers[FAMILIARITY] < THRESHOLD
    return {"familiarity": {f"below {THRESHOLD}": strange, f"{THRESHOLD} and above": ~strange}}


def measure_slices(
    kind: OutputKind, answers: Tensors, targets: NDArray[np.generic], parts: Parts
) -> list[Slice]:
    """Measure answers, the signature's outputs, in each part that has at least `FEWEST` examples.

    Of the figures, those are given that all examples of a part count in, and whose scatter is
    known.
    """
    measured = (
        _measure(kind, answers, targets, by, name, rows)
        for by, names in parts.items()
        for name, rows in names.items()
        if rows.sum() >= FEWEST
    )
    return [each for each in measured if each.metrics]


def _measure(
    kind: OutputKind,
    answers: Tensors,
    targets: NDArray[np.generic],
    by: str,
    name: str,
    rows: NDArray[np.bool_],
) -> Slice:
    some = {output: tensor[rows] for output, tensor in answers.items()}
    evaluation = kind.evaluate(some, targets[rows])
    known = {
        each.name: (each.value, each.standard_error)
        for each in evaluation.metrics
        if each.standard_error is not None and each.name not in evaluation.of_parts
    }
    return Slice(
        by=by,
        name=name,
        count=int(rows.sum()),
        metrics={each: value for each, (value, _) in known.items()},
        standard_errors={each: error for each, (_, error) in known.items()},
    )
