"""Pictures told from each other by how bright they are, and by how much that varies in them."""

from serving.pictures.quantities import luma
from training.data.examples import Examples
from training.outputs.slices import Parts, fifths


def slices(examples: Examples) -> Parts:
    """Give fifths by the mean of a picture's luma, 0 to 255, and by its standard deviation."""
    light = luma(examples.inputs["pixels"])  # [picture, height, width]
    return {
        "brightness": fifths(light.mean(axis=(1, 2))),
        "contrast": fifths(light.std(axis=(1, 2))),
    }
