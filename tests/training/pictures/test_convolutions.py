"""The starting values and the layers of the image network do what they say."""

import keras
import numpy as np

from training.pictures.convolutions import (
    BesideFlipped,
    Dirac,
    FastBatchNormalization,
    FastBias,
    MeanOfFlipped,
    whitening_kernel,
)


def test_whitened_patches_are_uncorrelated_with_variance_1() -> None:
    random = np.random.default_rng(0)
    smooth = random.normal(size=(200, 9, 9, 3)).cumsum(axis=1).cumsum(axis=2).astype(np.float32)
    kernel = whitening_kernel(smooth, 2)
    assert kernel.shape == (2, 2, 3, 24)
    answers = np.asarray(keras.ops.conv(smooth, kernel)).reshape(-1, 24)
    covariance = np.cov(answers[:, :12].T)
    np.testing.assert_allclose(covariance, np.eye(12), atol=0.05)
    np.testing.assert_allclose(answers[:, :12], -answers[:, 12:], atol=1e-4)


def test_the_first_filters_hand_their_channel_on() -> None:
    for channels, filters in ((3, 5), (5, 3)):
        kernel = Dirac(seed=0)((3, 3, channels, filters))
        pictures = np.random.default_rng(1).normal(size=(2, 8, 8, channels)).astype(np.float32)
        maps = np.asarray(keras.ops.conv(pictures, kernel, padding="same"))
        np.testing.assert_allclose(maps[..., :3], pictures[..., :3], atol=1e-5)


def test_a_fast_bias_learns_as_many_times_as_fast_as_it_says() -> None:
    learned = {}
    for rate in (1.0, 64.0):
        bias = FastBias(rate)
        network = keras.Sequential([keras.Input((4, 4, 2)), bias])
        network.compile(keras.optimizers.SGD(0.001), "mse", jit_compile=False)
        network.fit(np.zeros((8, 4, 4, 2)), np.ones((8, 4, 4, 2)), epochs=1, verbose=0)
        learned[rate] = np.asarray(network(np.zeros((1, 4, 4, 2))))
    np.testing.assert_allclose(learned[64.0], 64 * learned[1.0], rtol=1e-4)


def test_fast_normalisation_trains_and_answers_as_keras_own_with_a_bias() -> None:
    random = np.random.default_rng(2)
    maps = random.normal(3.0, 2.0, (64, 4, 4, 5)).astype(np.float32)
    targets = random.normal(size=maps.shape).astype(np.float32)
    fast = FastBatchNormalization(1.0, momentum=0.6)
    plain = keras.layers.BatchNormalization(momentum=0.6, scale=False)
    answers = []
    for layer in (fast, plain):
        network = keras.Sequential([keras.Input((4, 4, 5)), layer])
        network.compile(keras.optimizers.SGD(0.5), "mse", jit_compile=False)
        history = network.fit(maps, targets, batch_size=16, epochs=3, shuffle=False, verbose=0)
        answers.append((history.history["loss"], np.asarray(network(maps))))
    np.testing.assert_allclose(answers[0][0], answers[1][0], rtol=1e-4)
    np.testing.assert_allclose(answers[0][1], answers[1][1], rtol=1e-2, atol=1e-2)


def test_fast_normalisation_is_rebuilt_from_its_configuration() -> None:
    layer = FastBatchNormalization(64.0, momentum=0.6, dtype="mixed_bfloat16", name="normal")
    again = FastBatchNormalization.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.compute_dtype == "bfloat16"


def test_a_picture_and_the_same_one_flipped_get_the_same_answer() -> None:
    pictures = np.random.default_rng(3).normal(size=(5, 4, 4, 2)).astype(np.float32)
    layers = [BesideFlipped(), keras.layers.Flatten(), keras.layers.Dense(3), MeanOfFlipped()]
    network = keras.Sequential([keras.Input((4, 4, 2)), *layers])
    straight, flipped = (np.asarray(network(each)) for each in (pictures, pictures[:, :, ::-1]))
    assert straight.shape == (5, 3)
    np.testing.assert_allclose(straight, flipped, atol=1e-5)
    alone = np.asarray(network(pictures, training=True))
    assert abs(alone - straight).max() > 0.01
