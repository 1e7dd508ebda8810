"""Pictures are told from each other by what an eye sees first."""

import numpy as np

from training.data.examples import Examples
from training.models.image.slices import slices


def test_the_darkest_and_the_plainest_pictures_are_parts() -> None:
    grey = np.linspace(0, 250, 10, dtype=np.uint8)[:, None, None, None]
    pixels = np.broadcast_to(grey, (10, 32, 32, 3)).copy()
    pixels[:8, :16] += np.uint8(5)  # half of each of the darker ones is lighter
    parts = slices(Examples({"pixels": pixels}, np.zeros(10, np.int64)))
    darkest, *_, brightest = parts["brightness"].values()
    assert (np.flatnonzero(darkest).tolist(), np.flatnonzero(brightest).tolist()) == (
        [0, 1],
        [8, 9],
    )
    plainest = next(iter(parts["contrast"].values()))
    assert np.flatnonzero(plainest).tolist() == [8, 9]


def test_green_is_brighter_than_red_and_red_than_blue() -> None:
    pixels = np.zeros((3, 32, 32, 3), np.uint8)
    for picture, channel in enumerate((2, 0, 1)):
        pixels[picture, ..., channel] = 200
    parts = slices(Examples({"pixels": pixels}, np.zeros(3, np.int64)))
    assert list(parts["brightness"]) == ["up to 22.8", "above 22.8 to 59.8", "above 59.8"]
