"""How a classifier errs: which classes it takes for which, how sure it is, and of what wrongly."""

from typing import Any

import numpy as np

from serving.card import ConfidenceBin, ModelCard
from serving.contract import Tensors
from training.data.examples import Examples
from training.report.figure import BLUE, GREY, Figure, draw
from training.report.number import number
from training.report.page import Table

DARK = 0.5  # share of a class, from which on white digits are easier to read


def charts(card: ModelCard, _answers: Tensors, _test: Examples) -> tuple[list[Figure], list[Table]]:
    return [confusion(card), reliability(card)], []


def confusion(card: ModelCard) -> Figure:
    """Draw the counts of each true class by predicted class, shaded by their share of the class."""
    matrix = card.confusion_matrix or {}
    labels = list(matrix)
    counts = np.array([[matrix[truth][label] for label in labels] for truth in labels])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    def paint(canvas: Any) -> None:
        axes = canvas.subplots()
        axes.grid(visible=False)
        image = axes.imshow(shares, cmap="Greys", vmin=0, vmax=1)
        canvas.colorbar(image, label="share of the true class", shrink=0.8)
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if shares[row, column] > DARK else "black"
            axes.text(
                column, row, f"{count:,}" if count else "·", ha="center", va="center", color=color
            )
        axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
        axes.set_yticks(range(len(labels)), labels)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")

    size = 2.6 + 0.42 * len(labels)
    return Figure(
        "confusion-matrix",
        "Confusion matrix",
        f"A grid of {len(labels)} true by {len(labels)} predicted classes. {_confused(card)}",
        f"Counts on the test part; the diagonal is right. {_confused(card)}",
        draw(size + 1, size, paint),
    )


def _confused(card: ModelCard) -> str:
    """Say which classes are taken for each other most often."""
    matrix = card.confusion_matrix or {}
    wrong = [
        (count, truth, label)
        for truth, row in matrix.items()
        for label, count in row.items()
        if label != truth and count
    ]
    most = sorted(wrong, key=lambda each: -each[0])[:3]
    if not most:
        return "No example was taken for one of another class."
    named = "; ".join(f"{truth} for {label}, {count:,} times" for count, truth, label in most)
    return f"Taken most often: {named}."


def reliability(card: ModelCard) -> Figure:
    """Draw how often answers are right over how sure they are, and how many there are."""
    bins = card.reliability or []
    calibration = next(
        metric.value for metric in card.metrics if metric.name == "expected_calibration_error"
    )

    def paint(canvas: Any) -> None:
        above, below = canvas.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        _paint_reliability(above, bins)
        below.vlines(
            [each.confidence for each in bins], 0.5, [each.count for each in bins], GREY, lw=6
        )
        below.set_yscale("log")
        below.set_ylim(bottom=0.5)
        below.set_ylabel("examples")
        below.set_xlabel("confidence: score of the predicted class")

    listed = "; ".join(
        f"{each.accuracy:.2f} at {each.confidence:.2f}, {each.count:,} examples" for each in bins
    )
    return Figure(
        "reliability",
        "Reliability diagram",
        f"Accuracy over confidence beside the diagonal of honest scores: {listed}.",
        "On the diagonal, scores are as often right as they say; below it, the model is surer than "
        "it should be. Bars are one standard error. The expected calibration error is "
        f"{number(calibration)}.",
        draw(5.2, 4.8, paint),
    )


def _paint_reliability(axes: Any, bins: list[ConfidenceBin]) -> None:
    scatter = [(bin_.accuracy * (1 - bin_.accuracy) / bin_.count) ** 0.5 for bin_ in bins]
    axes.plot([0, 1], [0, 1], "--", color=GREY, label="honest scores")
    axes.errorbar(
        [each.confidence for each in bins],
        [each.accuracy for each in bins],
        scatter,
        fmt="s-",
        color=BLUE,
        capsize=3,
        label="this model",
    )
    axes.set_xlim(min([each.confidence for each in bins], default=0) - 0.05, 1.02)
    axes.set_ylim(min([each.accuracy for each in bins], default=0) - 0.1, 1.03)
    axes.set_ylabel("accuracy")
    axes.legend(loc="upper left")
