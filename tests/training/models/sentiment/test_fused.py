"""The fast form of the sentiment network gives what the network gives that Keras has trained."""

import keras
import numpy as np
import tensorflow as tf

from training.models.sentiment.fused import FusedNetwork
from training.models.sentiment.network import HyperParameters, build_network

NUM_TOKENS = 50
RANDOM = np.random.default_rng(0)


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    made = build_network(HyperParameters(embedding_units=5, lstm_units=4), NUM_TOKENS)
    made.set_weights([RANDOM.normal(size=weight.shape) for weight in made.weights])
    return made


def test_texts_of_any_length_get_the_same_logits() -> None:
    trained = network()
    fused = FusedNetwork(trained)
    for lengths in ([1], [30], [0], [7, 1, 0, 12, 12]):
        tokens = RANDOM.integers(1, NUM_TOKENS, (len(lengths), max(*lengths, 1)))
        tokens[np.arange(tokens.shape[1]) >= np.array(lengths)[:, None]] = 0
        inputs = {
            "tokens": tf.constant(tokens, tf.int32),
            "ngrams": tf.random.normal([len(lengths)]),
        }
        np.testing.assert_allclose(fused(inputs), trained(inputs), atol=1e-5)


def test_no_texts_get_no_logits() -> None:
    inputs = {"tokens": tf.zeros([0, 1], tf.int32), "ngrams": tf.zeros([0])}
    assert tf.function(FusedNetwork(network()))(inputs).shape == (0, 2)
