"""Pictures change from epoch to epoch, and in the same epoch never."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.models.image.augmentation import Augmentation

PICTURES = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
ROWS = np.arange(20, dtype=np.int32)


def change(augmentation: Augmentation, epoch: int) -> NDArray[np.uint8]:
    numbers = tf.constant(epoch, tf.int64), tf.constant(0, tf.int64)
    changed: NDArray[np.uint8] = augmentation(tf.constant(PICTURES), ROWS, *numbers).numpy()
    return changed


def test_every_picture_is_flipped_in_every_other_epoch() -> None:
    augmentation = Augmentation(20, flip=True, shift_pixels=0, hidden_pixels=0, seed=3)
    first, second, third = (change(augmentation, epoch) for epoch in range(3))
    flipped = PICTURES[:, :, ::-1]
    for before, after, picture, other_side in zip(first, second, PICTURES, flipped, strict=True):
        assert (before == picture).all() != (before == other_side).all()
        assert (after == before[:, ::-1]).all()
    assert (first == third).all()


def test_a_moved_picture_shows_what_it_showed() -> None:
    augmentation = Augmentation(20, flip=False, shift_pixels=2, hidden_pixels=0, seed=0)
    moved = change(augmentation, epoch=1)
    framed = np.pad(PICTURES, [(0, 0), (2, 2), (2, 2), (0, 0)], "reflect")
    places = set()
    for picture, frame in zip(moved, framed, strict=True):
        found = [
            (row, column)
            for row in range(5)
            for column in range(5)
            if (picture == frame[row : row + 8, column : column + 8]).all()
        ]
        assert len(found) == 1
        places.add(found[0])
    assert len(places) > 5


def test_the_same_epoch_shows_the_same_and_another_one_does_not() -> None:
    augmentation = Augmentation(20, flip=True, shift_pixels=2, hidden_pixels=0, seed=0)
    assert (change(augmentation, epoch=4) == change(augmentation, epoch=4)).all()
    assert (change(augmentation, epoch=4) != change(augmentation, epoch=6)).any()


def test_a_square_of_each_picture_is_hidden_wherever_its_middle_lies() -> None:
    augmentation = Augmentation(400, flip=False, shift_pixels=0, hidden_pixels=3, seed=0)
    white = np.ones((400, 8, 8, 1), np.float32)
    numbers = tf.constant(2, tf.int64), tf.constant(0, tf.int64)
    seen = augmentation(tf.constant(white), np.arange(400, dtype=np.int32), *numbers).numpy()
    squares = {hidden(row, column).tobytes() for row in range(8) for column in range(8)}
    assert {picture.tobytes() for picture in seen} == squares


def hidden(row: int, column: int) -> NDArray[np.float32]:
    """Give a white picture of which the square of 3 pixels around a pixel is hidden."""
    picture = np.ones((8, 8, 1), np.float32)
    picture[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = 0
    return picture
