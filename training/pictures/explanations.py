"""Where in a picture the logits of its two best classes come from, by integrated gradients.

A picture is made out of nothing step by step; what each pixel does to a logit on the way is its
contribution. Source: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks",
ICML 2017. Single pixels are flecked by the network's strides, so that contributions are spread over
their neighbours: between pictures to which pixels are given back and from which they are taken, the
answers of the image model then differ more than twice as much. Occlusion tells them apart no
better, for three times the work.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.pictures.maps import NUM_EXPLAINED
from training.gradients import complete

LOGITS = "logits"  # of what a network sees: float32[batch, class]

# Of the image model, the steps miss a seventh of what there is between nothing and a picture, 16
# would a twentieth; the maps of 16 lie no better.
NUM_STEPS = 8
BLUR_PIXELS = 1.0  # standard deviation

Batch = Mapping[str, Any]
Seen = Mapping[str, tf.Tensor]


class Explanations(tf.Module):
    """Explains what `network` sees of pictures as `features` give them, by logits over temperature.

    What is seen of a picture becomes an answer by `answer`, which has `scores`. Pictures are of the
    `shape` side, side, channel; nothing is to be seen on one of zeros.
    """

    def __init__(
        self,
        features: tf.Module,
        network: Callable[[tf.Tensor], dict[str, tf.Tensor]],
        answer: tf.Module,
        shape: tuple[int, int, int],
    ) -> None:
        super().__init__()
        self._features = features
        self._network = network
        self._answer = answer
        self._classes = tf.constant(list(answer.scores.classes))
        middles = (np.arange(NUM_STEPS) + 0.5) / NUM_STEPS
        self._steps = tf.constant([0.0, *middles, 1.0], tf.float32)  # to the picture
        self._blur = tf.constant(blur(shape[0], BLUR_PIXELS))
        # Traced apart: in the graph that is exported it would be the network once more.
        picture = tf.TensorSpec([1, *shape])
        seen = tf.function(network).get_concrete_function(picture).structured_outputs
        self._found = {
            "seen": {name: tf.TensorSpec(rows.shape[1:]) for name, rows in seen.items()},
            "best": tf.TensorSpec([NUM_EXPLAINED], tf.int32),
            "maps": tf.TensorSpec([NUM_EXPLAINED, *shape[:2]]),
            "bases": tf.TensorSpec([NUM_EXPLAINED]),
            "logits": tf.TensorSpec([NUM_EXPLAINED]),
        }

    def __call__(self, inputs: Batch) -> dict[str, tf.Tensor]:
        """Give what the signature `explain` does: the answers, and what they come from."""
        # One picture at a time: memory is bounded, and no other picture has a say.
        found = tf.map_fn(
            self._explain,
            self._features(inputs),
            fn_output_signature=self._found,
            parallel_iterations=1,
        )
        seen, best = found["seen"], found["best"]  # best is int32[batch, explained]
        return {
            **self._answer(seen),
            "explained_classes": tf.gather(self._classes, best),
            "maps": found["maps"],
            "bases": found["bases"],
            "logits": found["logits"],
        }

    def _explain(self, picture: tf.Tensor) -> dict[str, Any]:
        """Explain one picture, float32[side, side, channel]."""
        made = self._steps[:, None, None, None] * picture  # [step, side, side, channel]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(made)
            seen = self._network(made)
            logits = seen[LOGITS] / self._answer.scores.temperature  # [step, class]
            best = tf.math.top_k(logits[-1], NUM_EXPLAINED).indices
            on_the_way = [tf.reduce_mean(logits[1:-1, best[i]]) for i in range(NUM_EXPLAINED)]
        gradients = [tape.gradient(mean, made) for mean in on_the_way]
        contributions = tf.stack(
            [tf.reduce_sum(gradient * picture, axis=(0, 3)) for gradient in gradients]
        )  # [explained, side, side]
        spread = self._blur @ contributions @ self._blur
        bases, wholes = tf.gather(logits[0], best), tf.gather(logits[-1], best)
        maps = complete(tf.reshape(spread, [NUM_EXPLAINED, -1]), wholes - bases)
        return {
            "seen": {name: rows[-1] for name, rows in seen.items()},
            "best": best,
            "maps": tf.reshape(maps, spread.shape),
            "bases": bases,
            "logits": wholes,
        }


def blur(side: int, deviation: float) -> NDArray[np.float32]:
    """Give the matrix that spreads a row of values, float32[side, side]; what leaves comes back.

    Being symmetric, with rows that sum to 1, it leaves the sum of what it spreads as it is.
    """
    width = int(np.ceil(4 * deviation))
    weights = np.exp(-0.5 * (np.arange(-width, width + 1) / deviation) ** 2)
    framed = np.pad(np.eye(side), ((0, 0), (width, width)), "symmetric")  # [side, framed]
    spread = [np.convolve(row, weights / weights.sum(), "valid") for row in framed]
    matrix: NDArray[np.float32] = np.array(spread, np.float32)
    return matrix
