"""Counts the numbers that a version holds: the network's weights, and what stands beside them."""

import math
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from serving.card import Numbers
from serving.contract import Tensors
from training.serving_graph import ServingGraph, specifications


def count_numbers(network: keras.Model, graph: ServingGraph, inputs: Tensors) -> Numbers:
    """Count the weights of `network` as it was trained, and the tables of its `graph`.

    `inputs` are any that the graph takes. A table is whatever floating-point tensor of more than
    one number a part of the graph has as a constant or a variable, so that vocabularies and indices
    are none.
    """
    features = _trace(graph.features, specifications(inputs))
    seen = _trace(graph.network, features.structured_outputs)
    answer = _trace(graph.answer, seen.structured_outputs)
    trained, kept = _size(network.trainable_weights), _size(network.non_trainable_weights)
    frozen = _frozen(network)
    return Numbers(
        trained=trained,
        frozen=frozen,
        statistics=kept - frozen,
        features=_in_tables(features),
        answer=_in_tables(answer),
    )


def _size(weights: list[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _frozen(layer: Any) -> int:
    """Count the weights of layers that do not learn; those that do keep statistics besides."""
    if not layer.trainable:
        return _size(layer.weights)
    return sum(_frozen(each) for each in getattr(layer, "layers", ()))


def _trace(part: Any, *inputs: Any) -> Any:
    return tf.function(part).get_concrete_function(*inputs)


def _in_tables(part: Any) -> int:
    return sum(
        size
        for dtype, size in [*_held(part), *_constants(part.graph.as_graph_def())]
        if dtype.is_floating and size > 1
    )


def _held(part: Any) -> Iterator[tuple[tf.DType, int]]:
    """Give the type and size of each tensor and variable that the part has from outside."""
    for tensor, inside in part.graph.captures:
        if inside.op.type != "Const" and tensor.dtype != tf.resource:  # small ones become constants
            yield tensor.dtype, math.prod(tensor.shape)
    for variable in part.variables:
        yield tf.as_dtype(variable.dtype), math.prod(variable.shape)


def _constants(graph: Any) -> Iterator[tuple[tf.DType, int]]:
    """Give the type and size of each constant of a graph and of the functions that it calls."""
    for nodes in (graph.node, *(function.node_def for function in graph.library.function)):
        for node in nodes:
            if node.op == "Const":
                shape = node.attr["value"].tensor.tensor_shape.dim
                yield tf.as_dtype(node.attr["dtype"].type), math.prod(each.size for each in shape)
