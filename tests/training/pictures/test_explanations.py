"""Maps add up to what they explain, lie where it comes from, and are of one picture alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from serving.card import InputStatistics
from training.models.image.network import (
    HyperParameters,
    Standardized,
    build_network,
    seeing,
)
from training.outputs.classification import ClassScores
from training.pictures.explanations import LOGITS, Explanations, blur
from training.serving_graph import frozen

CLASSES = ("cat", "dog", "ship")
TEMPERATURE = 0.5

Network = Callable[[Any], dict[str, Any]]
Explain = Callable[[NDArray[np.uint8]], dict[str, NDArray[Any]]]


class Answer(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """What a graph answers, as far as explanations need it."""

    def __init__(self) -> None:
        super().__init__()
        self.scores = ClassScores(CLASSES, TEMPERATURE)

    def __call__(self, seen: dict[str, Any]) -> dict[str, Any]:
        return self.scores(seen[LOGITS])


GREYS = [InputStatistics(minimum=0, maximum=255, mean=120, standard_deviation=60)] * 3
FEATURES = Standardized(GREYS)


def explaining(network: Network) -> Explain:
    explanations = Explanations(FEATURES, network, Answer(), (32, 32, 3))
    explain = tf.function(
        explanations.__call__,
        input_signature=[{"pixels": tf.TensorSpec([None, 32, 32, 3], tf.uint8)}],
    )
    return lambda pixels: {
        name: tensor.numpy() for name, tensor in explain({"pixels": tf.constant(pixels)}).items()
    }


@pytest.fixture(scope="module")
def network() -> Network:
    """A small one that was never trained, with weights by chance that tell pictures apart."""
    random = np.random.default_rng(0)
    sizes = HyperParameters(first_filters=4, second_filters=5, third_filters=6, precision="float32")
    made = build_network(sizes, random.normal(size=(2, 2, 3, 24)).astype(np.float32), 3, seed=0)
    for weight in made.trainable_variables:
        weight.assign(random.normal(scale=0.3, size=weight.shape))
    return frozen(seeing(made))


@pytest.fixture(scope="module")
def explain(network: Network) -> Explain:
    return explaining(network)


@pytest.fixture(scope="module")
def pictures() -> NDArray[np.uint8]:
    """Noise, soft and sharp; and plain colours, of which no pixel is above another."""
    random = np.random.default_rng(1)
    sharp = random.integers(0, 256, (3, 32, 32, 3), np.uint8)
    soft = random.integers(0, 256, (2, 4, 4, 3), np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    plain = (
        np.zeros((3, 32, 32, 3), np.uint8) + np.array([0, 120, 255], np.uint8)[:, None, None, None]
    )
    return np.concatenate([sharp, soft, plain])


def test_maps_and_bases_add_up_to_the_logits_of_the_two_best_classes(
    network: Network, explain: Explain, pictures: NDArray[np.uint8]
) -> None:
    found = explain(pictures)
    logits = network(FEATURES({"pixels": pictures}))[LOGITS].numpy() / TEMPERATURE
    best = np.argsort(-logits, axis=1)[:, :2]
    names = np.array([name.encode() for name in CLASSES], dtype=object)
    assert found["explained_classes"].tolist() == names[best].tolist()
    np.testing.assert_allclose(
        found["logits"], np.take_along_axis(logits, best, axis=1), rtol=1e-4, atol=1e-4
    )
    nothing = network(np.zeros((1, 32, 32, 3), np.float32))[LOGITS].numpy()[0] / TEMPERATURE
    np.testing.assert_allclose(found["bases"], nothing[best], rtol=1e-4, atol=1e-4)
    added_up = found["bases"] + found["maps"].sum(axis=(2, 3), dtype=np.float64)
    np.testing.assert_allclose(added_up, found["logits"], atol=1e-3)


def test_a_picture_is_explained_the_same_alone_and_beside_any_other(
    explain: Explain, pictures: NDArray[np.uint8]
) -> None:
    together, reversed_ = explain(pictures), explain(pictures[::-1])
    for row in range(len(pictures)):
        alone = explain(pictures[row : row + 1])
        # By a rounding error, softmax is another where it is worked out for several rows at once.
        np.testing.assert_allclose(alone.pop("scores")[0], together["scores"][row], atol=1e-6)
        for name, values in alone.items():
            np.testing.assert_array_equal(values[0], together[name][row])
            np.testing.assert_array_equal(values[0], reversed_[name][-1 - row])


def test_no_pictures_have_no_explanations(explain: Explain) -> None:
    found = explain(np.empty((0, 32, 32, 3), np.uint8))
    shapes = {name: values.shape for name, values in found.items()}
    assert shapes == {
        "classes": (0, 3),
        "scores": (0, 3),
        "explained_classes": (0, 2),
        "maps": (0, 2, 32, 32),
        "bases": (0, 2),
        "logits": (0, 2),
    }


def test_whoever_asks_why_is_answered_as_everybody_is(
    network: Network, explain: Explain, pictures: NDArray[np.uint8]
) -> None:
    expected = Answer()(network(FEATURES({"pixels": pictures})))
    np.testing.assert_allclose(explain(pictures)["scores"], expected["scores"], atol=1e-5)


def test_a_pixel_has_what_it_adds_on_the_way_from_grey_to_each_of_the_two_classes() -> None:
    """Of a sum of squares, each pixel adds its own: what is between it and grey, squared."""
    weights = np.random.default_rng(2).uniform(size=(2, 32, 32, 3)).astype(np.float32)
    weights[0] += 1

    def squares(made: Any) -> dict[str, Any]:
        sums = [tf.reduce_sum(each * made**2, axis=(1, 2, 3)) for each in weights]
        return {LOGITS: tf.stack([*sums, 0 * sums[0] + 1], axis=1)}  # of grey, the last is the best

    pictures = np.random.default_rng(3).integers(0, 256, (2, 32, 32, 3), np.uint8)
    found = explaining(squares)(pictures)
    assert found["explained_classes"].tolist() == [[b"cat", b"dog"]] * 2
    squared = FEATURES({"pixels": pictures}).numpy()[:, None] ** 2
    added = (weights * squared).sum(axis=-1) / TEMPERATURE  # [picture, class, 32, 32]
    spread = blur(32, 1.0) @ added @ blur(32, 1.0)
    np.testing.assert_allclose(found["maps"], spread, rtol=1e-2)


def test_gradients_of_the_network_are_those_of_finite_differences(network: Network) -> None:
    random = np.random.default_rng(4)
    pictures = random.normal(size=(4, 32, 32, 3)).astype(np.float32)
    directions = random.normal(size=pictures.shape).astype(np.float32)

    @tf.function  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def slopes(seen: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(seen)
            first = network(seen)[LOGITS][:, 0]
        return tf.reduce_sum(tape.gradient(first, seen) * directions, axis=(1, 2, 3))

    step = 1e-4
    above, below = (
        network(pictures + sign * step * directions)[LOGITS][:, 0].numpy() for sign in (1, -1)
    )
    np.testing.assert_allclose(
        slopes(tf.constant(pictures)), (above - below) / (2 * step), rtol=0.1
    )


def test_spreading_takes_nothing_away_and_has_no_side() -> None:
    matrix = blur(32, 1.0)
    np.testing.assert_allclose(matrix.sum(axis=0), 1, atol=1e-6)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-7)
    np.testing.assert_allclose(matrix, matrix[::-1, ::-1], atol=1e-7)
    assert matrix[16].argmax() == 16
    assert matrix[16, 17] > matrix[16, 18] > 0
