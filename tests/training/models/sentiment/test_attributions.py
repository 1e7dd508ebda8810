"""What words add to the LSTM's logit: by true derivatives, adding up, each text for itself."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from training.block_lstm import lstm, lstm_gradients
from training.models.sentiment.attributions import Attributions
from training.models.sentiment.fused import FusedNetwork
from training.models.sentiment.network import HyperParameters, build_network

NUM_TOKENS, UNITS, EMBEDDING, MOST = 40, 4, 5, 12
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def trained() -> keras.Model:
    keras.utils.set_random_seed(0)
    sizes = HyperParameters(embedding_units=EMBEDDING, lstm_units=UNITS)
    made = build_network(sizes, NUM_TOKENS)
    made.set_weights([RANDOM.normal(size=weight.shape) for weight in made.weights])
    return made


@pytest.fixture(scope="module")
def fused(trained: keras.Model) -> FusedNetwork:
    return FusedNetwork(trained)


def logit(fused: FusedNetwork, tokens: NDArray[np.int32]) -> np.float32:
    inputs = {"tokens": tf.constant(tokens[None]), "ngrams": tf.zeros([1])}
    return np.float32(fused(inputs)[0, 0])


def test_the_derivative_through_an_lstm_is_what_finite_differences_give(
    fused: FusedNetwork,
) -> None:
    kernel, bias = fused.weights()[1][0]
    words = RANDOM.normal(size=(6, 3, EMBEDDING)).astype(np.float32)
    wanted = RANDOM.normal(size=(6, 3, UNITS)).astype(np.float32)
    states = lstm(tf.constant(words), kernel, bias)
    found = lstm_gradients(tf.constant(words), kernel, bias, states, tf.constant(wanted))[0].numpy()

    def weighed(moved: NDArray[np.float64]) -> NDArray[np.float64]:
        given = lstm(tf.constant(moved, tf.float32), kernel, bias).h.numpy().astype(np.float64)
        total: NDArray[np.float64] = (given * wanted).sum(axis=(0, 2))  # [text]
        return total

    step = 1e-2
    for place in np.ndindex(6, EMBEDDING):
        move = np.zeros(words.shape)
        move[place[0], :, place[1]] = step
        difference = (weighed(words + move) - weighed(words - move)) / (2 * step)
        np.testing.assert_allclose(found[place[0], :, place[1]], difference, atol=2e-3)


def test_the_derivative_is_that_of_keras_own_layers(
    trained: keras.Model, fused: FusedNetwork
) -> None:
    """Keras' loop of small operations has TensorFlow's own derivatives, which are right."""
    vectors = tf.constant(RANDOM.normal(size=(1, 7, EMBEDDING)), tf.float32)
    layers = [layer for layer in trained.layers if isinstance(layer, keras.layers.LSTM)]
    kernel = trained.get_layer("logit").get_weights()[0][:, 0]
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        pools = []
        for layer, sequence in zip(layers, (vectors, vectors[:, ::-1]), strict=True):
            states = layer(sequence)[0]
            pools += [tf.reduce_max(states, axis=0), tf.reduce_mean(states, axis=0)]
        found = tf.reduce_sum(tf.concat(pools, axis=0) * kernel)
    expected = tape.gradient(found, vectors)[0]  # [time, embedding]
    attributions = Attributions(fused, MOST)
    gradient = attributions._gradient(tf.transpose(vectors, [1, 0, 2]))[:, 0]
    np.testing.assert_allclose(gradient, expected, atol=1e-5)


@pytest.mark.parametrize("length", [0, 1, 2, MOST])
def test_base_and_words_add_up_to_the_logit(fused: FusedNetwork, length: int) -> None:
    tokens = np.zeros(MOST, np.int32)
    tokens[:length] = RANDOM.integers(1, NUM_TOKENS, length)
    whole = logit(fused, tokens)
    added, base = Attributions(fused, MOST)(tf.constant(tokens), tf.constant(length), whole)
    assert float(base) + added.numpy().sum(dtype=np.float64) == pytest.approx(whole, abs=1e-5)
    assert not added.numpy()[length:].any()


def test_what_is_missed_shrinks_with_the_steps(
    monkeypatch: pytest.MonkeyPatch, fused: FusedNetwork
) -> None:
    monkeypatch.setattr(
        "training.models.sentiment.attributions.complete", lambda added, _total: added
    )
    texts = RANDOM.integers(1, NUM_TOKENS, (20, MOST)).astype(np.int32)

    def missed(num_steps: int) -> float:
        attributions = Attributions(fused, MOST, num_steps)
        total = 0.0
        for tokens in texts:
            whole = logit(fused, tokens)
            added, base = attributions(tf.constant(tokens), tf.constant(MOST), whole)
            total += float(abs(whole - base.numpy() - added.numpy().sum()))
        return total / len(texts)

    few, many = missed(2), missed(64)
    assert many < 0.2 * few


def test_a_word_without_a_vector_adds_nothing(trained: keras.Model) -> None:
    weights = trained.get_layer("words").get_weights()
    silent = keras.models.clone_model(trained)
    silent.set_weights(trained.get_weights())
    weights[0][7] = 0
    silent.get_layer("words").set_weights(weights)
    fused = FusedNetwork(silent)
    tokens = np.array([3, 7, 9], np.int32)
    added, _ = Attributions(fused, MOST)(tf.constant(tokens), tf.constant(3), logit(fused, tokens))
    assert added.numpy()[1] == 0
    assert added.numpy()[[0, 2]].all()
