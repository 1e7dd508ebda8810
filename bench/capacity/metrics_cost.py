"""What the metrics of a request cost when several workers count in files, beyond one in memory.

`python -m bench.capacity.metrics_cost` times them once, in the way that the environment says.
"""

import os
import subprocess
import sys
import time
from tempfile import TemporaryDirectory

from bench.stack import ROOT

_NUM = 20_000
_BLOCK = 256  # requests, as middleware/request_log.py has them counted under load
_FILES = "PROMETHEUS_MULTIPROC_DIR"


def measure_metrics_in_files() -> float:
    """Give the microseconds that a request takes longer."""
    with TemporaryDirectory() as folder:
        return round(max(0.0, _timed({_FILES: folder}) - _timed({})), 1)


def _timed(environment: dict[str, str]) -> float:
    command = [sys.executable, "-m", "bench.capacity.metrics_cost"]
    variables = {name: value for name, value in os.environ.items() if name != _FILES}
    output = subprocess.check_output(command, cwd=ROOT, env={**variables, **environment})
    return float(output)


def _time() -> float:
    from serving.gateway.telemetry import metrics  # noqa: PLC0415  # reads the variable at import

    series, inside = metrics.SERIES["house", 1], metrics.IN_FLIGHT.labels("house")
    row = (0.005, 1, *(0.001 for _ in metrics.STAGES))
    fastest = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(_NUM):
            inside.inc()
            metrics.UNCOUNTED.append((series, row))
            if len(metrics.UNCOUNTED) == _BLOCK:
                metrics.flush()
            series.ok.inc()
            inside.dec()
        fastest = min(fastest, time.perf_counter() - began)
    return 1e6 * fastest / _NUM


if __name__ == "__main__":
    print(_time())  # noqa: T201  # to whoever has started this
