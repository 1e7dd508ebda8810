"""How light pictures are, how rich in contrast, and how colourful; knows no model."""

import numpy as np
from numpy.typing import NDArray

# How much of what the eye takes for light is in red, green and blue. Source: ITU-R BT.601.
_LUMA = (0.299, 0.587, 0.114)


def luma(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give how light each pixel is, 0 to 255: float32[...] for uint8[..., 3]."""
    red, green, blue = (
        np.float32(weight) * pixels[..., channel] for channel, weight in enumerate(_LUMA)
    )
    light: NDArray[np.float32] = red + green + blue
    return light


def quantities(pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Give of each picture, uint8[batch, height, width, 3], float64[batch] from 0 to 255."""
    light = luma(pixels)  # [batch, height, width]
    red, green, blue = np.moveaxis(pixels, -1, 0)
    # Colour by colour: of an axis of three, numpy's max takes ten times as long.
    most, least = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    return {
        "pixels.brightness": light.mean(axis=(1, 2)).astype(np.float64),
        "pixels.contrast": light.std(axis=(1, 2)).astype(np.float64),
        "pixels.saturation": (most - least).mean(axis=(1, 2), dtype=np.float64),
    }
