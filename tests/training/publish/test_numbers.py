"""How many numbers a version holds, of a graph whose parts have a known number of each kind."""

import keras
import numpy as np
import tensorflow as tf

from serving.card import Numbers
from tests.tiny_recipes import Trained
from training.publish.numbers import count_numbers
from training.serving_graph import ServingGraph, frozen


class Looked(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """Remembers seven rows of three numbers and a scale, and knows two words by their index."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = tf.constant(np.arange(21.0).reshape(7, 3), tf.float16)
        self.scale = tf.Variable([2.0, 2.0, 2.0])
        keys = tf.lookup.KeyValueTensorInitializer(["a", "b"], [0, 1])
        self.words = tf.lookup.StaticHashTable(keys, 2)

    def __call__(self, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        rows = tf.gather(self.rows, self.words.lookup(inputs["text"]))  # [batch, 3]
        return tf.cast(rows, tf.float32) * self.scale


class Judged(tf.Module):  # type: ignore[misc]
    """Remembers five numbers, in a function of its own, and a threshold."""

    def __init__(self) -> None:
        super().__init__()
        held = np.linspace(0, 1, 5, dtype=np.float32)
        self._held = tf.function(lambda: tf.constant(held))

    def __call__(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"rank": tf.reduce_sum(logits + self._held(), axis=1) > 0.5}


def network() -> keras.Model:
    """Give 3 x 4 frozen weights, 4 x (2 learned and 2 counted), 4 x 1 + 1 learned ones."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(4, use_bias=False, trainable=False),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )


def counted(network: keras.Model) -> Numbers:
    graph = ServingGraph(Looked(), frozen(network), Judged())
    return count_numbers(network, graph, {"text": np.array([b"a"], object)})


def test_each_number_is_counted_where_it_comes_from() -> None:
    assert counted(network()).model_dump() == {
        "trained": 8 + 5,
        "frozen": 12,
        "statistics": 8,
        "features": 21 + 3,
        "answer": 5,
    }


def test_layers_in_a_network_in_a_network_are_frozen_too() -> None:
    inner = network()
    outer = keras.Sequential([keras.Input((3,)), inner, keras.layers.Dense(1)])
    numbers = counted(outer)
    assert (numbers.trained, numbers.frozen, numbers.statistics) == (13 + 2, 12, 8)
    inner.trainable = False  # with its statistics
    numbers = counted(outer)
    assert (numbers.trained, numbers.frozen, numbers.statistics) == (2, 33, 0)


def test_a_card_tells_tables_from_weights(trained: Trained) -> None:
    card, network = trained.card, trained.training.fit.network
    numbers = card.numbers
    assert numbers is not None
    assert card.parameters == numbers.trained > 0
    assert numbers.trained + numbers.frozen + numbers.statistics == network.count_params()
    held_out, known = card.data_set.split.validation, card.data_set.split.train
    if card.name == "image":
        # The filters of 2 x 2 patches of three colours; of each of nine layers' four maps two.
        assert (numbers.frozen, numbers.statistics) == (2 * 2 * 3 * 24, 9 * 4 * 2)
        assert numbers.features == 2 * 3  # mean and deviation of each colour
    else:
        assert (numbers.frozen, numbers.statistics) == (0, 0)
    if card.name == "housing":
        assert numbers.features > known * 10
    assert numbers.answer >= held_out
