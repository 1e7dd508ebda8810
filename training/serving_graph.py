"""A version's whole graph, and asking it with numpy arrays; knows no data set and no file."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.contract import Tensors

BATCH_SIZE = 64


Batch = Mapping[str, Any]
Network = Callable[[Any], Any]


class ServingGraph(tf.Module):
    """The signature's inputs → features → network → answer.

    `network` is a function whose weights are constants: only look-up tables are tracked. Where it
    is another form of the trained one, such as a faster one, `as_trained` is that one. `explain`
    answers as the graph does, and gives besides what its answers come from.
    """

    def __init__(
        self,
        features: tf.Module,
        network: Network,
        answer: tf.Module,
        *,
        explain: Callable[[Batch], dict[str, Any]] | None = None,
        as_trained: Network | None = None,
    ) -> None:
        super().__init__()
        self.features = features
        self.answer = answer
        self.explain = explain
        self.as_trained = as_trained
        self.network = network
        self._answer_batch: Callable[[Batch], dict[str, Any]] | None = None

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a batch: the signature's inputs by name in, its outputs by name out."""
        answers: dict[str, Any] = self.answer(self.network(self.features(inputs)))
        return answers

    def reference(self) -> "ServingGraph":
        """Give the same with the network as it was trained, which an export is held against."""
        return ServingGraph(self.features, self.as_trained or self.network, self.answer)

    def answer_all(self, inputs: Tensors, num_rows: int) -> Tensors:
        """Answer any number of rows, a batch at a time."""
        if self._answer_batch is None:
            # Wrapped: a traced function that is an attribute would be exported too.
            self._answer_batch = partial(traced(self, inputs))
        return in_batches(self._answer_batch, inputs, num_rows)


def in_batches(
    answer: Callable[[Batch], dict[str, Any]], inputs: Tensors, num_rows: int
) -> Tensors:
    """Ask a function of TensorFlow any number of rows, a batch at a time."""
    batches = []
    for start in range(0, num_rows, BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        batches.append(answer(to_tensorflow({name: inputs[name][rows] for name in inputs})))
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}


def traced(graph: ServingGraph, inputs: Tensors) -> Callable[[Batch], dict[str, Any]]:
    """Give the graph as a function of TensorFlow, traced once for such inputs in any number."""
    concrete: Callable[[Batch], dict[str, Any]] = tf.function(graph.__call__).get_concrete_function(
        specifications(inputs)
    )
    return concrete


def specifications(inputs: Tensors) -> dict[str, tf.TensorSpec]:
    """Describe such inputs in any number of rows."""
    return {
        name: tf.TensorSpec([None, *array.shape[1:]], _dtype(array), name)
        for name, array in inputs.items()
    }


def frozen(network: keras.Model) -> Network:
    """Give the network as a function, also of no rows, whose weights are constants of its graph.

    TensorFlow then lays them out once for the kernels of the machine, and works out beforehand what
    follows from them alone, such as a normalisation after a convolution.
    """
    parts = network.trainable_variables, network.non_trainable_variables
    weights = stored_once([[weight.numpy() for weight in part] for part in parts])

    def apply(batch: Any) -> Any:
        num_rows = tf.shape(tf.nest.flatten(batch)[0])[0]
        some = tf.nest.map_structure(_at_least_one_row, batch)
        outputs, _unchanged = network.stateless_call(*weights(), some, training=False)
        # [batch, ...] each, also where the batch is empty
        return tf.nest.map_structure(lambda output: output[:num_rows], outputs)

    return apply


def stored_once(arrays: Any) -> Callable[[], Any]:
    """Give arrays, in any nest, as constants that an exported version stores once.

    Each signature would store its own. What is given is a function of TensorFlow's, of which a
    version has one, however many signatures call it. Servers put it in the place of its calls
    before they optimise a graph, which then runs as if it had the constants itself.
    """
    constants = tf.function(lambda: tf.nest.map_structure(tf.constant, arrays))
    # Wrapped: as an attribute of a module, a traced function would be exported for itself, too.
    return partial(constants.get_concrete_function())


def _at_least_one_row(tensor: tf.Tensor) -> tf.Tensor:
    """Add a row where there is none: oneDNN's convolutions and Keras' LSTM fail without.

    They also fail with what tf.pad added, which oneDNN sees through.
    """
    num_rows, *row_shape = tf.unstack(tf.shape(tensor))
    missing = tf.zeros([tf.maximum(0, 1 - num_rows), *row_shape], tensor.dtype)  # [0 or 1, ...]
    return tf.concat([tensor, missing], axis=0)  # [max(batch, 1), ...]


def to_tensorflow(tensors: Tensors) -> dict[str, Any]:
    """Turn numpy arrays into TensorFlow's; it cannot tell the dtype of no strings by itself."""
    return {name: tf.constant(array, _dtype(array)) for name, array in tensors.items()}


def _dtype(array: NDArray[Any]) -> Any:
    return tf.string if array.dtype == object else array.dtype


def in_float32(network: keras.Model) -> keras.Model:
    """Give the same network computing in float32, if it was trained in a lower precision."""
    if all(layer.compute_dtype == layer.variable_dtype for layer in network.layers):
        return network

    def with_dtype(layer: keras.layers.Layer) -> keras.layers.Layer:
        return type(layer).from_config({**layer.get_config(), "dtype": "float32"})

    copy = keras.models.clone_model(network, clone_function=with_dtype)
    copy.set_weights(network.get_weights())
    return copy
