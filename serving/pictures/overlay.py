"""Draws a map of what speaks for a class and what against it over the picture that it is of."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serving.pictures.quantities import luma

ZOOM = 4  # pixels of the drawing, across one of the picture

# Two colours that every kind of eyes tells apart. Source: M. Okabe, K. Ito, "Color Universal
# Design", 2008.
_FOR, _AGAINST = (np.array(colour, np.float32) for colour in ((230, 159, 0), (0, 114, 178)))
_MOST = 0.85  # of a colour: the picture shines through


def overlay(pixels: NDArray[np.uint8], values: NDArray[np.float32]) -> bytes:
    """Draw a PNG file: orange is for the class, blue against it, the stronger, the more.

    What is against it is hatched besides, for whoever sees no colours. `pixels` is uint8[height,
    width, 3], in grey beneath; `values` is float32[height, width].
    """
    grey = _enlarged(luma(pixels))[..., None]
    signed = _enlarged(values / max(float(np.abs(values).max()), 1e-30))[..., None]
    gaps = (np.arange(len(grey)) % ZOOM >= ZOOM // 2)[:, None, None]
    share = np.where((signed < 0) & gaps, 0, _MOST * np.abs(signed))
    colours = np.where(signed < 0, _AGAINST, _FOR)
    mixed = grey + share * (colours - grey)  # [ZOOM * height, ZOOM * width, 3]
    file = io.BytesIO()
    Image.fromarray(np.rint(mixed).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def _enlarged(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values.repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)
