"""What stands beside the answers: class sets, familiarity, explanations, and what is usual."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from serving.card import ExplanationQuality, FaithfulnessCurve, Familiarity, Histogram, ModelCard
from serving.histograms import names
from training.report.figure import BLUE, GREY, ORANGE, Figure, draw
from training.report.number import number
from training.report.page import Section, Table

PANELS_A_ROW = 4
MOST_BARS = 12  # of names, the most frequent ones


def beside(card: ModelCard) -> Section | None:
    """Show what the card says of it; None if the version answers and says no more."""
    words: list[str] = []
    figures: list[Figure] = []
    tables: list[Table] = []
    if card.class_sets:
        tables.append(_class_sets(card))
    if card.familiarity:
        words.append(_told(card.familiarity))
        if card.familiarity.strangers:
            figures.append(strangers(card.familiarity))
            tables.append(_strangers(card.familiarity))
    if card.explanation:
        words.append(_explained(card.explanation))
        if card.explanation.curves:
            figures.append(faithfulness(card.explanation))
    if card.histograms:
        figures.append(quantities(card.histograms))
    shown = words or figures or tables
    return Section("Beside the answers", words, figures, tables) if shown else None


def _class_sets(card: ModelCard) -> Table:
    return Table(
        "Sets of classes, on the test part",
        ["share of true classes that are to be inside", "that are", "classes in a set, on average"],
        [
            [f"{each.coverage:.0%}", f"{each.measured:.1%}", number(each.mean_size)]
            for each in card.class_sets
        ],
        num_texts=0,
    )


def _told(familiarity: Familiarity) -> str:
    return (
        f"How familiar an input is: {familiarity.method}. Below {familiarity.threshold} it is "
        f"called unfamiliar, as {familiarity.false_alarms:.1%} of the test part are."
    )


def strangers(familiarity: Familiarity) -> Figure:
    """Draw how well each kind of stranger is told, beside what the confidence alone would tell."""
    kinds = familiarity.strangers
    places = np.arange(len(kinds))[::-1]  # the first on top
    confident = [place for place, each in zip(places, kinds, strict=True) if _compared(each)]

    def paint(canvas: Any) -> None:
        axes = canvas.subplots()
        axes.axvline(0.5, color="black", ls=":", label="chance")
        axes.plot([each.auroc for each in kinds], places, "s", color=BLUE, label="familiarity")
        if confident:
            told = [each.auroc_of_confidence for each in kinds if _compared(each)]
            axes.plot(told, confident, "o", color=ORANGE, mfc="white", label="confidence")
        axes.set_yticks(places, [each.name for each in kinds])
        axes.set_ylim(-0.6, len(kinds) - 0.4)
        axes.set_xlabel("area under the curve: 1 tells all of them, 0.5 is chance")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)

    listed = "; ".join(
        f"{each.name} {each.auroc:.3f}"
        + (f", by the confidence {each.auroc_of_confidence:.3f}" if _compared(each) else "")
        for each in kinds
    )
    return Figure(
        "strangers",
        "Strangers told from the test part",
        f"A point for each kind of input that is unlike the training data: {listed}.",
        "How probable it is that one of the test part is more familiar than one of these.",
        draw(7.4, 1.4 + 0.3 * len(kinds), paint),
    )


def _compared(each: Any) -> bool:
    return each.auroc_of_confidence is not None


def _strangers(familiarity: Familiarity) -> Table:
    rows = [
        [
            each.name,
            f"{each.count:,}",
            f"{each.noticed:.1%}",
            f"{each.auroc:.3f}",
            f"{each.auroc_of_confidence:.3f}" if _compared(each) else "",
        ]
        for each in familiarity.strangers
    ]
    head = ["unlike the training data", "count", "called unfamiliar", "AUROC", "of the confidence"]
    return Table("Strangers", head, rows)


def _explained(quality: ExplanationQuality) -> str:
    return (
        f"Explanations: {quality.method}. They add up to the answer to within "
        f"{number(quality.completeness)} {quality.unit}."
    )


def faithfulness(quality: ExplanationQuality) -> Figure:
    """Draw what becomes of answers as what is said to weigh most goes or comes back first."""
    curves = quality.curves

    def paint(canvas: Any) -> None:
        panels = canvas.subplots(1, len(curves), squeeze=False)[0]
        for axes, curve in zip(panels, curves, strict=True):
            axes.plot(curve.shares, curve.random, "o--", color=GREY, label="in a random order")
            axes.plot(curve.shares, curve.explained, "s-", color=BLUE, label="as explained")
            axes.set_title(_wrapped(curve.name), fontsize=9)
            axes.set_xlabel("share of the input")
            axes.yaxis.set_major_formatter(lambda value, _position: f"{value:,.6g}")
        handles, labels = panels[-1].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper center", ncols=2)

    listed = "; ".join(f"{each.name}: {_means(each)}" for each in curves)
    return Figure(
        "faithfulness",
        "Faithfulness of the explanations",
        "Lines over the share of the input that was taken away or given back, as explained solid "
        f"with squares, in a random order dashed with circles. {listed}.",
        f"The farther apart the lines, the more the explanations know. {listed}.",
        draw(max(4.4, 3.8 * len(curves)), 3.6, paint),
    )


def _means(curve: FaithfulnessCurve) -> str:
    explained, random = (
        np.trapezoid(values, curve.shares) for values in (curve.explained, curve.random)
    )
    return f"on average {number(float(explained))} as explained, {number(float(random))} at random"


def _wrapped(text: str) -> str:
    half = text.rfind(" ", 0, len(text) // 2 + 4)
    return text if len(text) < 36 or half < 0 else f"{text[:half]}\n{text[half + 1 :]}"


def quantities(histograms: Sequence[Histogram]) -> Figure:
    """Draw how each quantity is spread: what live requests are compared with."""
    num_rows = -(-len(histograms) // PANELS_A_ROW)

    def paint(canvas: Any) -> None:
        panels = canvas.subplots(num_rows, PANELS_A_ROW, squeeze=False).ravel()
        for axes, histogram in zip(panels, histograms, strict=False):
            axes.set_title(histogram.quantity, fontsize=9)
            paint_one = _paint_density if len(histogram.edges or ()) > 1 else _paint_shares
            paint_one(axes, histogram)
        for axes in panels[len(histograms) :]:
            axes.set_axis_off()

    listed = "; ".join(f"{each.quantity}: {_in_words(each)}" for each in histograms)
    return Figure(
        "quantities",
        "What is usual",
        f"A panel for each of {len(histograms)} quantities. {listed}.",
        f"Of {histograms[0].count:,} held-out examples, of which a model says what it says of "
        "those that it meets later. Of numbers, how dense they are, less the lowest tenth and the "
        "highest; of names, their shares. The gateway compares live requests with it.",
        draw(2.5 * PANELS_A_ROW, 1.9 * num_rows, paint),
    )


def _paint_density(axes: Any, histogram: Histogram) -> None:
    """Draw a step for each bin that has two ends, so high that its area is its share."""
    edges = histogram.edges or []
    density = np.array(histogram.shares[1:-2]) / np.diff(edges)
    axes.stairs(density, edges, fill=True, facecolor=BLUE, alpha=0.35)
    axes.stairs(density, edges, color=BLUE)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    axes.grid(visible=False)
    low, high = axes.set_xticks([edges[0], edges[-1]], [number(edges[0]), number(edges[-1])])
    low.label1.set_horizontalalignment("left")
    high.label1.set_horizontalalignment("right")


def _paint_shares(axes: Any, histogram: Histogram) -> None:
    shares = zip(histogram.shares, names(histogram), strict=True)
    most = sorted(((share, name) for share, name in shares if share), reverse=True)[:MOST_BARS]
    labels = [name if len(name) <= 14 else f"{name[:13]}…" for _, name in most]
    axes.barh(
        range(len(most)),
        [share for share, _ in most],
        color=BLUE,
        alpha=0.35,
        edgecolor=BLUE,
        hatch="///",
    )
    axes.set_yticks(range(len(most)), labels, fontsize=7)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(lambda value, _position: f"{value:.0%}")


def _in_words(histogram: Histogram) -> str:
    missing = histogram.shares[-1]
    less = f", {missing:.1%} missing" if missing else ""
    edges = histogram.edges or []
    if len(edges) > 1:
        return f"from {number(edges[0])} to {number(edges[-1])}{less}"
    most = int(np.argmax(histogram.shares))
    return f"mostly {names(histogram)[most]} ({histogram.shares[most]:.0%}){less}"
