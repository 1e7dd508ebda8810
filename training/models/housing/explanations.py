"""Why a block group has its price: what each feature adds, and the neighbours that weighed most.

What features add are Shapley values against the background of known block groups: the price, were
some of them the background's, averaged over it, and over all orders in which they become the block
group's own. Longitude, latitude and the distance from the ocean are one, the place: mixed, they
would be places in the sea. Source: S. Lundberg, S. Lee, "A Unified Approach to Interpreting Model
Predictions", NeurIPS 2017; with the interventional expectation of D. Janzing et al., AISTATS 2020.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from serving.models.housing import EXPLAINED, NUM_NEIGHBOURS
from training.models.housing.background import Background
from training.models.housing.block_groups import Features
from training.models.housing.shapley import coalitions, shapley_weights
from training.serving_graph import to_tensorflow

EARTH_KILOMETRES = 6_371.0  # its mean radius, of the International Union of Geodesy and Geophysics

Batch = Mapping[str, Any]


class Explanations(tf.Module):
    """Explains prices: `price` gives float32[batch] in USD for inputs of the signature.

    `weights` gives how much each neighbour weighs, float32[batch, neighbour], for features.
    """

    def __init__(
        self,
        features: Features,
        price: Callable[[Batch], tf.Tensor],
        weights: Callable[[tf.Tensor], tf.Tensor],
    ) -> None:
        super().__init__()
        self._features = features
        self._price = price
        self._weights = weights
        known: Background = features.background
        self._background = to_tensorflow(known.inputs)  # [example] each
        self._background_weights = tf.constant(known.weights[:, None])  # [example, 1]
        members = coalitions(len(EXPLAINED))
        self._are_own = {
            field: tf.constant(members[:, player, None])  # [coalition, 1]
            for player, fields in enumerate(EXPLAINED.values())
            for field in fields
        }
        self._shapley = tf.constant(shapley_weights(len(EXPLAINED)), tf.float32)

    def __call__(self, inputs: Batch) -> dict[str, tf.Tensor]:
        """Give what the signature `explain` has besides the model's outputs."""
        prices = self.coalition_prices(inputs)  # [batch, coalition]
        num_rows = tf.shape(prices)[0]
        names = tf.broadcast_to(tf.constant(list(EXPLAINED)), [num_rows, len(EXPLAINED)])
        return {
            "base": prices[:, 0],
            "features": tf.ensure_shape(names, [None, len(EXPLAINED)]),
            "contributions": tf.matmul(prices, self._shapley),  # [batch, feature]
            **self._neighbours(inputs),
        }

    def coalition_prices(self, inputs: Batch) -> tf.Tensor:
        """Give the price of each block group by what it has of its own, float32[batch, coalition].

        The first coalition of features is that of none, the last that of all.
        """
        # One block group at a time: each is some two thousand prices.
        prices = tf.map_fn(self._of_coalitions, dict(inputs), fn_output_signature=tf.float32)
        return tf.ensure_shape(prices, [None, 2 ** len(EXPLAINED)])

    def _of_coalitions(self, inputs: Batch) -> tf.Tensor:
        """Do as `coalition_prices`, for one block group."""
        mixed = {
            name: tf.reshape(tf.where(self._are_own[name], value, self._background[name]), [-1])
            for name, value in inputs.items()
        }  # [coalition * example] each
        prices = tf.reshape(self._price(mixed), [2 ** len(EXPLAINED), -1])
        return tf.matmul(prices, self._background_weights)[:, 0]

    def _neighbours(self, inputs: Batch) -> dict[str, tf.Tensor]:
        """Give the neighbours that weighed most, float32[batch, shown] each."""
        near = self._features.neighbours(inputs)  # [batch, neighbour] each
        near["weights"] = self._weights(self._features(inputs))
        near["kilometres"] = kilometres(
            inputs["longitude"][:, None],
            inputs["latitude"][:, None],
            near["longitudes"],
            near["latitudes"],
        )
        shown = min(NUM_NEIGHBOURS, self._features.num_neighbours)
        order = tf.math.top_k(near["weights"], shown).indices  # [batch, shown]
        missing = [[0, 0], [0, NUM_NEIGHBOURS - shown]]
        return {
            f"neighbour_{name}": tf.ensure_shape(
                tf.pad(tf.gather(column, order, batch_dims=1), missing), [None, NUM_NEIGHBOURS]
            )
            for name, column in near.items()
        }


def kilometres(longitude: Any, latitude: Any, longitudes: Any, latitudes: Any) -> tf.Tensor:
    """Give the distances of places in degrees along the surface of a sphere: haversine's formula.

    Source: R. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984) 159.
    """
    radians = np.float32(np.pi / 180)
    down = tf.sin((latitudes - latitude) * radians / 2)
    across = tf.sin((longitudes - longitude) * radians / 2)
    parallel = tf.cos(latitude * radians) * tf.cos(latitudes * radians)
    half_chord = tf.sqrt(tf.square(down) + parallel * tf.square(across))
    return 2 * EARTH_KILOMETRES * tf.asin(tf.minimum(half_chord, 1.0))
