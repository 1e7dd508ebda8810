"""A version's live rows, counted in the bins of its training."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Counter

from serving.card import Histogram, ModelCard
from serving.contract import Tensors
from serving.gateway.drift.windows import DAY, Window
from serving.gateway.telemetry import drift_metrics
from serving.histograms import counts, learn, names, num_bins

LEARNED_FROM = 1_000  # rows, where nothing is known of the training


@dataclass(frozen=True)
class Counted:
    """One quantity: what the training had, and what came.

    `series` are the counters of its bins; there are none of bins that this process has learned,
    which those of other processes, and its own after it began anew, could not be added to.
    """

    histogram: Histogram
    window: Window
    series: list[Counter] = field(default_factory=list)

    def add(self, found: NDArray[np.int64]) -> None:
        """Count rows, int64[bin]."""
        self.window.add(found)
        for counter, number in zip(self.series, found.tolist(), strict=False):
            if number:
                counter.inc(number)


@dataclass(frozen=True)
class Sorted:
    """Rows that are to be counted: those whose bins are known, int64[bin], and the columns else."""

    counts: Mapping[str, NDArray[np.int64]]
    columns: Tensors


class CountedVersion:
    """What is counted of one version; `is_learned` if its bins are those of its first rows."""

    def __init__(
        self,
        model: str,
        version: int,
        histograms: list[Histogram],
        card: ModelCard | None = None,
        *,
        is_learned: bool,
    ) -> None:
        """`card` is the one that was known of the version then."""
        self.model, self.version, self.card = model, version, card
        self.is_learned = is_learned
        self.quantities: dict[str, Counted] = {}
        self._waiting: dict[str, list[NDArray[np.generic]]] = {}
        for histogram in histograms:
            self._begin(histogram, self._series(histogram))

    @property
    def num_learned_from(self) -> int:
        """How many rows have come that bins are still to be learned from."""
        return max((sum(map(len, parts)) for parts in self._waiting.values()), default=0)

    @property
    def has_rows(self) -> bool:
        """Whether any have come within the last day."""
        return any(each.window.total(DAY).any() for each in self.quantities.values())

    def sort(self, columns: Tensors) -> Sorted:
        """Find the bins of rows, and change nothing: for a thread."""
        known = {name: each for name, each in columns.items() if name in self.quantities}
        return Sorted(
            {name: counts(self.quantities[name].histogram, each) for name, each in known.items()},
            {name: each for name, each in columns.items() if name not in known},
        )

    def count(self, rows: Sorted) -> None:
        """Count rows."""
        for name, found in rows.counts.items():
            self.quantities[name].add(found)
        if self.is_learned:  # a known training is all there is
            for name, column in rows.columns.items():
                self._learn(name, column)

    def _learn(self, name: str, column: NDArray[np.generic]) -> None:
        """Put rows aside until there are enough of them."""
        if name in self.quantities:  # learned from other rows of the same block
            return
        waiting = self._waiting.setdefault(name, [])
        waiting.append(column)
        if sum(map(len, waiting)) >= LEARNED_FROM:
            self._begin(learn(name, _together(waiting)), [])
            del self._waiting[name]

    def _begin(self, histogram: Histogram, series: list[Counter]) -> None:
        window = Window(num_bins(histogram))
        self.quantities[histogram.quantity] = Counted(histogram, window, series)

    def _series(self, histogram: Histogram) -> list[Counter]:
        labels = [
            (self.model, str(self.version), histogram.quantity, bin_) for bin_ in names(histogram)
        ]
        for each, share in zip(labels, histogram.shares, strict=True):
            drift_metrics.EXPECTED.labels(*each).set(share)
        drift_metrics.TRAINING_ROWS.labels(*labels[0][:3]).set(histogram.count)
        return [drift_metrics.ROWS.labels(*each) for each in labels]


def _together(columns: list[NDArray[np.generic]]) -> NDArray[np.generic]:
    """Join what has come of a quantity; numbers among texts are no values."""
    if len({column.dtype == object for column in columns}) > 1:
        columns = [column for column in columns if column.dtype == object]
    return np.concatenate(columns)


Versions = Mapping[tuple[str, int], CountedVersion]
