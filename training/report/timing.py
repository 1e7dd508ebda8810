"""How long answers take, in TensorFlow alone: without a model server, a network or a gateway."""

import time

import numpy as np
import tensorflow as tf

from training.data.examples import Examples
from training.serving_graph import ServingGraph, to_tensorflow

BATCH_SIZES = (1, 32)
NUM_CALLS = 15


def milliseconds_by_batch(graph: ServingGraph, examples: Examples) -> dict[int, float]:
    """Give the median time of a call, by the number of examples in it."""
    call = tf.function(graph.__call__, reduce_retracing=True)
    return {size: _milliseconds(call, examples, size) for size in BATCH_SIZES}


def _milliseconds(
    call: tf.types.experimental.GenericFunction, examples: Examples, size: int
) -> float:
    rows = np.arange(size) % len(examples)
    batch = to_tensorflow(examples.take(rows).inputs)
    call(batch)
    times = []
    for _ in range(NUM_CALLS):
        started = time.perf_counter()
        call(batch)
        times.append(time.perf_counter() - started)
    return 1_000 * float(np.median(times))
