"""What tfgate is to reach, as ratios within one run."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.figures import Figures
from bench.overload import OVERLOAD_WORKLOADS
from bench.ratios import (
    ECHO,
    FRAMEWORKS,
    PEERS,
    PLAIN_GATEWAY,
    TFGATE,
    Measured,
    added_to_bare_call,
    embedded_above_session,
    goodput_over_bound,
    goodput_over_peak,
    latency_over_plain_gateway,
    own_time_over,
    rate_over,
    rate_over_best,
    ready_seconds,
    resident_mb,
    share_of_best_batch,
    tail_over_best,
    tail_under_overload,
)
from bench.systems import EARLIER, EARLIER_REVISION, IN_FRONT
from bench.workloads import WORKLOADS


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


_OVERLOAD_GOALS = [
    *(
        Goal(
            f"one house: goodput at {share:.0%} of saturation / what refusals leave of the peak",
            0.9,
            goodput_over_bound("house", share),
        )
        for share in (2.0, 3.0)
    ),
    Goal(
        "one house, behind nginx: goodput at 300% of saturation / peak",
        0.9,
        goodput_over_peak(IN_FRONT[0], "house", 3.0),
    ),
    *(
        Goal(
            f"one review of 200 words: goodput at {share:.0%} of saturation / peak",
            bound,
            goodput_over_peak(TFGATE, "review200", share),
        )
        for share, bound in ((2.0, 0.95), (3.0, 0.92))
    ),
    *(
        Goal(
            f"{WORKLOADS[workload].title}: p99 of accepted at 200 % / at 80 % of saturation",
            3,
            tail_under_overload(workload),
            at_least=False,
        )
        for workload in OVERLOAD_WORKLOADS
    ),
]


GOALS = [
    Goal("one house: throughput / best Python peer", 4, rate_over_best("house", PEERS)),
    Goal(
        "one house: throughput / best of BentoML, LitServe, Ray Serve, MLServer, KServe",
        6,
        rate_over_best("house", FRAMEWORKS),
    ),
    Goal(
        "one house: throughput / plain FastAPI-to-gRPC gateway, same model server",
        3.5,
        rate_over_best("house", [PLAIN_GATEWAY]),
    ),
    *(
        Goal(
            f"one house, {connections} connections: throughput / FastAPI echo with pydantic in "
            "and out, no model",
            bound,
            rate_over_best("house", [ECHO], connections),
        )
        for connections, bound in ((32, 1.0), (128, 1.3))
    ),
    Goal(
        "one house: throughput / TensorFlow Serving's REST API in C++",
        0.6,
        rate_over_best("house", ["tf_serving_rest"]),
    ),
    Goal("batch of 100 houses: throughput / best peer", 4.4, rate_over_best("houses", PEERS)),
    *(
        Goal(f"batch of 100 houses: throughput / {title}", bound, rate_over_best("houses", [rival]))
        for rival, title, bound in (
            (EARLIER, f"tfgate, revision {EARLIER_REVISION}", 3.0),
            ("mlserver", "MLServer", 3.0),
            ("tf_serving_rest", "TensorFlow Serving's REST API in C++", 1.5),
        )
    ),
    Goal("PNG: throughput / best peer", 2.8, rate_over_best("picture", PEERS)),
    Goal("200-word review: throughput / best peer", 3.5, rate_over_best("review200", PEERS)),
    Goal("20-word review: throughput / best peer", 6, rate_over_best("review20", PEERS)),
    Goal("one house: p99 / lowest p99 of a peer", 0.2, tail_over_best, at_least=False),
    *(
        Goal(
            f"{title}, one connection: p50 above a bare gRPC call",
            bound,
            added_to_bare_call(workload),
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
        embedded_above_session,
        at_least=False,
        unit=" ms",
    ),
    Goal("one connection: p50 / plain gateway's", 1, latency_over_plain_gateway, at_least=False),
    *_OVERLOAD_GOALS,
    *(
        Goal(
            f"{title}, 128 connections: throughput / the best of TensorFlow in process",
            0.85,
            share_of_best_batch(workload),
        )
        for workload, title in (("picture", "PNG"), ("review200", "200-word review"))
    ),
    Goal("resident memory of a gateway worker", 95, resident_mb, at_least=False, unit=" MB"),
    Goal("ready after the model server is", 1, ready_seconds, at_least=False, unit=" s"),
]

# Of the other dialects, beside the typed API and beside what speaks them too.
DIALECT_GOALS = [
    Goal(
        "one house, nine binary tensors over /v2: throughput / typed API",
        0.9,
        rate_over("tfgate_v2", "house", TFGATE),
    ),
    Goal(
        "100 rows x 64 numbers, binary over /v2: gateway's own time / TF Serving's gRPC through it",
        1.3,
        own_time_over("tfgate_v2", "rows64", "tfgate_tfs_grpc"),
        at_least=False,
    ),
    Goal(
        "100 rows x 64 numbers, binary over /v2: rows a second / MLServer's, in JSON",
        5,
        rate_over("tfgate_v2", "rows64", "mlserver"),
    ),
    *(
        Goal(
            f"100 rows x 9 numbers, in rows over /v1: throughput / {title}",
            2,
            rate_over("tfgate_v1", "rows9", rival),
        )
        for rival, title in (("mlserver", "MLServer"), ("kserve", "KServe"))
    ),
    Goal(
        "one house, Open Inference over gRPC: throughput / typed API over HTTP",
        0.8,
        rate_over("tfgate_oip_grpc", "house", TFGATE),
    ),
]
