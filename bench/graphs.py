"""How much faster the sentiment graph answers as it is exported than as Keras alone exports it.

Both have the same features and weights; how good these are does not matter here, so that they are
made up, at the sizes of the recipe.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bench.one_thread import Answer, load, time_in_turns
from training.models.sentiment.fused import FusedNetwork
from training.models.sentiment.network import HyperParameters, build_network
from training.models.sentiment.ngrams import PRIME, Ngrams
from training.models.sentiment.words import FIRST_WORD, NETWORK_INPUTS, TextFeatures, number_words
from training.outputs.classification import BlendedScores
from training.serving_graph import ServingGraph

NUM_NGRAMS = 460_000  # about what three reviews or more have
NUM_WORDS = (20, 200)
BATCHES = (1, 32)


class PlainExport(tf.Module):
    """Features, the network as Keras calls it, and scores; weights as variables."""

    def __init__(self, features: TextFeatures, network: keras.Model, answer: BlendedScores) -> None:
        super().__init__()
        self.weights = [weight.value for weight in network.weights]
        self._answer: Callable[[tf.Tensor], Any] = lambda texts: answer(
            network(_network_inputs(features({"text": texts})), training=False)
        )

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def serve(self, text: tf.Tensor) -> Any:
        """Answer a batch."""
        return self._answer(text)


class FastExport(tf.Module):
    """What the pipeline publishes."""

    def __init__(self, servable: ServingGraph) -> None:
        super().__init__()
        self._servable = servable

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def serve(self, text: tf.Tensor) -> Any:
        """Answer a batch."""
        return self._servable({"text": text})


@dataclass(frozen=True)
class Timing:
    """Median milliseconds of a call with each export, and how far their scores are apart."""

    batch: int
    num_words: int
    keras: float
    tfgate: float
    difference: float


def compare(folder: Path) -> list[Timing]:
    """Export both into the folder, and time them at every batch and length."""
    words = [f"word{number}" for number in range(HyperParameters().num_words)]
    exports = _export(words, folder)
    random = np.random.default_rng(0)
    timings = []
    for batch in BATCHES:
        for num_words in NUM_WORDS:
            texts = [" ".join(random.choice(words, num_words)) for _ in range(batch)]
            timings.append(_time(*exports, np.array(texts, dtype=object), num_words))
    return timings


def _export(words: list[str], folder: Path) -> tuple[Answer, Answer]:
    hyper_parameters, random = HyperParameters(), np.random.default_rng(0)
    vocabulary = np.sort(number_words(tf.constant(words)).numpy()).astype(np.int32)
    known = np.unique(random.integers(1, PRIME, NUM_NGRAMS)).astype(np.int32)
    ngrams = Ngrams(known, random.normal(size=len(known)), bias=0.0)
    held_out = [random.integers(1, PRIME, 200)]
    features = TextFeatures(vocabulary, ngrams, hyper_parameters.max_tokens, held_out)
    network = build_network(hyper_parameters, FIRST_WORD + len(vocabulary))
    answer = BlendedScores(("negative", "positive"), np.array([1.0, 0.1], np.float32), bias=0.0)
    plain = PlainExport(features, network, answer)
    fast = FastExport(ServingGraph(features, FusedNetwork(network), answer))
    return _reload(plain, folder / "keras"), _reload(fast, folder / "tfgate")


def _network_inputs(features: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {name: features[name] for name in NETWORK_INPUTS}


def _reload(module: Any, folder: Path) -> Answer:
    """Save the module, and load it."""
    tf.saved_model.save(module, str(folder), {"serving_default": module.serve})
    return load(folder)


def _time(keras_alone: Answer, tfgate: Answer, texts: NDArray[Any], num_words: int) -> Timing:
    batch = {"text": texts}
    scores = [answer(batch)["scores"] for answer in (keras_alone, tfgate)]
    difference = float(np.abs(scores[0] - scores[1]).max())
    plain, fast = time_in_turns((keras_alone, tfgate), batch)
    return Timing(len(texts), num_words, plain, fast, difference)
