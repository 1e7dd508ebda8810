"""What a figure of a report is, and how all of them look; knows nothing that is drawn.

Shades, hatches, markers and line styles tell things apart, so that a print without colours does.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas
from PIL import Image

BLUE, ORANGE, GREY, GRID = "#1f6feb", "#d1632a", "#6b7280", "#dfe3e8"
DOTS_PER_INCH = 110
_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9,
    "grid.color": GRID,
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Figure:
    """A picture for a report: `name` becomes its file's, `description` is for who cannot see it."""

    name: str
    title: str
    description: str
    caption: str
    png: bytes


def draw(width: float, height: float, paint: Callable[[Any], None]) -> bytes:
    """Give the PNG of what `paint` puts onto an empty canvas of this size in inches."""
    with mpl.rc_context(_STYLE):
        canvas = Canvas(figsize=(width, height), layout="constrained")
        paint(canvas)
        file = io.BytesIO()
        canvas.savefig(file, format="png", dpi=DOTS_PER_INCH)
    return compress(file.getvalue())


def compress(png: bytes) -> bytes:
    """Give the same picture in 256 colours of its own, which takes a third of the bytes."""
    file = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()
