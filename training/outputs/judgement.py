"""Sets answers beside the truth, row by row: for whoever shows single examples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.contract import Tensors


@dataclass(frozen=True)
class Judgement:
    """What was true and what was answered, as texts by column.

    `badness` is float64[example]: 0 where the answer is right, and the more, the worse it is.
    """

    columns: Mapping[str, list[str]]
    badness: NDArray[np.float64]

    def worst(self, number: int) -> NDArray[np.int64]:
        """Give the rows of the worst answers that are wrong, the very worst first."""
        order = np.argsort(-self.badness, kind="stable")
        return order[self.badness[order] > 0][:number]

    def take(self, rows: NDArray[np.int64]) -> "Judgement":
        """Give these rows, in their order."""
        columns = {name: [cells[row] for row in rows] for name, cells in self.columns.items()}
        return Judgement(columns, self.badness[rows])


def judge(outputs: Tensors, targets: NDArray[Any]) -> Judgement:
    """Compare outputs, as the signature has them, with targets, as a recipe has them."""
    return _of_classes(outputs, targets) if "scores" in outputs else _of_prices(outputs, targets)


def _of_classes(outputs: Tensors, targets: NDArray[np.int64]) -> Judgement:
    """Find an answer the worse, the surer it is of a wrong class."""
    scores = outputs["scores"].astype(np.float64)
    labels = [label.decode() for label in outputs["classes"][0]]
    predicted, confidence = scores.argmax(axis=1), scores.max(axis=1)
    columns = {
        "truth": [labels[target] for target in targets],
        "answer": [labels[index] for index in predicted],
        "its score": [f"{score:.3f}" for score in confidence],
    }
    return Judgement(columns, np.where(predicted == targets, 0.0, confidence))


def _of_prices(outputs: Tensors, targets: NDArray[np.float32]) -> Judgement:
    """Find an answer the worse, the farther it is off."""
    price, low, high = (outputs[name] for name in ("price", "price_low", "price_high"))
    residuals = price.astype(np.float64) - targets
    columns = {
        "truth": [f"{target:,.0f}" for target in targets],
        "answer": [f"{each:,.0f}" for each in price],
        "too high by": [f"{residual:+,.0f}" for residual in residuals],
        "interval": [f"{a:,.0f} to {b:,.0f}" for a, b in zip(low, high, strict=True)],
    }
    return Judgement(columns, np.abs(residuals))
