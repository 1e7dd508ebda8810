"""What the embedded server adds to TensorFlow's own time: a call for one house, and its session.

The session runs in a process of its own, so that the harness never carries TensorFlow; both are
measured in turns.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import grpc

from bench.bare_call import PREDICT, inputs_of, predict_message
from bench.model_server import model_server
from bench.processes import output_of
from bench.repository import repository
from bench.results import EmbeddedCall
from bench.workloads import WORKLOADS

_ROUNDS = 3


def measure_embedded_call(round_number: int, *, seconds: float, scratch: Path) -> EmbeddedCall:
    """Call and run for so long each, in turns."""
    log = scratch / "logs" / "embedded_call.log"
    version = repository(scratch) / "housing" / "1"
    calls, runs = [], []
    with model_server(scratch) as server:
        for _ in range(_ROUNDS):
            calls.append(_call_milliseconds(server.address, seconds / _ROUNDS))
            output = output_of("bench.embedded_call", str(version), str(seconds / _ROUNDS), log=log)
            runs.append(float(json.loads(output)))
    return EmbeddedCall(
        round=round_number, call_ms=statistics.median(calls), session_ms=statistics.median(runs)
    )


def _call_milliseconds(address: str, seconds: float) -> float:
    workload = WORKLOADS["house"]
    message = predict_message(workload, workload.requests()[0])
    with grpc.insecure_channel(address) as channel:
        predict = channel.unary_unary(PREDICT)
        return _median_milliseconds(partial(predict, message, timeout=10), seconds)


def _session_milliseconds(version: Path, seconds: float) -> float:
    """Run the same inputs in the embedded server's own session, with what a run needs prepared."""
    import tensorflow as tf  # noqa: PLC0415 - heavy

    from serving.embedded.servable import Servable, ServableOptions  # noqa: PLC0415 - heavy

    workload = WORKLOADS["house"]
    inputs = inputs_of(workload.model, workload.requests()[0])
    config = tf.compat.v1.ConfigProto(allow_soft_placement=True)
    servable = Servable(version, ServableOptions(("serve",), config))
    signature = servable.definitions["serving_default"]
    feeds = {signature.inputs[name].name: array for name, array in inputs.items()}
    fetches = [output.name for output in signature.outputs.values()]
    return _median_milliseconds(partial(servable.run, feeds, fetches, 10_000), seconds)


def _median_milliseconds(call: Callable[[], object], seconds: float) -> float:
    """Call for so long, after a quarter of that as warm-up."""
    latencies: list[float] = []
    begun = time.perf_counter() + seconds / 4
    while (started := time.perf_counter()) < begun + seconds:
        call()
        if started >= begun:
            latencies.append(time.perf_counter() - started)
    return 1e3 * statistics.median(latencies)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_session_milliseconds(Path(sys.argv[1]), float(sys.argv[2]))))
