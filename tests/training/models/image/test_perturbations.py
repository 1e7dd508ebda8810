"""What careless hands do to pictures is what the card says that they did."""

import numpy as np

from training.data.examples import Examples
from training.models.image.perturbations import perturb

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
PERTURBED = {
    name: examples.inputs["pixels"]
    for name, examples in perturb(Examples({"pixels": PIXELS}, np.array([1, 2, 3]))).items()
}


def test_every_change_leaves_size_and_type() -> None:
    for pixels in PERTURBED.values():
        assert pixels.shape == PIXELS.shape
        assert pixels.dtype == np.uint8
        assert (pixels != PIXELS).any()


def test_a_moved_picture_keeps_its_edge() -> None:
    right, down = PERTURBED["one pixel to the right"], PERTURBED["one pixel down"]
    assert (right[:, :, 1:] == PIXELS[:, :, :-1]).all()
    assert (right[:, :, 0] == PIXELS[:, :, 0]).all()
    assert (down[:, 1:] == PIXELS[:, :-1]).all()


def test_brightness_is_a_fifth_less_or_more() -> None:
    assert abs(PERTURBED["20% darker"] / 0.8 - PIXELS).max() < 1
    assert (PERTURBED["20% lighter"] >= PIXELS).all()


def test_compression_loses_something_but_not_the_picture() -> None:
    smooth = np.tile(np.arange(0, 256, 8, dtype=np.uint8)[None, :, None, None], (1, 1, 32, 3))
    examples = Examples({"pixels": smooth}, np.array([1]))
    compressed = perturb(examples)["JPEG of quality 50"].inputs["pixels"]
    assert 0 < abs(compressed.astype(int) - smooth).mean() < 6
