"""Metrics of drift: counts by bin, from any number of gateways, and what the training had."""

import os

from prometheus_client import Counter, Gauge

_IN_FILES = "PROMETHEUS_MULTIPROC_DIR" in os.environ
_LABELS = ("model", "version", "quantity", "bin")
SKIP_REASONS = ("crowd", "unreadable")
SKIPPED_BY_CROWD, SKIPPED_UNREADABLE = SKIP_REASONS

ROWS = Counter(
    "tfgate_drift_rows",
    "Rows of requests and answers, by the bin that a quantity of them lies in",
    _LABELS,
)
EXPECTED = Gauge(
    "tfgate_drift_expected_share",
    "Share of the rows that the bin had in training",
    _LABELS,
    multiprocess_mode="livemax",
)
TRAINING_ROWS = Gauge(
    "tfgate_drift_training_rows",
    "Rows that the shares of training were counted of",
    _LABELS[:3],
    multiprocess_mode="livemax",
)
SKIPPED = Counter(
    "tfgate_drift_skipped_requests",
    "Requests that were not looked at: too many came, or what was measured cannot be read",
    ("reason",),
)


def initialise() -> None:
    """Begin at zero what can be counted at any time."""
    for reason in SKIP_REASONS:
        SKIPPED.labels(reason)


def forget(model: str, version: int) -> None:
    """Drop the series of a version that is served no more; what workers have in files stays."""
    if _IN_FILES:
        return
    for metric in (ROWS, EXPECTED, TRAINING_ROWS):
        metric.remove_by_labels({"model": model, "version": str(version)})
