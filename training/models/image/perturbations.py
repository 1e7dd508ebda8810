"""Pictures as cameras and copying leave them: moved by a pixel, darker or lighter, compressed."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.data.examples import Examples

BRIGHTNESS = 0.2
JPEG_QUALITY = 50

Pictures = NDArray[np.uint8]


def perturb(examples: Examples) -> dict[str, Examples]:
    """Give the same examples with other pictures, uint8[picture, height, width, channel] each."""
    changes: dict[str, Callable[[Pictures], Pictures]] = {
        "one pixel to the right": lambda pictures: _shift(pictures, axis=2),
        "one pixel down": lambda pictures: _shift(pictures, axis=1),
        f"{BRIGHTNESS:.0%} darker": lambda pictures: _scale(pictures, 1 - BRIGHTNESS),
        f"{BRIGHTNESS:.0%} lighter": lambda pictures: _scale(pictures, 1 + BRIGHTNESS),
        f"JPEG of quality {JPEG_QUALITY}": _compress,
    }
    pixels = examples.inputs["pixels"]
    return {
        name: replace(examples, inputs={"pixels": change(pixels)})
        for name, change in changes.items()
    }


def _shift(pictures: Pictures, axis: int) -> Pictures:
    """Move by a pixel; the first row or column stays, so that there is no black edge."""
    kept = np.arange(pictures.shape[axis]) - 1
    moved: Pictures = pictures.take(np.maximum(kept, 0), axis=axis)
    return moved


def _scale(pictures: Pictures, factor: float) -> Pictures:
    scaled: NDArray[Any] = np.rint(pictures * factor)
    return scaled.clip(0, 255).astype(np.uint8)


def _compress(pictures: Pictures) -> Pictures:
    def through_jpeg(picture: Pictures) -> Pictures:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=JPEG_QUALITY)
        return np.asarray(Image.open(file))

    return np.stack([through_jpeg(picture) for picture in pictures])
