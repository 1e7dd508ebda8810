"""The limit of throughput: TensorFlow itself, called in process with ever larger batches.

It runs in a process of its own, so that the harness never carries TensorFlow.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, cycle, islice
from pathlib import Path

from bench.processes import output_of
from bench.repository import repository
from bench.results import BestBatch
from bench.workloads import WORKLOADS, Workload

BATCH_SIZES = (1, 8, 32, 128, 512)
_WORKLOADS = ("house", "picture", "review200")
_NUM_CALLERS = 2


def measure_best_batches(round_number: int, *, seconds: float, scratch: Path) -> list[BestBatch]:
    """Call each model with each size of batch for so long."""
    log = scratch / "logs" / "best_batch.log"
    models = str(repository(scratch))
    output = output_of("bench.best_batch", models, str(round_number), str(seconds), log=log)
    return [BestBatch.model_validate(each) for each in json.loads(output)]


def _measure(
    workload: Workload, models: Path, round_number: int, seconds: float
) -> list[BestBatch]:
    from bench.peers.saved_models import SavedModel, decode, stack  # noqa: PLC0415 - heavy

    model = SavedModel(workload.model, models)
    instances = cycle(chain.from_iterable(workload.requests()))
    measured = []
    for batch_size in BATCH_SIZES:
        tensors = stack([decode(workload.model, each) for each in islice(instances, batch_size)])
        model.run(tensors)
        calls_per_second = _calls_per_second(partial(model.run, tensors), seconds)
        measured.append(
            BestBatch(
                model=workload.model,
                batch_size=batch_size,
                round=round_number,
                predictions_per_second=batch_size * calls_per_second,
            )
        )
    return measured


def _calls_per_second(call: Callable[[], object], seconds: float) -> float:
    started = time.perf_counter()

    def call_until_the_end(_: int) -> int:
        num_calls = 0
        while time.perf_counter() < started + seconds:
            call()
            num_calls += 1
        return num_calls

    with ThreadPoolExecutor(_NUM_CALLERS) as callers:
        num_calls = sum(callers.map(call_until_the_end, range(_NUM_CALLERS)))
    return num_calls / (time.perf_counter() - started)


if __name__ == "__main__":
    folder, number, length = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    batches = [_measure(WORKLOADS[name], folder, number, length) for name in _WORKLOADS]
    sys.stdout.write(json.dumps([each.model_dump() for each in chain.from_iterable(batches)]))
