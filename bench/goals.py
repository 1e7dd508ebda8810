"""What tfgate is to reach, as ratios within one run, and how each is computed from the figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.figures import Figure, Figures
from bench.overload import OVERLOAD_WORKLOADS
from bench.systems import EARLIER
from bench.workloads import WORKLOADS

TFGATE, PLAIN_GATEWAY, ECHO = "tfgate", "fastapi_grpc", "fastapi_echo"
FRAMEWORKS = ("bentoml", "litserve", "ray", "mlserver", "kserve")
PEERS = (PLAIN_GATEWAY, "fastapi_tensorflow", *FRAMEWORKS)

Measured = tuple[float, str] | None  # a value, and against what; None if something was not measured


@dataclass(frozen=True)
class Goal:
    """A bound on one measured value."""

    what: str
    bound: float
    measure: Callable[[Figures], Measured]
    at_least: bool = True
    unit: str = ""

    def is_met(self, value: float) -> bool:
        """Judge a value, unrounded."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}{self.unit}"


def _rate_over_best(
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


def _rate_over(ours: str, workload: str, theirs: str) -> Callable[[Figures], Measured]:
    """Compare one system's good answers a second, of 32 at once, with another's."""

    def measure(figures: Figures) -> Measured:
        measured = [figures.of(each, workload, 32) for each in (ours, theirs)]
        return _ratio(measured, theirs, lambda figure: figure.good_per_second)

    return measure


def _own_time_over(ours: str, workload: str, theirs: str) -> Callable[[Figures], Measured]:
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


def _tail_over_best(figures: Figures) -> Measured:
    ours = figures.of(TFGATE, "house", 32)
    theirs = {name: each.p99_ms for name in PEERS if (each := figures.of(name, "house", 32))}
    if ours is None or not theirs:
        return None
    best = min(theirs, key=lambda name: theirs[name])
    return ours.p99_ms / theirs[best], best


def _added_to_bare_call(workload: str) -> Callable[[Figures], Measured]:
    def measure(figures: Figures) -> Measured:
        ours, bare = figures.of(TFGATE, workload, 1), figures.bare_call_p50_ms(workload)
        return None if ours is None or bare is None else (ours.p50_ms - bare, f"{bare:.2f} ms")

    return measure


def _embedded_above_session(figures: Figures) -> Measured:
    measured = figures.embedded_call_ms()
    if measured is None:
        return None
    call, session = measured
    return call - session, f"{session:.2f} ms"


def _share_of_best_batch(workload: str) -> Callable[[Figures], Measured]:
    """Compare over 128 connections with the best size of batch that TensorFlow has in process."""

    def measure(figures: Figures) -> Measured:
        ours = figures.of(TFGATE, workload, 128)
        batches = figures.best_batches().get(WORKLOADS[workload].model)
        if ours is None or not batches:
            return None
        best = max(batches, key=lambda size: batches[size])
        return ours.good_per_second / batches[best], f"{batches[best]:,.0f}/s in batches of {best}"

    return measure


def _latency_over_plain_gateway(figures: Figures) -> Measured:
    ours, theirs = (figures.of(name, "house", 1) for name in (TFGATE, PLAIN_GATEWAY))
    return None if ours is None or theirs is None else (ours.p50_ms / theirs.p50_ms, PLAIN_GATEWAY)


def _goodput_over_peak(workload: str, share: float) -> Callable[[Figures], Measured]:
    def measure(figures: Figures) -> Measured:
        points = figures.overload(TFGATE, workload)
        if share not in points:
            return None
        peak = max(points.values(), key=lambda point: point.outcome.good_per_second)
        ratio = points[share].outcome.good_per_second / peak.outcome.good_per_second
        return ratio, f"peak at {peak.share:.0%}"

    return measure


def _tail_under_overload(workload: str) -> Callable[[Figures], Measured]:
    def measure(figures: Figures) -> Measured:
        points = figures.overload(TFGATE, workload)
        accepted = [
            points[share].outcome.statuses.get(200) for share in (0.8, 2.0) if share in points
        ]
        if len(accepted) != 2 or accepted[0] is None or accepted[1] is None:
            return None
        return accepted[1].p99_ms / accepted[0].p99_ms, f"{accepted[0].p99_ms:.1f} ms at 80 %"

    return measure


def _overload_goals(workload: str) -> list[Goal]:
    title = WORKLOADS[workload].title
    return [
        *(
            Goal(
                f"{title}: goodput at {share:.0%} of saturation / peak",
                0.95,
                _goodput_over_peak(workload, share),
            )
            for share in (2.0, 3.0)
        ),
        Goal(
            f"{title}: p99 of accepted at 200 % / at 80 % of saturation",
            2,
            _tail_under_overload(workload),
            at_least=False,
        ),
    ]


def _resident_mb(figures: Figures) -> Measured:
    sizes = figures.resident_mb(TFGATE)
    return (sizes[0], "after the load") if sizes else None


def _ready_seconds(figures: Figures) -> Measured:
    seconds = figures.ready_seconds(TFGATE)
    return None if seconds is None else (seconds, "to the first good answer")


GOALS = [
    Goal("one house: throughput / best Python peer", 4, _rate_over_best("house", PEERS)),
    Goal(
        "one house: throughput / best of BentoML, LitServe, Ray Serve, MLServer, KServe",
        6,
        _rate_over_best("house", FRAMEWORKS),
    ),
    Goal(
        "one house: throughput / plain FastAPI-to-gRPC gateway, same model server",
        3.5,
        _rate_over_best("house", [PLAIN_GATEWAY]),
    ),
    *(
        Goal(
            f"one house, {connections} connections: throughput / FastAPI echo with pydantic in "
            "and out, no model",
            bound,
            _rate_over_best("house", [ECHO], connections),
        )
        for connections, bound in ((32, 1.0), (128, 1.3))
    ),
    Goal(
        "one house: throughput / TensorFlow Serving's REST API in C++",
        0.6,
        _rate_over_best("house", ["tf_serving_rest"]),
    ),
    Goal("batch of 100 houses: throughput / best peer", 4.4, _rate_over_best("houses", PEERS)),
    *(
        Goal(
            f"batch of 100 houses: throughput / {title}", bound, _rate_over_best("houses", [rival])
        )
        for rival, title, bound in (
            (EARLIER, "tfgate of a week before", 3.0),
            ("mlserver", "MLServer", 3.0),
            ("tf_serving_rest", "TensorFlow Serving's REST API in C++", 1.5),
        )
    ),
    Goal("PNG: throughput / best peer", 2.8, _rate_over_best("picture", PEERS)),
    Goal("200-word review: throughput / best peer", 3.5, _rate_over_best("review200", PEERS)),
    Goal("20-word review: throughput / best peer", 6, _rate_over_best("review20", PEERS)),
    Goal("one house: p99 / lowest p99 of a peer", 0.2, _tail_over_best, at_least=False),
    *(
        Goal(
            f"{title}, one connection: p50 above a bare gRPC call",
            bound,
            _added_to_bare_call(workload),
            at_least=False,
            unit=" ms",
        )
        for workload, title, bound in (
            ("house", "one house", 0.30),
            ("review200", "200-word review", 0.25),
        )
    ),
    Goal(
        "embedded server, a call for one house: p50 above TensorFlow's own time",
        0.25,
        _embedded_above_session,
        at_least=False,
        unit=" ms",
    ),
    Goal("one connection: p50 / plain gateway's", 1, _latency_over_plain_gateway, at_least=False),
    *(goal for workload in OVERLOAD_WORKLOADS for goal in _overload_goals(workload)),
    *(
        Goal(
            f"{title}, 128 connections: throughput / the best of TensorFlow in process",
            0.85,
            _share_of_best_batch(workload),
        )
        for workload, title in (("picture", "PNG"), ("review200", "200-word review"))
    ),
    Goal("resident memory of a gateway worker", 95, _resident_mb, at_least=False, unit=" MB"),
    Goal("ready after the model server is", 1, _ready_seconds, at_least=False, unit=" s"),
]

# Of the other dialects, beside the typed API and beside what speaks them too.
DIALECT_GOALS = [
    Goal(
        "one house, nine binary tensors over /v2: throughput / typed API",
        0.9,
        _rate_over("tfgate_v2", "house", TFGATE),
    ),
    Goal(
        "100 rows x 64 numbers, binary over /v2: gateway's own time / TF Serving's gRPC through it",
        1.3,
        _own_time_over("tfgate_v2", "rows64", "tfgate_tfs_grpc"),
        at_least=False,
    ),
    Goal(
        "100 rows x 64 numbers, binary over /v2: rows a second / MLServer's, in JSON",
        5,
        _rate_over("tfgate_v2", "rows64", "mlserver"),
    ),
    *(
        Goal(
            f"100 rows x 9 numbers, in rows over /v1: throughput / {title}",
            2,
            _rate_over("tfgate_v1", "rows9", rival),
        )
        for rival, title in (("mlserver", "MLServer"), ("kserve", "KServe"))
    ),
    Goal(
        "one house, Open Inference over gRPC: throughput / typed API over HTTP",
        0.8,
        _rate_over("tfgate_oip_grpc", "house", TFGATE),
    ),
]
