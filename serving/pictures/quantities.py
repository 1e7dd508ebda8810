"""How light pictures are, how rich in contrast, and how colourful; knows no model."""

import numpy as np
from numpy.typing import NDArray

# How much of what the eye takes for light is in red, green and blue. Source: ITU-R BT.601.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def luma(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give how light each pixel is, 0 to 255: float32[...] for uint8[..., 3]."""
    light: NDArray[np.float32] = pixels @ _LUMA
    return light


def quantities(pixels: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Give of each picture, uint8[batch, height, width, 3], float64[batch] from 0 to 255."""
    light = luma(pixels)  # [batch, height, width]
    range_ = pixels.max(axis=-1) - pixels.min(axis=-1)  # [batch, height, width]
    return {
        "pixels.brightness": light.mean(axis=(1, 2), dtype=np.float64),
        "pixels.contrast": light.std(axis=(1, 2), dtype=np.float64),
        "pixels.saturation": range_.mean(axis=(1, 2), dtype=np.float64),
    }
