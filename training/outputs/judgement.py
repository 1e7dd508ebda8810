"""Answers beside the truth, row by row: for whoever shows single examples."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
        columns = {name: [cells[row] for row in rows] for name, cells in self.columns.items()}
        return Judgement(columns, self.badness[rows])
