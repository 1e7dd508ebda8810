"""A version's live rows, counted in the bins of its training."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.card import Histogram
from serving.contract import Tensors
from serving.gateway.drift.windows import Window
from serving.gateway.telemetry import drift_metrics
from serving.histograms import counts, learn, names, num_bins

LEARNED_FROM = 1_000  # rows, where nothing is known of the training


@dataclass(frozen=True)
class Counted:
    """One quantity: what the training had, and what came."""

    histogram: Histogram
    window: Window


class CountedVersion:
    """What is counted of one version; `is_learned` if its bins are those of its first rows."""

    def __init__(self, model: str, version: int, histograms: list[Histogram] | None) -> None:
        self.model, self.version = model, version
        self.is_learned = not histograms
        self.quantities: dict[str, Counted] = {}
        self._waiting: dict[str, list[NDArray[np.generic]]] = {}
        for histogram in histograms or ():
            self._begin(histogram)

    @property
    def num_learned_from(self) -> int:
        """How many rows have come that bins are still to be learned from."""
        return max((sum(map(len, parts)) for parts in self._waiting.values()), default=0)

    def count(self, columns: Tensors) -> None:
        """Count rows."""
        for name, column in columns.items():
            counted = self.quantities.get(name)
            if counted is None:
                self._learn(name, column)
                continue
            found = counts(counted.histogram, column)
            counted.window.add(found)
            for bin_, number in zip(names(counted.histogram), found.tolist(), strict=True):
                if number:
                    drift_metrics.ROWS.labels(*self._labels(name, bin_)).inc(number)

    def _learn(self, name: str, column: NDArray[np.generic]) -> None:
        """Put rows aside until there are enough of them; a known training is all there is."""
        if not self.is_learned:
            return
        waiting = self._waiting.setdefault(name, [])
        waiting.append(column)
        if sum(map(len, waiting)) >= LEARNED_FROM:
            self._begin(learn(name, np.concatenate(waiting)))
            del self._waiting[name]

    def _begin(self, histogram: Histogram) -> None:
        self.quantities[histogram.quantity] = Counted(histogram, Window(num_bins(histogram)))
        shares = zip(names(histogram), histogram.shares, strict=True)
        for bin_, share in shares:
            labels = self._labels(histogram.quantity, bin_)
            drift_metrics.EXPECTED.labels(*labels).set(share)
            drift_metrics.ROWS.labels(*labels)

    def _labels(self, quantity: str, bin_: str) -> tuple[str, str, str, str]:
        return self.model, str(self.version), quantity, bin_


Versions = Mapping[tuple[str, int], CountedVersion]
