"""How long answers take, in TensorFlow alone: without a model server, a network or a gateway."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from training.data.examples import Examples
from training.serving_graph import ServingGraph, to_tensorflow, traced

BATCH_SIZES = (1, 32)
NUM_CALLS = 15


def milliseconds_by_batch(graph: ServingGraph, examples: Examples) -> dict[int, float]:
    """Give the median time of a call, by the number of examples in it."""
    call = traced(graph, examples.inputs)
    return {size: _milliseconds(call, examples, size) for size in BATCH_SIZES}


def _milliseconds(call: Callable[[Any], Any], examples: Examples, size: int) -> float:
    rows = np.arange(size) % len(examples)
    batch = to_tensorflow(examples.take(rows).inputs)
    call(batch)
    times = []
    for _ in range(NUM_CALLS):
        started = time.perf_counter()
        call(batch)
        times.append(time.perf_counter() - started)
    return 1_000 * float(np.median(times))
