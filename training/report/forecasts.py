"""How forecasts err: by the hour ahead beside the baselines, their coverage, and some of them."""

from typing import Any

import numpy as np
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from serving.card import ModelCard
from serving.contract import Tensors
from training.data.examples import Examples
from training.outputs.forecast import coverage
from training.report.figure import BLUE, GREY, ORANGE, Figure, draw
from training.report.number import number
from training.report.page import Table

NUM_SHOWN = 6


def charts(card: ModelCard, answers: Tensors, test: Examples) -> tuple[list[Figure], list[Table]]:
    """Draw the errors and the coverage by the hour, and some forecasts with what came."""
    errors = np.nanmean(np.abs(answers["forecast"] - test.targets), axis=0)  # [ahead]
    inside = coverage(answers, test.targets)
    shares = np.nanmean(inside, axis=0)  # [ahead]
    widths = (answers["forecast_high"] - answers["forecast_low"]).mean(axis=0)
    figures = [
        by_hour(card, errors, shares),
        some_forecasts(answers, test.targets),
    ]
    rows = [
        [str(hour), number(error), f"{share:.1%}", number(width)]
        for hour, (error, share, width) in enumerate(zip(errors, shares, widths, strict=True), 1)
    ]
    head = ["hours ahead", "mean absolute error", "coverage", "mean width"]
    return figures, [Table("By the hour ahead, on the test part", head, rows)]


def by_hour(card: ModelCard, errors: NDArray[Any], shares: NDArray[Any]) -> Figure:
    """Draw error and coverage over the hours ahead, with what the baselines have figures of."""
    hours = np.arange(1, len(errors) + 1)
    at = {
        int(each.name.rsplit("_", 1)[1]): each.name
        for each in card.metrics
        if each.name.startswith("mean_absolute_error_at_")
    }

    def paint(canvas: Any) -> None:
        left, right = canvas.subplots(1, 2)
        left.plot(hours, errors, "s-", color=BLUE, label="this version")
        for baseline in card.baselines:
            values = [baseline.metrics[name] for name in at.values()]
            left.plot(list(at), values, "o--", color=ORANGE, label=baseline.name)
        left.set_ylabel("mean absolute error")
        left.set_ylim(bottom=0)
        left.legend(loc="upper left")
        right.plot(hours, shares, "s-", color=BLUE)
        right.yaxis.set_major_formatter(PercentFormatter(1.0))
        right.set_ylabel("share of actual values inside")
        right.set_ylim(min(0.8, shares.min() - 0.02), 1)
        for axes in (left, right):
            axes.set_xlabel("hours ahead")

    ends = f"{number(float(errors[0]))} at the first hour, {number(float(errors[-1]))} at the last"
    covered = f"{shares.min():.1%} to {shares.max():.1%}"
    return Figure(
        "by-hour-ahead",
        "Error and coverage by the hour ahead",
        f"Left the mean absolute error, which grows with the hour: {ends}; right the coverage of "
        f"the intervals: {covered}.",
        f"Mean absolute error: {ends}. Coverage: {covered}.",
        draw(9.2, 3.4, paint),
    )


def some_forecasts(answers: Tensors, targets: NDArray[Any]) -> Figure:
    """Draw forecasts evenly from the whole part, whatever became of them."""
    rows = np.linspace(0, len(targets) - 1, NUM_SHOWN + 2).astype(int)[1:-1]
    hours = np.arange(1, targets.shape[1] + 1)

    def paint(canvas: Any) -> None:
        for axes, row in zip(canvas.subplots(2, NUM_SHOWN // 2).ravel(), rows, strict=True):
            low, high = answers["forecast_low"][row], answers["forecast_high"][row]
            axes.fill_between(
                hours, low, high, color=GREY, alpha=0.2, hatch="///", label="interval"
            )
            axes.plot(hours, answers["forecast"][row], "-", color=BLUE, label="forecast")
            axes.plot(hours, targets[row], "o", color="black", ms=3, label="what came")
            axes.set_ylim(bottom=0)
            axes.set_title(f"example {row:,}", fontsize=8)
        handles, labels = axes.get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper center", ncols=3)

    return Figure(
        "some-forecasts",
        "Some forecasts",
        f"{len(rows)} forecasts of the test part over the hours ahead, with interval and truth.",
        "Taken evenly from the test part, not by how good they are. Across, hours ahead.",
        draw(9.2, 4.8, paint),
    )
