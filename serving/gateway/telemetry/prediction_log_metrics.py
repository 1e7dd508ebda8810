"""Metrics of the prediction log."""

from prometheus_client import Counter

OUTCOMES = ("written", "dropped-crowd", "dropped-target", "dropped-refused", "dropped-stop")
WRITTEN, DROPPED_BY_CROWD, DROPPED_BY_TARGET, DROPPED_BY_REFUSAL, DROPPED_BY_STOP = OUTCOMES

REQUESTS = Counter(
    "tfgate_prediction_log_requests",
    "Requests for the prediction log: written, or dropped as too many wait, as it takes none, as "
    "it refuses these, or as the gateway stops",
    ("outcome",),
)


def initialise() -> None:
    """Begin at zero what can be counted at any time."""
    for outcome in OUTCOMES:
        REQUESTS.labels(outcome)
