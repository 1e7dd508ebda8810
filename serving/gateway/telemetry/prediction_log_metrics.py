"""Metrics of the prediction log."""

from prometheus_client import Counter

OUTCOMES = ("written", "dropped-crowd", "dropped-target")
WRITTEN, DROPPED_BY_CROWD, DROPPED_BY_TARGET = OUTCOMES

RECORDS = Counter(
    "tfgate_prediction_log_requests",
    "Requests for the prediction log: written, or dropped as too many came, or as it takes none",
    ("outcome",),
)


def initialise() -> None:
    """Begin at zero what can be counted at any time."""
    for outcome in OUTCOMES:
        RECORDS.labels(outcome)
