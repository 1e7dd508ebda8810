"""How goals are measured: one ratio, or one difference, of the figures each."""

from collections.abc import Callable, Sequence

from bench.figures import Figure, Figures
from bench.workloads import WORKLOADS

TFGATE, PLAIN_GATEWAY, ECHO = "tfgate", "fastapi_grpc", "fastapi_echo"
FRAMEWORKS = ("bentoml", "litserve", "ray", "mlserver", "kserve")
PEERS = (PLAIN_GATEWAY, "fastapi_tensorflow", *FRAMEWORKS)

Measured = tuple[float, str] | None  # a value, and against what; None if something was not measured


def rate_over_best(
    workload: str, rivals: Sequence[str], connections: int = 32
) -> Callable[[Figures], Measured]:
    """Compare good answers a second with those of the fastest of the rivals."""

    def measure(figures: Figures) -> Measured:
        ours = figures.of(TFGATE, workload, connections)
        theirs = {
            name: figure for name in rivals if (figure := figures.of(name, workload, connections))
        }
        if ours is None or not theirs:
            return None
        best = max(theirs, key=lambda name: theirs[name].good_per_second)
        return ours.good_per_second / theirs[best].good_per_second, best

    return measure


def rate_over(ours: str, workload: str, theirs: str) -> Callable[[Figures], Measured]:
    """Compare one system's good answers a second, of 32 at once, with another's."""

    def measure(figures: Figures) -> Measured:
        measured = [figures.of(each, workload, 32) for each in (ours, theirs)]
        return _ratio(measured, theirs, lambda figure: figure.good_per_second)

    return measure


def own_time_over(ours: str, workload: str, theirs: str) -> Callable[[Figures], Measured]:
    """Compare the processor time that the gateways themselves use for an answer."""

    def measure(figures: Figures) -> Measured:
        measured = [figures.of(each, workload, 32) for each in (ours, theirs)]
        return _ratio(measured, theirs, lambda figure: figure.cpu_ms)

    return measure


def _ratio(
    measured: list[Figure | None], against: str, value: Callable[[Figure], float]
) -> Measured:
    ours, theirs = measured
    return None if ours is None or theirs is None else (value(ours) / value(theirs), against)


def tail_over_best(figures: Figures) -> Measured:
    ours = figures.of(TFGATE, "house", 32)
    theirs = {name: each.p99_ms for name in PEERS if (each := figures.of(name, "house", 32))}
    if ours is None or not theirs:
        return None
    best = min(theirs, key=lambda name: theirs[name])
    return ours.p99_ms / theirs[best], best


def added_to_bare_call(workload: str) -> Callable[[Figures], Measured]:
    def measure(figures: Figures) -> Measured:
        ours, bare = figures.of(TFGATE, workload, 1), figures.bare_call_p50_ms(workload)
        return None if ours is None or bare is None else (ours.p50_ms - bare, f"{bare:.2f} ms")

    return measure


def embedded_above_session(figures: Figures) -> Measured:
    measured = figures.embedded_call_ms()
    if measured is None:
        return None
    call, session = measured
    return call - session, f"{session:.2f} ms"


def share_of_best_batch(workload: str) -> Callable[[Figures], Measured]:
    """Compare over 128 connections with the best size of batch that TensorFlow has in process."""

    def measure(figures: Figures) -> Measured:
        ours = figures.of(TFGATE, workload, 128)
        batches = figures.best_batches().get(WORKLOADS[workload].model)
        if ours is None or not batches:
            return None
        best = max(batches, key=lambda size: batches[size])
        return ours.good_per_second / batches[best], f"{batches[best]:,.0f}/s in batches of {best}"

    return measure


def latency_over_plain_gateway(figures: Figures) -> Measured:
    ours, theirs = (figures.of(name, "house", 1) for name in (TFGATE, PLAIN_GATEWAY))
    return None if ours is None or theirs is None else (ours.p50_ms / theirs.p50_ms, PLAIN_GATEWAY)


def goodput_over_peak(system: str, workload: str, share: float) -> Callable[[Figures], Measured]:
    def measure(figures: Figures) -> Measured:
        points = figures.overload(system, workload)
        if share not in points:
            return None
        peak = max(points.values(), key=lambda point: point.outcome.good_per_second)
        ratio = points[share].outcome.good_per_second / peak.outcome.good_per_second
        return ratio, f"peak at {peak.share:.0%}"

    return measure


def goodput_over_bound(workload: str, share: float) -> Callable[[Figures], Measured]:
    """Compare goodput with what is left of the peak if each refused request must be read."""

    def measure(figures: Figures) -> Measured:
        point = figures.overload(TFGATE, workload).get(share)
        reached = goodput_over_peak(TFGATE, workload, share)(figures)
        if point is None or point.costs is None or reached is None:
            return None
        (ratio, peak), bound = reached, point.costs.bound(share)
        return ratio / bound, f"{bound:.2f} of the {peak}"

    return measure


def tail_under_overload(workload: str) -> Callable[[Figures], Measured]:
    def measure(figures: Figures) -> Measured:
        points = figures.overload(TFGATE, workload)
        accepted = [
            points[share].outcome.statuses.get(200) for share in (0.8, 2.0) if share in points
        ]
        if len(accepted) != 2 or accepted[0] is None or accepted[1] is None:
            return None
        return accepted[1].p99_ms / accepted[0].p99_ms, f"{accepted[0].p99_ms:.1f} ms at 80 %"

    return measure


def resident_mb(figures: Figures) -> Measured:
    sizes = figures.resident_mb(TFGATE)
    return (sizes[0], "after the load") if sizes else None


def ready_seconds(figures: Figures) -> Measured:
    seconds = figures.ready_seconds(TFGATE)
    return None if seconds is None else (seconds, "to the first good answer")
