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
    grey = luma(pixels)[..., None]  # [height, width, 1]
    signed = values[..., None] / max(float(np.abs(values).max()), 1e-30)
    colours = np.where(signed < 0, _AGAINST, _FOR)
    mixed = grey + _MOST * np.abs(signed) * (colours - grey)  # [height, width, 3]
    gaps = np.where(signed < 0, grey, mixed)
    lines = np.stack([mixed] * (ZOOM // 2) + [gaps] * (ZOOM // 2), axis=1)
    drawn = np.rint(lines).astype(np.uint8).repeat(ZOOM, axis=2)  # [height, ZOOM, ZOOM * width, 3]
    height, width = values.shape
    file = io.BytesIO()
    # What is enlarged packs well anyhow; more effort takes three times as long, to save nothing.
    picture = Image.fromarray(drawn.reshape(ZOOM * height, ZOOM * width, 3))
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()
