"""The housing network: what can be set of it, its layers, and its loss."""

from dataclasses import dataclass
from typing import Annotated, Any

import keras
import numpy as np
from keras import ops
from typing_extensions import Doc

from serving.models.housing import COVERAGE
from training.models.housing.block_groups import Features
from training.models.housing.members import MemberDense, MemberMean
from training.recipe import AtLeastOne, AtLeastZero, NotNegative, Positive, Share

NEIGHBOUR_WEIGHTS = "neighbour_weights"  # name of a layer
SMALLEST_NEARNESS = 1e-4  # all neighbours may be equally far


@dataclass(frozen=True)
class HyperParameters:
    """Sizes of the network and of its training."""

    members: Annotated[AtLeastOne, Doc("small networks, whose mean is the answer")] = 4
    units: Annotated[AtLeastOne, Doc("of each hidden layer")] = 128
    layers: Annotated[AtLeastZero, Doc("hidden layers")] = 2
    dropout: Annotated[Share, Doc("after each hidden layer")] = 0.2
    waves: Annotated[AtLeastZero, Doc("wave lengths of the Fourier features of the place")] = 6
    neighbours: Annotated[AtLeastOne, Doc("known block groups near by that are looked at")] = 64
    heads: Annotated[AtLeastOne, Doc("ways of weighing the neighbours")] = 8
    hidden_bedrooms: Annotated[Share, Doc("of the examples, others in each epoch")] = 0.1
    shift: Annotated[NotNegative, Doc("degrees that each place is moved by at most")] = 0.01
    learning_rate: Annotated[Positive, Doc("at the start; it falls as a cosine does")] = 3e-3
    weight_decay: Annotated[NotNegative, Doc("of AdamW")] = 1e-3
    batch_size: Annotated[AtLeastOne, Doc("examples in a step")] = 256
    epochs: Annotated[AtLeastOne, Doc("times that each example is seen")] = 15


def build_network(
    hyper_parameters: HyperParameters, features: Features, mean_price: float
) -> keras.Model:
    """Give features → float32[batch, 3]: price, lower and upper bound in units of 100,000 USD.

    In training it is float32[batch, member, 3]. Learning begins at the mean price.
    """
    num_own, num_of_neighbour = features.num_own, features.num_of_neighbour
    num_neighbours, members = features.num_neighbours, hyper_parameters.members
    size = num_own + num_neighbours * num_of_neighbour
    inputs = keras.Input((size,), name="features")  # [batch, own + neighbour * feature]
    neighbours = ops.reshape(inputs[:, num_own:], (-1, num_neighbours, num_of_neighbour))
    attended = attend(neighbours, hyper_parameters.heads)  # [batch, head * feature]
    hidden = ops.concatenate([inputs[:, :num_own], attended], axis=1)
    for _ in range(hyper_parameters.layers):
        hidden = MemberDense(members, hyper_parameters.units)(hidden)  # [member, batch, unit]
        hidden = swish(hidden)
        hidden = keras.layers.Dropout(hyper_parameters.dropout)(hidden)
    answers = MemberDense(members, 3, start=(mean_price, 0.0, 0.0))(hidden)  # [member, batch, 3]
    price, distances = answers[..., :1], ops.softplus(answers[..., 1:])  # [..., 1], [..., 2]
    # The price is fitted to the mean alone: the bounds must not pull at it.
    bounds = ops.stop_gradient(price) + distances * np.array([-1, 1], np.float32)
    answers = ops.concatenate([price, bounds], axis=-1)  # [member, batch, 3]
    return keras.Model(inputs, MemberMean()(answers), name="housing")


def attend(neighbours: Any, heads: int) -> Any:
    """Give the means of float32[batch, neighbour, feature], each head with weights of its own.

    The weights, a softmax over the neighbours, depend on all but their prices, the last feature.
    Gives float32[batch, heads * feature].

    Source: Y. Gorishniy et al., "TabR: Tabular Deep Learning Meets Nearest Neighbors", ICLR 2024,
    whose retrieval this simplifies.
    """
    num_neighbours, num_features = neighbours.shape[1:]
    # Products of matrices, exponents and sums over the second axis need no transposition.
    flat = ops.reshape(neighbours[:, :, :-1], (-1, num_features - 1))  # [batch * neighbour, f - 1]
    scores = keras.layers.Dense(heads)(swish(keras.layers.Dense(32)(flat)))
    scores = ops.reshape(scores, (-1, num_neighbours, heads))  # [batch, neighbour, head]
    weights = FadingSoftmax(name=NEIGHBOUR_WEIGHTS)(scores, neighbours[:, :, :1])
    means = ops.einsum("bnh,bnf->bhf", weights, neighbours)  # [batch, head, feature]
    return ops.reshape(means, (-1, heads * num_features))  # [batch, head * feature]


class FadingSoftmax(keras.layers.Layer):
    """Makes scores float32[batch, neighbour, head] weights, whose sum over the neighbours is 1.

    The farther a neighbour, the less it weighs, and the farthest nothing: so nothing jumps where
    another takes its place. `distances` are logarithms of them, float32[batch, neighbour, 1].
    """

    def call(self, scores: Any, distances: Any) -> Any:
        """Do as a softmax of the scores does, with each exponential multiplied by nearness."""
        nearness = ops.max(distances, axis=1, keepdims=True) - distances + SMALLEST_NEARNESS
        weights = ops.exp(scores - ops.max(scores, axis=1, keepdims=True)) * nearness
        return weights / ops.sum(weights, axis=1, keepdims=True)


def swish(hidden: Any) -> Any:
    """Do as `keras.activations.swish`, which in an exported graph takes twice the operations.

    Source: P. Ramachandran, B. Zoph, Q. Le, "Searching for Activation Functions", arXiv 1710.05941.
    """
    return hidden * ops.sigmoid(hidden)


def loss(truth: Any, bounds: Any) -> Any:
    """Add the squared error of the price to the pinball losses of its two bounds.

    `truth` is float32[batch], `bounds` as the network gives it; the loss is [batch], in training
    [batch, member].

    Source: R. Koenker and G. Bassett, "Regression Quantiles", Econometrica 46 (1978) 33-50.
    """
    tail = (1 - COVERAGE) / 2
    price, low, high = ops.unstack(bounds, 3, axis=-1)  # [batch] or [batch, member] each
    if len(price.shape) == 2:  # each member's
        truth = truth[:, None]  # [batch, 1]
    under, over = truth - low, truth - high
    pinball_low = ops.maximum(tail * under, (tail - 1) * under)
    pinball_high = ops.maximum((1 - tail) * over, -tail * over)
    return ops.square(truth - price) + pinball_low + pinball_high
