"""The figures of parts of the test part: which of them a good mean hides."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np

from serving.card import Metric, ModelCard, Slice
from training.report.figure import BLUE, Figure, draw
from training.report.number import number
from training.report.page import Section, Table


def slices(card: ModelCard) -> Section | None:
    """Show every part beside the whole; None if no part was measured."""
    if not card.slices:
        return None
    first = next(each for each in card.metrics if each.name in card.slices[0].metrics)
    return Section(
        "Where it is better and worse",
        ["Parts of the test part, by what can be told of an example; ± is one standard error."],
        [parts(card.slices, first)],
        [_table(card)],
    )


def parts(measured: Sequence[Slice], whole: Metric) -> Figure:
    """Draw a figure of each part with its standard error, beside that of the whole."""
    panels = [(by, list(some)) for by, some in groupby(measured, lambda each: each.by)]
    title = whole.name.replace("_", " ")

    def paint(canvas: Any) -> None:
        heights = [len(some) + 1 for _, some in panels]
        rows = canvas.subplots(len(panels), sharex=True, squeeze=False, height_ratios=heights)
        for axes, (by, some) in zip(rows[:, 0], panels, strict=True):
            places = np.arange(len(some))[::-1]  # the first on top
            values = [each.metrics[whole.name] for each in some]
            errors = [each.standard_errors[whole.name] for each in some]
            axes.axvline(whole.value, color="black", ls=":", label="the whole test part")
            axes.errorbar(
                values, places, xerr=errors, fmt="s", color=BLUE, capsize=4, label="a part"
            )
            axes.set_yticks(places, [each.name for each in some])
            axes.set_ylim(-0.6, len(some) - 0.4)
            axes.set_title(by, fontsize=9, loc="left")
        rows[-1, 0].set_xlabel(title if whole.unit == "1" else f"{title}, {whole.unit}")
        handles, labels = rows[0, 0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper center", ncols=2)

    listed = "; ".join(
        f"{by}: " + ", ".join(f"{each.name} {number(each.metrics[whole.name])}" for each in some)
        for by, some in panels
    )
    return Figure(
        "slices",
        f"Parts of the test part: {title}",
        f"A point with its standard error for each part; all examples {number(whole.value)}. "
        f"{listed}.",
        "The dotted line is the whole test part.",
        draw(7.4, 1 + 0.5 * len(panels) + 0.24 * len(measured), paint),
    )


def _table(card: ModelCard) -> Table:
    names = list(card.slices[0].metrics)
    whole = {each.name: each for each in card.metrics}
    all_of_it = [_told(whole[name].value, whole[name].standard_error or 0) for name in names]
    rows = [
        [each.by, each.name, f"{each.count:,}"]
        + [_told(each.metrics[name], each.standard_errors[name]) for name in names]
        for each in card.slices
    ]
    head = ["by", "part", "examples", *(name.replace("_", " ") for name in names)]
    first = ["", "all", f"{card.data_set.split.test:,}", *all_of_it]
    return Table("Parts of the test part", head, [first, *rows], num_texts=2)


def _told(value: float, error: float) -> str:
    return f"{number(value)} ± {number(error)}"
