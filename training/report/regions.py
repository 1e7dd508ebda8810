"""Where on the map, and in which category of place, a regressor errs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.contract import Tensors
from training.data.examples import Examples
from training.report.figure import Figure, draw
from training.report.page import Table

MOST_CATEGORIES = 20
CELLS_ACROSS = 32
LARGEST_MARKER = 90.0  # square points


def has_places(inputs: Tensors) -> bool:
    return {"longitude", "latitude"} <= inputs.keys()


def error_map(test: Examples, residuals: NDArray[np.float64], unit: str) -> Figure:
    """Draw the mean absolute error, and the mean error, of each cell of a map."""
    places = test.inputs["longitude"], test.inputs["latitude"]

    def paint(canvas: Any) -> None:
        left, right = canvas.subplots(1, 2, sharex=True, sharey=True)
        cells = left.hexbin(
            *places, np.abs(residuals), gridsize=CELLS_ACROSS, mincnt=1, cmap="Greys",
            edgecolors="#9aa4b2", linewidths=0.3, vmin=0,
        )  # fmt: skip
        canvas.colorbar(
            cells, label=f"mean absolute error, thousand {unit}", shrink=0.8,
            format=lambda value, _position: f"{value / 1_000:,.0f}",
        )  # fmt: skip
        _paint_directions(right, places, residuals)
        left.set_ylabel("latitude, degrees north")
        for axes in (left, right):
            axes.set_xlabel("longitude, degrees east")
            axes.set_aspect(1 / np.cos(np.deg2rad(float(np.mean(places[1])))))

    return Figure(
        "error-map",
        "Error by place",
        "Two maps of the test examples in cells: the darker, the larger the mean absolute error; "
        "and triangles that point up where predictions are too high, down where too low.",
        "Left: the darker a cell, the larger its mean absolute error. Right: triangles point up "
        "where predictions are too high on average, down where too low; their area grows with the "
        "mean error. Cells of few examples scatter most.",
        draw(9.2, 4.6, paint),
    )


def _paint_directions(axes: Any, places: Any, residuals: NDArray[np.float64]) -> None:
    cells = axes.hexbin(*places, residuals, gridsize=CELLS_ACROSS // 2, mincnt=1, alpha=0)
    centres, means = cells.get_offsets(), np.asarray(cells.get_array())
    sizes = LARGEST_MARKER * np.abs(means) / (np.abs(means).max() or 1.0)
    for sign, marker, color, label in (
        (1, "^", "white", "too high"),
        (-1, "v", "black", "too low"),
    ):
        rows = sign * means > 0
        axes.scatter(
            *centres[rows].T, s=sizes[rows], c=color, marker=marker, edgecolors="black", label=label
        )
    axes.legend(loc="upper right", scatterpoints=1)


def errors_by_category(test: Examples, residuals: NDArray[np.float64], unit: str) -> list[Table]:
    """List the errors by each input that names one of a few categories."""
    return [
        _by_category(name, tensor, residuals, unit)
        for name, tensor in test.inputs.items()
        if tensor.dtype == object and len(set(tensor)) <= MOST_CATEGORIES
    ]


def _by_category(
    name: str, categories: NDArray[Any], residuals: NDArray[np.float64], unit: str
) -> Table:
    rows = []
    for category in sorted(set(categories)):
        errors = residuals[categories == category]
        figures = [np.mean(np.abs(errors)), np.mean(errors)]
        cells = [f"{value:,.0f}" for value in figures]
        rows.append([category.decode(), f"{len(errors):,}", *cells])
    head = [name, "examples", f"mean absolute error, {unit}", f"too high by, {unit}"]
    return Table(f"Error by {name}", head, rows)
