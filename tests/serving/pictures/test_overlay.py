"""What speaks for a class and what against it is told apart in the drawing, without colours too."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from serving.pictures.overlay import ZOOM, overlay

GREY = np.full((4, 4, 3), 100, np.uint8)


def drawn(values: NDArray[np.float32], pixels: NDArray[np.uint8] = GREY) -> NDArray[np.int64]:
    file = Image.open(io.BytesIO(overlay(pixels, values)))
    assert (file.format, file.mode) == ("PNG", "RGB")
    return np.asarray(file, np.int64).reshape(4, ZOOM, 4, ZOOM, 3).swapaxes(1, 2)


def test_each_value_has_a_place_of_its_own_and_nothing_else_is_painted() -> None:
    values = np.zeros((4, 4), np.float32)
    values[0, 1], values[2, 3] = 3.0, -1.5
    painted = (drawn(values) != 100).any(axis=(2, 3, 4))
    assert painted.tolist() == (values != 0).tolist()


def test_signs_differ_in_colour_and_without_it_and_strength_shows() -> None:
    values = np.array([[2, 1, -2, -1]] * 4, np.float32)
    much, little, against, little_against = drawn(values)[0]
    assert (much[..., 0] > much[..., 2]).all()  # rather red than blue
    assert (against[:2, :, 0] < against[:2, :, 2]).all()
    assert np.abs(much - 100).sum() > np.abs(little - 100).sum()
    assert np.abs(against - 100).sum() > np.abs(little_against - 100).sum()
    # A place that speaks for the class is one even patch; one that speaks against it has gaps.
    assert len(np.unique(much.reshape(-1, 3), axis=0)) == 1
    assert (against[2:] == 100).all()


def test_a_map_of_nothing_leaves_the_picture_in_grey() -> None:
    colourful = np.array([[(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]] * 4, np.uint8)
    seen = drawn(np.zeros((4, 4), np.float32), colourful)[0, :, 0, 0]
    assert seen.tolist() == [[76] * 3, [150] * 3, [29] * 3, [255] * 3]
