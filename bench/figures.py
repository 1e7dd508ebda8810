"""The measured rounds as one figure each; knows neither goals nor tables."""

from dataclasses import dataclass
from statistics import fmean

from bench.results import BareCall, BestBatch, Cell, EmbeddedCall, Footprint, OverloadPoint, Results

# Above this share of the processors' time in other hands, a round says little.
DISTURBED = 0.05


@dataclass(frozen=True)
class Figure:
    """One cell over all its rounds; those that others disturbed count only if all are."""

    good_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    failures: int
    spread: float  # half the difference of the slowest and fastest round, over their mean
    disturbed: bool


class Figures:
    """Looks measured figures up; None where nothing was measured."""

    def __init__(self, results: Results) -> None:
        self._cells = results.all(Cell)
        self._footprints = results.all(Footprint)
        self._bare_calls = results.all(BareCall)
        self._embedded_calls = results.all(EmbeddedCall)
        self._batches = results.all(BestBatch)
        self._overload = results.all(OverloadPoint)

    def of(self, system: str, workload: str, connections: int) -> Figure | None:
        """Give the mean of the rounds."""
        wanted = (system, workload, connections)
        cells = [each for each in self._cells if _key(each) == wanted]
        quiet = [each for each in cells if each.foreign_cpu_share <= DISTURBED]
        loads = [each.load for each in quiet or cells]
        if not loads:
            return None
        rates = [load.good_per_second for load in loads]
        mean = fmean(rates)
        return Figure(
            good_per_second=mean,
            p50_ms=fmean(load.p50_ms for load in loads),
            p99_ms=fmean(load.p99_ms for load in loads),
            cpu_ms=fmean(each.cpu_ms for each in quiet or cells),
            failures=sum(load.failures for load in loads),
            spread=(max(rates) - min(rates)) / 2 / mean if mean else 0.0,
            disturbed=not quiet,
        )

    def ready_seconds(self, system: str) -> float | None:
        """Give the mean time from the start to the first good answer."""
        seconds = [each.ready_seconds for each in self._footprints if each.system == system]
        return fmean(seconds) if seconds else None

    def resident_mb(self, system: str) -> list[float]:
        """Give the sizes of a system's processes after the load of its last round."""
        sizes = [each.resident_mb for each in self._footprints if each.system == system]
        return sizes[-1] if sizes else []

    def bare_call_p50_ms(self, workload: str) -> float | None:
        """Give the mean over the rounds of the median of a bare gRPC call."""
        medians = [each.p50_ms for each in self._bare_calls if each.workload == workload]
        return fmean(medians) if medians else None

    def embedded_call_ms(self) -> tuple[float, float] | None:
        """Give the means of a call of the embedded server, and of TensorFlow's part of it."""
        if not self._embedded_calls:
            return None
        return (
            fmean(each.call_ms for each in self._embedded_calls),
            fmean(each.session_ms for each in self._embedded_calls),
        )

    def best_batches(self) -> dict[str, dict[int, float]]:
        """Give TensorFlow's predictions a second in process, by model and size of batch."""
        measured: dict[str, dict[int, list[float]]] = {}
        for each in self._batches:
            sizes = measured.setdefault(each.model, {})
            sizes.setdefault(each.batch_size, []).append(each.predictions_per_second)
        return {
            model: {size: fmean(rates) for size, rates in sizes.items()}
            for model, sizes in sorted(measured.items())
        }

    def overload(self, system: str, workload: str) -> dict[float, OverloadPoint]:
        """Give a system's points by their share of saturation."""
        return {
            each.share: each
            for each in self._overload
            if (each.system, each.workload) == (system, workload)
        }


def _key(cell: Cell) -> tuple[str, str, int]:
    return cell.system, cell.workload, cell.connections
