"""Shows a picture a little bent in each step: turned, sheared, zoomed, moved, and by smooth waves.

Elastic waves are those of P. Simard, D. Steinkraus, J. Platt, "Best Practices for Convolutional
Neural Networks Applied to Visual Document Analysis", ICDAR 2003, here between a few random knots.
"""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

_KNOTS = 5  # of the waves, across and down


@dataclass(frozen=True)
class Warp:
    """How far pictures are bent at most; the waves by their standard deviation at a knot."""

    degrees: float
    shear: float
    zoom: float
    shift_pixels: float
    wave_pixels: float

    def __call__(self, pictures: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Bend float32[batch, side, side, 1]; what comes from outside is as the nearest margin.

        A pure function of `seed`, int[2], and of the one above it.
        """
        num_pictures, side = tf.shape(pictures)[0], pictures.shape[1]
        places = self._linear(num_pictures, side, seed) + self._waves(num_pictures, side, seed + 1)
        return sampled(pictures[..., 0], places)[..., None]

    def _linear(self, num_pictures: tf.Tensor, side: int, seed: tf.Tensor) -> tf.Tensor:
        """Give where each pixel comes from, by row and column: float32[batch, side, side, 2]."""
        random = tf.random.stateless_uniform([6, num_pictures], seed, -1.0, 1.0)
        angle = random[0] * np.radians(self.degrees)
        high, wide = 1 + random[1] * self.zoom, 1 + random[2] * self.zoom
        sheared = random[3] * self.shear
        cosine, sine = tf.cos(angle), tf.sin(angle)
        matrix = tf.stack(
            [
                tf.stack([high * cosine, wide * (sheared * cosine - sine)], axis=-1),
                tf.stack([high * sine, wide * (sheared * sine + cosine)], axis=-1),
            ],
            axis=-2,
        )  # [batch, 2, 2]
        middle = (side - 1) / 2
        grid = np.moveaxis(np.indices((side, side)), 0, -1).astype(np.float32) - middle
        moved = tf.transpose(random[4:]) * self.shift_pixels + middle  # [batch, 2]
        return tf.einsum("bij,hwj->bhwi", matrix, grid) + moved[:, None, None]

    def _waves(self, num_pictures: tf.Tensor, side: int, seed: tf.Tensor) -> tf.Tensor:
        knots = tf.random.stateless_normal([num_pictures, _KNOTS, _KNOTS, 2], seed)
        return tf.image.resize(knots * self.wave_pixels, [side, side], "bicubic")


def sampled(pictures: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Give pictures float32[batch, side, side] as seen at places, between pixels by their four."""
    side = pictures.shape[1]
    places = tf.clip_by_value(places, 0.0, side - 1.0)  # [batch, side, side, 2]
    corner = tf.minimum(tf.floor(places), side - 2.0)
    row, column = tf.unstack(
        places - corner, axis=-1
    )  # shares of the next one; [batch, side, side]
    at = tf.unstack(tf.cast(corner, tf.int32), axis=-1)
    first = at[0] * side + at[1]
    flat = tf.reshape(pictures, [-1, side * side])
    upper, lower = (
        tf.gather(flat, first + below, batch_dims=1) * (1 - column)
        + tf.gather(flat, first + below + 1, batch_dims=1) * column
        for below in (0, side)
    )
    return upper * (1 - row) + lower * row
