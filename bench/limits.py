"""What no gateway can be better than, measured in every round: the machine may drift."""

from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bench.bare_call import measure_bare_calls
from bench.best_batch import measure_best_batches
from bench.embedded_call import measure_embedded_call
from bench.results import BareCall, BestBatch, EmbeddedCall, Limit, Results
from bench.systems import has_real_server

_BATCH_SECONDS = 0.5  # of each size of batch: there are fifteen a round


def measure_limits(
    number: int, results: Results, scratch: Path, console: Console, *, seconds: float
) -> None:
    """Measure those of a round that the results do not hold."""
    measures: dict[type[Limit], Callable[[], list[Limit]]] = {
        BareCall: lambda: [*measure_bare_calls(number, seconds=seconds, scratch=scratch)],
        EmbeddedCall: lambda: [measure_embedded_call(number, seconds=seconds, scratch=scratch)],
        BestBatch: lambda: [*measure_best_batches(number, seconds=_BATCH_SECONDS, scratch=scratch)],
    }
    if has_real_server():
        del measures[EmbeddedCall]
    for kind, measure in measures.items():
        if any(each.round == number for each in results.all(kind)):
            continue
        for limit in measure():
            results.add(limit)
            console.print(f"{number}  {_told(limit)}")


def _told(limit: Limit) -> str:
    match limit:
        case BareCall():
            return f"bare gRPC call, {limit.workload}: p50 {limit.p50_ms:.3f} ms"
        case EmbeddedCall():
            p50, session = limit.call_ms, limit.session_ms
            return f"embedded server, house: p50 {p50:.3f} ms, of which TensorFlow {session:.3f} ms"
        case BestBatch():
            rate = limit.predictions_per_second
            return f"TensorFlow in process, {limit.model} x {limit.batch_size}: {rate:,.0f}/s"
