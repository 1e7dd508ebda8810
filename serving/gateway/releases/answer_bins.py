"""Bins in which two versions' answers are compared: one a label, or one a tenth of the numbers."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from serving.gateway.releases.bounds import Counts

# The answers to the rows of one request: all labels, or all numbers.
Answers = Sequence[int | str | float]

LEARNED_FROM = 200  # of stable's numbers
_MOST_LABELS = 50
_OTHER_LABELS = _MOST_LABELS
_NOT_FINITE = _MOST_LABELS + 1
_FIRST_TENTH = _MOST_LABELS + 2
_TENTHS = 10
NUM_BINS = _FIRST_TENTH + _TENTHS


def are_numbers(answers: Answers) -> bool:
    """Say whether these are numbers: floats. Integers are labels."""
    return isinstance(answers[0], float)


class AnswerBins:
    """Which bins answers are in. Labels are told apart as they come, up to fifty.

    Numbers have none until enough of stable's have been seen to say where its tenths lie; these
    stay, so that an answer means the same in every slice of a window.
    """

    def __init__(self) -> None:
        self._labels: dict[int | float | str, int] = {}
        self._edges: Counts | None = None

    def can_place(self, answers: Answers) -> bool:
        """Say whether these have bins already."""
        return self._edges is not None or not are_numbers(answers)

    def learn(self, numbers: Sequence[float]) -> None:
        """Take the tenths of these numbers; equal ones, where a number is frequent, are one."""
        finite = [each for each in numbers if np.isfinite(each)] or [0.0]
        self._edges = np.unique(np.quantile(finite, np.arange(1, _TENTHS) / _TENTHS))

    def count(self, requests: Sequence[Answers]) -> Counts:
        """Return counts[bin] of the answers to requests, those of each together 1."""
        if not requests:
            return np.zeros(NUM_BINS)
        weights = [1 / len(answers) for answers in requests for _ in answers]
        bins = self._bins_of([each for answers in requests for each in answers])
        return np.bincount(bins, weights, NUM_BINS).astype(np.float64)

    def label_shares(self, counts: Counts) -> Mapping[str, float]:
        """Return the share of each label among all, by its name."""
        named = {str(label): float(counts[at]) for label, at in self._labels.items()}
        named["(others)"] = float(counts[_OTHER_LABELS])
        return {
            label: count / float(counts[:_NOT_FINITE].sum())
            for label, count in named.items()
            if count > 0
        }

    def _bins_of(self, answers: Answers) -> NDArray[np.intp]:
        if self._edges is None or not are_numbers(answers):
            return np.array([self._bin_of_label(each) for each in answers])
        numbers = np.asarray(answers, np.float64)
        tenths = _FIRST_TENTH + np.searchsorted(self._edges, numbers)
        return np.where(np.isfinite(numbers), tenths, _NOT_FINITE)

    def _bin_of_label(self, label: int | float | str) -> int:
        if len(self._labels) < _MOST_LABELS:
            return self._labels.setdefault(label, len(self._labels))
        return self._labels.get(label, _OTHER_LABELS)
