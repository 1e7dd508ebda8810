"""How good answers were, as figures; knows no kind of answer."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.card import ClassSet, ConfidenceBin, Metric


@dataclass(frozen=True)
class Evaluation:
    """How good the answers to some examples were.

    `of_parts` names those of the metrics that only some of the examples count in.
    """

    metrics: list[Metric]
    confusion_matrix: dict[str, dict[str, int]] | None = None
    reliability: list[ConfidenceBin] | None = None
    residual_quantiles: dict[str, float] | None = None
    class_sets: list[ClassSet] = field(default_factory=list)
    of_parts: frozenset[str] = frozenset()

    @property
    def figures(self) -> dict[str, float]:
        return {metric.name: metric.value for metric in self.metrics}


def standard_error(values: NDArray[Any]) -> float:
    """Give how far the mean of as many other values, float[example], would scatter about theirs."""
    return float(values.std(ddof=1) / np.sqrt(len(values)))
