"""Keras layers for several small networks in one: a product of matrices computes them all.

They share what comes in and nothing else. Each is fitted by its own loss, so they err differently,
and their mean errs less than any of them.
Source: L. K. Hansen, P. Salamon, "Neural Network Ensembles", IEEE TPAMI 12 (1990) 993-1001.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class MemberDense(keras.layers.Layer):
    """A fully connected layer of each member: [batch, feature] or [member, batch, feature] in.

    Gives [member, batch, unit], which before any training scatters about `start`, a number or one
    for each unit.
    """

    def __init__(
        self, members: int, units: int, start: float | Sequence[float] = 0.0, **arguments: Any
    ) -> None:
        super().__init__(**arguments)
        self.members = members
        self.units = units
        self.start = start

    def build(self, shape: tuple[int | None, ...]) -> None:
        # Keras' own initialisers would take the members for pixels.
        num_features = int(shape[-1] or 0)
        bound = (6 / (num_features + self.units)) ** 0.5
        glorot_uniform = keras.initializers.RandomUniform(-bound, bound)
        self.kernel = self.add_weight((self.members, num_features, self.units), glorot_uniform)
        start = keras.initializers.Constant(self.start)
        self.bias = self.add_weight((self.members, 1, self.units), start)

    def call(self, inputs: Any) -> Any:
        return ops.matmul(inputs, self.kernel) + self.bias  # [member, batch, unit]

    def get_config(self) -> dict[str, Any]:
        sizes = {"members": self.members, "units": self.units, "start": self.start}
        return {**super().get_config(), **sizes}


class MemberMean(keras.layers.Layer):
    """The members' answers [member, batch, output]: each of them in training, later their mean.

    Gives [batch, member, output] or [batch, output].
    """

    def call(self, answers: Any, training: bool = False) -> Any:
        """Average, unless each member is to have its own loss."""
        return ops.swapaxes(answers, 0, 1) if training else ops.mean(answers, axis=0)
