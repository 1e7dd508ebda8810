"""How a regressor errs: its prices beside the actual ones, what is left, and its intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import PercentFormatter

from serving.card import Metric, ModelCard
from serving.contract import Tensors
from training.data.examples import Examples
from training.outputs.regression import QUINTILES, UNIT
from training.report import regions
from training.report.figure import BLUE, ORANGE, Figure, draw
from training.report.number import number
from training.report.page import Table


def charts(card: ModelCard, answers: Tensors, test: Examples) -> tuple[list[Figure], list[Table]]:
    """Draw the prices, what is left, the intervals, and where on the map it is left."""
    left = answers["price"].astype(np.float64) - test.targets
    figures = [
        predicted_against_actual(card, answers, test),
        residuals(card, answers, test),
        coverage(card, answers, test),
    ]
    if regions.has_places(test.inputs):
        figures.append(regions.error_map(test, left, UNIT))
    return figures, regions.errors_by_category(test, left, UNIT)


def predicted_against_actual(card: ModelCard, answers: Tensors, test: Examples) -> Figure:
    """Draw the predictions over the truth."""
    predicted, actual = answers["price"], test.targets
    limits = [min(predicted.min(), actual.min()), max(predicted.max(), actual.max())]

    def paint(canvas: Any) -> None:
        axes = canvas.subplots()
        cells = axes.hexbin(
            actual, predicted, gridsize=45, bins="log", mincnt=1, cmap="Greys", linewidths=0.2
        )
        axes.plot(limits, limits, "--", color=ORANGE, label="predicted = actual")
        canvas.colorbar(cells, label="test examples")
        axes.set_xlabel(f"actual, {UNIT}")
        axes.set_ylabel(f"predicted, {UNIT}")
        axes.set_aspect("equal")
        _in_thousands(axes.xaxis, axes.yaxis)
        axes.legend(loc="upper left")

    figures = {metric.name: number(metric.value) for metric in card.metrics}
    summary = (
        f"The root mean squared error is {figures['root_mean_squared_error']} {UNIT}, R² "
        f"{figures['r2']}."
    )
    return Figure(
        "predicted-against-actual",
        "Predicted against actual",
        f"{len(actual):,} test examples, the darker the more, about the diagonal. {summary}",
        f"{len(actual):,} test examples. {summary}",
        draw(5.6, 4.6, paint),
    )


def residuals(card: ModelCard, answers: Tensors, test: Examples) -> Figure:
    """Draw how many predictions are how far off."""
    errors = answers["price"].astype(np.float64) - test.targets
    quantiles = card.residual_quantiles or {}
    shown = {name: quantiles[name] for name in ("0.05", "0.5", "0.95") if name in quantiles}

    def paint(canvas: Any) -> None:
        axes = canvas.subplots()
        bound = float(np.quantile(np.abs(errors), 0.995)) or 1.0
        axes.hist(
            np.clip(errors, -bound, bound), 60, color=BLUE, alpha=0.35, edgecolor=BLUE, hatch="///"
        )
        for (name, value), style in zip(shown.items(), ("--", "-", ":"), strict=False):
            axes.axvline(value, color="black", linestyle=style, label=f"quantile {name}")
        axes.set_xlabel(f"predicted minus actual, {UNIT}; the ends hold all that is beyond")
        axes.set_ylabel("test examples")
        _in_thousands(axes.xaxis)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)

    listed = ", ".join(f"{name}: {number(value)}" for name, value in quantiles.items())
    return Figure(
        "residuals",
        "Residuals",
        f"Histogram of predicted minus actual in {UNIT}. Quantiles: {listed}.",
        f"To the right of zero the model is too high. Quantiles: {listed}.",
        draw(6.4, 3.2, paint),
    )


def coverage(card: ModelCard, answers: Tensors, test: Examples) -> Figure:
    """Draw the share of truths within their intervals, and the widths, by fifth of the price."""
    fifths = np.array_split(np.argsort(answers["price"], kind="stable"), len(QUINTILES))
    low, high = answers["price_low"], answers["price_high"]
    inside = (low <= test.targets) & (test.targets <= high)
    shares = [float(np.mean(inside[rows])) for rows in fifths]
    widths = [float(np.mean((high - low)[rows])) for rows in fifths]
    figures = {metric.name: metric for metric in card.metrics}

    def paint(canvas: Any) -> None:
        left, right = canvas.subplots(1, 2)
        _paint_shares(left, shares, figures)
        _paint_widths(right, widths, figures)
        right.set_ylabel(f"mean width, {UNIT}")
        for axes in (left, right):
            axes.set_xlabel("fifth of the predicted prices")
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)

    listed = ", ".join(f"{name} {share:.1%}" for name, share in zip(QUINTILES, shares, strict=True))
    return Figure(
        "interval-coverage",
        "Coverage of the intervals",
        f"Share of actual prices within their intervals by fifth of the predicted price: {listed}.",
        f"By fifth of the predicted price: {listed}; over all "
        f"{figures['interval_coverage'].value:.1%}. Bars are one standard error. Intervals are "
        f"{number(figures['interval_mean_width'].value)} {UNIT} wide on average; as wide "
        f"everywhere, they would need {number(figures['constant_width'].value)} to hold as many.",
        draw(9.2, 3.4, paint),
    )


def _paint_shares(axes: Any, shares: Sequence[float], figures: Mapping[str, Metric]) -> None:
    errors = [figures[f"interval_coverage_{name}_fifth"].standard_error or 0 for name in QUINTILES]
    axes.errorbar(QUINTILES, shares, errors, fmt="s", color=BLUE, capsize=4, label="a fifth")
    axes.axhline(figures["interval_coverage"].value, color="black", ls="--", label="all")
    axes.set_ylim(min(0.8, *np.subtract(shares, errors)) - 0.02, 1.01)
    axes.set_ylabel("share of actual prices inside")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _paint_widths(axes: Any, widths: Sequence[float], figures: Mapping[str, Metric]) -> None:
    axes.bar(QUINTILES, widths, color=BLUE, alpha=0.35, edgecolor=BLUE, hatch="///")
    axes.axhline(figures["interval_mean_width"].value, color="black", ls="--", label="mean")
    axes.axhline(figures["constant_width"].value, color=ORANGE, ls=":", label="constant width")
    _in_thousands(axes.yaxis)


def _in_thousands(*axes: Any) -> None:
    for axis in axes:
        axis.set_major_formatter(lambda value, _position: f"{value / 1_000:,.0f} k")
