"""What a truth adds to the figures of a version, and the figures that come of such sums.

Everything is a sum, so that the truths which came to any gateway add up to the same figures.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from serving.gateway.inference.answer_rows import Labels, Numbers

# Of a label's score, equally wide. Source: M. P. Naeini, G. F. Cooper, M. Hauskrecht, "Obtaining
# Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015; C. Guo et al., "On Calibration
# of Modern Neural Networks", ICML 2017, section 2: bin m of M is ((m - 1)/M, m/M], M is mostly 10.
NUM_BINS = 10
_EDGES = [number / NUM_BINS for number in range(1, NUM_BINS)]

# What is summed: by name, so that the stores need not know what it is.
Amounts = Mapping[str, float]
LABELS, CORRECT, SCORED = "labels", "correct", "scored"
NUMBERS, ERROR, SQUARED_ERROR = "numbers", "error", "squared_error"
SQUARED_ERROR_SQUARED = "squared_error_squared"  # by which a guard knows how much the others vary
INTERVALS, COVERED = "intervals", "covered"
BIN_CONFIDENCE = [f"confidence_{number}" for number in range(1, NUM_BINS + 1)]
BIN_CORRECT = [f"correct_{number}" for number in range(1, NUM_BINS + 1)]


def bin_of(score: float) -> int:
    """Return the bin of a score, beginning with 0."""
    return bisect_left(_EDGES, score)


def label_amounts(answered: Labels, index: int, truth: str) -> Amounts:
    """Say what the true label of a row adds."""
    correct = float(answered.labels[index] == truth)
    amounts = {LABELS: 1.0, CORRECT: correct}
    score = answered.scores[index]
    if score is not None:
        number = bin_of(score)
        amounts |= {SCORED: 1.0, BIN_CONFIDENCE[number]: score, BIN_CORRECT[number]: correct}
    return amounts


def number_amounts(answered: Numbers, index: int, truth: float) -> Amounts:
    """Say what the true number of a row adds."""
    error = answered.numbers[index] - truth
    square = error * error
    amounts = {NUMBERS: 1.0, ERROR: error, SQUARED_ERROR: square}
    amounts[SQUARED_ERROR_SQUARED] = square * square
    if answered.lows is not None and answered.highs is not None:
        is_inside = answered.lows[index] <= truth <= answered.highs[index]
        amounts |= {INTERVALS: 1.0, COVERED: float(is_inside)}
    return amounts


def add(sums: dict[str, float], amounts: Amounts) -> None:
    """Add amounts to sums, in place."""
    for name, amount in amounts.items():
        sums[name] = sums.get(name, 0.0) + amount


@dataclass(frozen=True)
class Figures:
    """How good a version's answers were, by the truths that have come; None where there is none.

    `calibration_error` is the expected one, `mean_error` of the answers less the truths, and
    `coverage` the share of truths that lay within their intervals.
    """

    num_labels: int
    accuracy: float | None
    calibration_error: float | None
    num_numbers: int
    rmse: float | None
    mean_error: float | None
    coverage: float | None


def figures_of(sums: Amounts) -> Figures:
    """Return the figures."""
    return Figures(
        num_labels=int(sums.get(LABELS, 0)),
        accuracy=_mean(sums, CORRECT, LABELS),
        calibration_error=_calibration_error(sums),
        num_numbers=int(sums.get(NUMBERS, 0)),
        rmse=None if (mean := _mean(sums, SQUARED_ERROR, NUMBERS)) is None else sqrt(mean),
        mean_error=_mean(sums, ERROR, NUMBERS),
        coverage=_mean(sums, COVERED, INTERVALS),
    )


def _mean(sums: Amounts, name: str, count: str) -> float | None:
    return sums.get(name, 0) / sums[count] if sums.get(count) else None


def _calibration_error(sums: Amounts) -> float | None:
    """Return the mean distance of confidence and accuracy, each bin by how many it has.

    A bin's share times that distance is the distance of its sums over the number of all.
    """
    if not sums.get(SCORED):
        return None
    bins = zip(BIN_CONFIDENCE, BIN_CORRECT, strict=True)
    distances = [
        abs(sums.get(confidence, 0) - sums.get(correct, 0)) for confidence, correct in bins
    ]
    return sum(distances) / sums[SCORED]
