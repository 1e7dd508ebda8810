"""Every metric of the gateway; label values come from the registry or from our own errors."""

from prometheus_client import Counter, Gauge, Histogram

from serving.errors import all_errors
from serving.models import MODELS

STAGES = ("read", "validate", "preprocess", "rpc", "postprocess")
UNKNOWN_MODEL = "unknown"
NO_VERSION = "none"

# From a tenth of a millisecond, a cached house, to the default deadline.
_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128)

REQUESTS = Counter(
    "tfgate_requests_total",
    "Prediction requests answered; outcome is ok or the code of the problem.",
    ["model", "version", "outcome"],
)
REQUEST_SECONDS = Histogram(
    "tfgate_request_seconds",
    "Time from the request's first byte to the answer's last.",
    ["model"],
    buckets=_SECONDS,
)
STAGE_SECONDS = Histogram(
    "tfgate_stage_seconds",
    "Time that a prediction spent in each stage.",
    ["model", "stage"],
    buckets=_SECONDS,
)
INSTANCES = Histogram(
    "tfgate_request_instances", "Instances per prediction request.", ["model"], buckets=_COUNTS
)
IN_FLIGHT = Gauge(
    "tfgate_requests_in_flight",
    "Prediction requests in progress.",
    ["model"],
    multiprocess_mode="livesum",
)


def initialise() -> None:
    """Create every series that can be foreseen, so that each exists at zero from the start."""
    for model in (*MODELS, UNKNOWN_MODEL):
        for error in all_errors():
            REQUESTS.labels(model, NO_VERSION, error.code)
    for model in MODELS:
        REQUEST_SECONDS.labels(model)
        INSTANCES.labels(model)
        IN_FLIGHT.labels(model)
        for stage in STAGES:
            STAGE_SECONDS.labels(model, stage)
