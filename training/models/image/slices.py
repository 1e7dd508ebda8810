"""Pictures told from each other by how bright they are, and by how much that varies in them."""

import numpy as np

from training.data.examples import Examples
from training.outputs.slices import Parts, fifths

# Source: ITU-R BT.601, the weights of red, green and blue in the luma.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def slices(examples: Examples) -> Parts:
    """Give fifths by the mean of a picture's luma, 0 to 255, and by its standard deviation."""
    luma = examples.inputs["pixels"] @ LUMA  # [picture, height, width]
    return {"brightness": fifths(luma.mean(axis=(1, 2))), "contrast": fifths(luma.std(axis=(1, 2)))}
