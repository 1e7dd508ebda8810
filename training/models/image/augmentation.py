"""Shows a picture a little differently in each epoch; a pure function of seed, epoch and step."""

import tensorflow as tf


class Augmentation:
    """Flips pictures left to right, moves them by some pixels, and hides a square of each.

    A picture is flipped in every other epoch, so that both sides are seen equally often. Source:
    K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv 2404.00498. What is hidden
    is zero; the square has its middle anywhere, and may lie in part outside. Source: T. DeVries,
    G. W. Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", arXiv
    1708.04552.
    """

    def __init__(
        self, num_pictures: int, *, flip: bool, shift_pixels: int, hidden_pixels: int, seed: int
    ) -> None:
        self._shift = shift_pixels
        self._hidden = hidden_pixels
        self._seed = seed
        sides = tf.random.stateless_uniform([num_pictures], (seed, 0), 0, 2, tf.int64)  # 0 or 1
        self._first_sides = sides if flip else None

    def __call__(
        self, pictures: tf.Tensor, rows: tf.Tensor, epoch: tf.Tensor, step: tf.Tensor
    ) -> tf.Tensor:
        """Change [batch, height, width, channel] of any dtype, pictures of rows int32[batch]."""
        flipped = self._flip(pictures, rows, epoch)
        return self._hide(self._move(flipped, epoch, step), epoch, step)

    def _flip(self, pictures: tf.Tensor, rows: tf.Tensor, epoch: tf.Tensor) -> tf.Tensor:
        if self._first_sides is None:
            return pictures
        flipped = (tf.gather(self._first_sides, rows) + epoch) % 2 == 1  # [batch]
        return tf.where(flipped[:, None, None, None], pictures[:, :, ::-1], pictures)

    def _move(self, pictures: tf.Tensor, epoch: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Move each picture, and fill the gap with what lies beside it, reflected."""
        shift, side = self._shift, pictures.shape[1]
        first = self._places(pictures, 2 * shift + 1, (epoch, step))  # [batch, 2]
        frame = [[0, 0], [shift, shift], [shift, shift], [0, 0]]
        framed = tf.pad(pictures, frame, "REFLECT")  # [batch, framed, framed, channel]
        seen = first[..., None] + tf.range(side)  # [batch, 2, side]
        rows = tf.gather(framed, seen[:, 0], axis=1, batch_dims=1)  # [batch, side, framed, channel]
        return tf.gather(rows, seen[:, 1], axis=2, batch_dims=1)  # [batch, side, side, channel]

    def _hide(self, pictures: tf.Tensor, epoch: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Hide what is less than half a side away from a place of its own in each picture."""
        middles = self._places(pictures, pictures.shape[1], (epoch, -1 - step))  # [batch, 2]
        away = tf.range(pictures.shape[1]) - middles[..., None]  # [batch, 2, side]
        inside = (away >= -(self._hidden // 2)) & (away < (self._hidden + 1) // 2)
        hidden = inside[:, 0, :, None] & inside[:, 1, None, :]  # [batch, side, side]
        return tf.where(hidden[..., None], tf.zeros((), pictures.dtype), pictures)

    def _places(
        self, pictures: tf.Tensor, end: int, moment: tuple[tf.Tensor, tf.Tensor]
    ) -> tf.Tensor:
        """Draw a row and a column below `end` for each picture, int32[batch, 2]."""
        epoch, step = moment
        seeds = tf.stack([self._seed + 1 + epoch, step])
        return tf.random.stateless_uniform([tf.shape(pictures)[0], 2], seeds, 0, end, tf.int32)
