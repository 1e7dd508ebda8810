"""How long answers take, in TensorFlow alone: without a model server, a network or a gateway."""

import time

import numpy as np
import tensorflow as tf

from training.recipe import Examples
from training.serving_graph import Servable, to_tensorflow

BATCH_SIZES = (1, 32)
NUM_CALLS = 15


def milliseconds_by_batch(servable: Servable, examples: Examples) -> dict[int, float]:
    """Give the median time of a call, by the number of examples in it."""
    graph = tf.function(servable.__call__, reduce_retracing=True)
    return {size: _milliseconds(graph, examples, size) for size in BATCH_SIZES}


def _milliseconds(
    graph: tf.types.experimental.GenericFunction, examples: Examples, size: int
) -> float:
    rows = np.arange(size) % len(examples)
    batch = to_tensorflow(examples.take(rows).inputs)
    graph(batch)
    times = []
    for _ in range(NUM_CALLS):
        started = time.perf_counter()
        graph(batch)
        times.append(time.perf_counter() - started)
    return 1_000 * float(np.median(times))
