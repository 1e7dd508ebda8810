"""Shows single examples with what was answered: pictures as pictures, the rest as a table."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.contract import Tensors
from training.data.examples import Examples
from training.outputs.judgement import Judgement
from training.report.figure import Figure, draw
from training.report.page import Table

NUM_SHOWN = 12
COLUMNS = 6  # of pictures
LONGEST_TEXT = 280  # characters; both ends say more than the middle


def pictures_of(inputs: Tensors) -> NDArray[np.uint8] | None:
    """Give the input that is pictures, uint8[example, height, width, 3], if there is one."""
    return next((tensor for tensor in inputs.values() if tensor.ndim == 4), None)


def draw_pictures(pictures: NDArray[np.uint8], judgement: Judgement) -> bytes:
    """Give a PNG of the pictures, enlarged, each under its truth and its answer."""
    num_lines = -(-len(pictures) // COLUMNS)
    truth, answer, *rest = judgement.columns.values()

    def paint(canvas: Any) -> None:
        panels = canvas.subplots(num_lines, COLUMNS, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        for row, picture in enumerate(pictures):
            panels[row].imshow(picture, interpolation="nearest")
            extra = " ".join(column[row] for column in rest)
            panels[row].set_title(f"{truth[row]}:\n{answer[row]} {extra}", fontsize=8)

    return draw(1.4 * COLUMNS, 1.85 * num_lines, paint)


def show_pictures(
    pictures: NDArray[np.uint8], judgement: Judgement, *, name: str, title: str
) -> Figure:
    texts = ", ".join(": ".join(row) for row in zip(*judgement.columns.values(), strict=True))
    columns = ", ".join(list(judgement.columns)[1:])
    return Figure(
        name,
        title,
        f"{len(pictures)} pictures, each with truth, {columns}: {texts}.",
        f"Above each picture its truth, below that {columns}.",
        draw_pictures(pictures, judgement),
    )


def table(examples: Examples, judgement: Judgement, *, title: str) -> Table:
    """List examples that are texts and numbers, one a row."""
    columns = {**judgement.columns, **_input_columns(examples.inputs)}
    return Table(title, list(columns), list(zip(*columns.values(), strict=True)), len(columns))


def _input_columns(inputs: Tensors) -> dict[str, list[str]]:
    return {name: [_cell(value) for value in tensor] for name, tensor in inputs.items()}


def _cell(value: Any) -> str:
    if isinstance(value, np.ndarray):  # a row of one value is a value
        return _cell(value.item()) if value.size == 1 else f"{value.size:,} values"
    if isinstance(value, bytes):
        return shorten(value.decode(errors="replace"))
    return "missing" if np.isnan(value) else f"{float(value):,.6g}"


def shorten(text: str) -> str:
    """Leave out the middle of a long text."""
    if len(text) <= LONGEST_TEXT:
        return text
    half = LONGEST_TEXT // 2
    return f"{text[:half]} […] {text[-half:]}"
