"""What the housing network sees: the census of a block group, its place, and its neighbours.

It knows the fields of the housing signature, but no network.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from training.data.examples import Examples
from training.models.housing.background import background
from training.models.housing.neighbours import Neighbours

NUM_ANCHORS = 2048
NUM_BACKGROUND = 16

# Degrees from the middle of the state, as float32 sines lose digits far from zero; one of longitude
# is about 0.8 of one of latitude there.
MIDDLE = (-119.5, 36.0)
STRETCH = (0.8, 1.0)

STEPS_PER_DEGREE = 5.0  # the unit of a neighbour's offset: some 20 km
KILOMETRES_PER_DEGREE = 111.2  # of latitude
SMALLEST_DISTANCE = 0.035  # in that unit, as many block groups share their rounded place

SMALLEST_DEVIATION = 1e-6  # of a column: one that never changes must not divide by zero
AGE = 9  # its place among the columns


class Features(tf.Module):
    """Gives a block group as float32[batch, feature], each feature about standardised.

    First come the `num_own` features of the block group itself; then, for each of `num_neighbours`
    known ones near by, `num_of_neighbour` that tell how it differs, the last of them its price.
    `limits_usd` are the lowest and the highest known price; `background` are some block groups that
    stand for all known ones.
    """

    def __init__(self, train: Examples, *, num_wave_lengths: int, num_neighbours: int) -> None:
        super().__init__()
        inputs = train.inputs
        self.limits_usd = float(train.targets.min()), float(train.targets.max())
        self._categories = sorted(set(inputs["ocean_proximity"]))
        ratios = inputs["total_bedrooms"] / inputs["households"]
        self._bedrooms_per_household = float(np.nanmedian(ratios))
        columns = self._columns(inputs)  # [example, column]
        self._mean = tf.reduce_mean(columns, axis=0)
        self._deviation = tf.math.reduce_std(columns, axis=0) + SMALLEST_DEVIATION
        self._angles, self._phases = map(tf.constant, _fourier(num_wave_lengths))
        places = _places(inputs)  # [example, 2]
        self._neighbours = Neighbours(
            places.numpy(), num_neighbours=num_neighbours, num_anchors=NUM_ANCHORS
        )
        self.num_neighbours = self._neighbours.num_neighbours
        census = self._census(inputs)
        self._oldest = tf.reduce_max(census[:, AGE]) - SMALLEST_DEVIATION
        self._mean_price, self._price_deviation = train.targets.mean(), train.targets.std()
        prices = (train.targets - self._mean_price) / self._price_deviation
        prices = prices[:, None].astype(np.float32)  # [example, 1]
        self._known = _describe(census, places, prices)  # [example, column]
        self.background = background(train, self._known[:, :-1].numpy(), NUM_BACKGROUND)
        self.num_of_neighbour = int(self._known.shape[1]) + 1
        self.num_own = int(census.shape[1] + self._angles.shape[1])

    def __call__(self, inputs: Mapping[str, Any]) -> tf.Tensor:
        """Give the features of a batch, from the tensors of the signature."""
        places = _places(inputs)
        return self._features(inputs, places, self._neighbours.near(places))

    def of_known(self, inputs: Mapping[str, Any]) -> tf.Tensor:
        """Give the features of the very examples that this was made from, without their prices.

        Their inputs may have been changed somewhat, but are all and in their order.
        """
        places = _places(inputs)
        return self._features(inputs, places, self._neighbours.near_known(places))

    def likeness(self, features: tf.Tensor) -> tf.Tensor:
        """Give how like a block group is to the most like of its neighbours, float32[batch].

        That is, in units of the features, less the logarithm of the squared distance to it.
        """
        difference = self._of_neighbours(features)[..., 1:-1]  # [batch, neighbour, column]
        squared = tf.reduce_sum(tf.square(difference), axis=2)  # [batch, neighbour]
        return -tf.math.log(tf.reduce_min(squared, axis=1) + SMALLEST_DISTANCE**2)

    def kilometres(self, features: tf.Tensor) -> tf.Tensor:
        """Give about how far away the neighbours are, the nearest first.

        Of the features of any block groups, it is float32[batch, neighbour].
        """
        offset = self._of_neighbours(features)[..., -3:-1]  # [batch, neighbour, 2]
        return tf.norm(offset, axis=2) / STEPS_PER_DEGREE * KILOMETRES_PER_DEGREE

    def difficulty(self, features: tf.Tensor) -> tf.Tensor:
        """Give what makes a block group hard to price, float32[batch, 3], at least 0 each.

        That is by how many powers of e the nearest neighbour is too far, and the most like one
        unlike; and whether the houses are of the highest age known, which stands for all above.
        """
        nearest = self._of_neighbours(features)[:, 0, 0]  # [batch]
        too_far = nearest - math.log(SMALLEST_DISTANCE)
        unlike = -self.likeness(features) - 2 * math.log(SMALLEST_DISTANCE)
        oldest = tf.cast(features[:, AGE] >= self._oldest, tf.float32)
        return tf.stack([tf.maximum(too_far, 0.0), tf.maximum(unlike, 0.0), oldest], axis=1)

    def neighbours(self, inputs: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """Give where the neighbours lie, in degrees, and their prices in USD.

        Each is float32[batch, neighbour].
        """
        near = tf.gather(self._known, self._neighbours.near(_places(inputs)))
        places = near[..., -3:-1] / STEPS_PER_DEGREE / STRETCH + MIDDLE  # [batch, neighbour, 2]
        prices = near[..., -1] * self._price_deviation + self._mean_price  # [batch, neighbour]
        return {"longitudes": places[..., 0], "latitudes": places[..., 1], "prices": prices}

    def _of_neighbours(self, features: tf.Tensor) -> tf.Tensor:
        shape = [-1, self.num_neighbours, self.num_of_neighbour]
        return tf.reshape(features[:, self.num_own :], shape)

    def _features(
        self, inputs: Mapping[str, Any], places: tf.Tensor, neighbours: tf.Tensor
    ) -> tf.Tensor:
        census = own = self._census(inputs)  # [batch, column]
        if self._phases.shape[0]:  # on AVX-512, oneDNN ends the process that multiplies by nothing
            waves = tf.matmul(places, self._angles)  # [batch, 8 * wave length]
            waves = tf.sin(tf.nn.bias_add(waves, self._phases))
            own = tf.concat([census, waves], axis=1)
        itself = _describe(census, places, tf.zeros_like(places[:, :1]))
        known = tf.gather(self._known, neighbours)  # [batch, neighbour, column]
        difference = known - itself[:, None]
        offset = difference[..., -3:-1]  # [batch, neighbour, 2]
        squared_distance = tf.reduce_sum(tf.square(offset), axis=2, keepdims=True)
        distance = tf.math.log(squared_distance + SMALLEST_DISTANCE**2) / 2  # [..., neighbour, 1]
        neighbourhood = tf.concat([distance, difference], axis=2)  # [batch, neighbour, feature]
        size = self.num_neighbours * self.num_of_neighbour
        neighbourhood = tf.reshape(neighbourhood, [-1, size])  # [batch, neighbour * feature]
        return tf.concat([own, neighbourhood], axis=1)

    def _census(self, inputs: Mapping[str, Any]) -> tf.Tensor:
        """Give all but the place, float32[batch, column]."""
        missing = tf.math.is_nan(inputs["total_bedrooms"])[:, None]  # [batch, 1]
        categories = inputs["ocean_proximity"][:, None]
        proximity = tf.equal(categories, self._categories)  # [batch, category]
        flags = tf.cast(tf.concat([missing, proximity], axis=1), tf.float32)
        return tf.concat([(self._columns(inputs) - self._mean) / self._deviation, flags], axis=1)

    def _columns(self, inputs: Mapping[str, Any]) -> tf.Tensor:
        """Give counts, ratios, age and income as they are, float32[batch, 11]."""
        rooms, households = inputs["total_rooms"], inputs["households"]
        age, income = inputs["housing_median_age"], inputs["median_income"]
        # A household has about one, however many rooms: households tell more than rooms do.
        likely = households * self._bedrooms_per_household
        bedrooms = inputs["total_bedrooms"]
        bedrooms = tf.where(tf.math.is_nan(bedrooms), likely, bedrooms)
        counts = [rooms, bedrooms, inputs["population"], households, income]
        counts = tf.stack(counts, axis=1)  # [batch, 5]
        per_household = counts[:, :3] / households[:, None]  # [batch, 3]
        logarithms = tf.math.log1p(tf.concat([counts, per_household], axis=1))  # [batch, 8]
        rest = tf.stack([bedrooms / rooms, age, income], axis=1)  # [batch, 3]
        return tf.concat([logarithms, rest], axis=1)


def kilometres_to_others(train: Examples) -> NDArray[np.float32]:
    """Give about how far away the nearest other one of some block groups is, float32[example]."""
    places = _places(train.inputs).numpy()
    distances, _ = NearestNeighbors(n_neighbors=2).fit(places).kneighbors(places)
    kilometres: NDArray[np.float32] = (distances[:, 1] * KILOMETRES_PER_DEGREE).astype(np.float32)
    return kilometres


def _places(inputs: Mapping[str, Any]) -> tf.Tensor:
    """Give float32[batch, 2]."""
    return (tf.stack([inputs["longitude"], inputs["latitude"]], axis=1) - MIDDLE) * STRETCH


def _describe(census: tf.Tensor, places: tf.Tensor, prices: Any) -> tf.Tensor:
    """Give what differences to neighbours are taken of, float32[batch, column]."""
    return tf.concat([census, places * STEPS_PER_DEGREE, prices], axis=1)


def _fourier(num_wave_lengths: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give the angles that places are multiplied by, and what is added before the sine is taken.

    There is a sine and a cosine along each of four directions for each wave length, from the length
    of the state down to about 25 km.

    Source: M. Tancik et al., "Fourier Features Let Networks Learn High Frequency Functions in Low
    Dimensional Domains", NeurIPS 2020.
    """
    directions = np.array([[1, 0], [0, 1], [1, 1], [1, -1]]) / [[1], [1], [2**0.5], [2**0.5]]
    per_degree = 0.125 * 2.0 ** np.arange(num_wave_lengths)
    angles = 2 * np.pi * np.einsum("dp,w->pdw", directions, per_degree)  # [2, 4, wave length]
    angles = angles.reshape(2, -1)  # [2, 4 * wave length]
    phases = np.repeat([0, np.pi / 2], angles.shape[1])  # [8 * wave length]
    return np.tile(angles, 2).astype(np.float32), phases.astype(np.float32)
