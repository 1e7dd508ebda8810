"""Every metric of the gateway; label values come from the registry or from our own errors."""

import os
import time
from collections import defaultdict, deque
from collections.abc import Collection, Iterable
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Counter, Gauge, Histogram, Metric

from serving.errors import (
    HeadersTooLarge,
    MalformedRequest,
    RequestTimeout,
    Unimplemented,
    UnmetExpectation,
    UnsupportedHttpVersion,
    all_errors,
)

# The stages of a prediction, in the order in which a request passes them.
STAGES = ("read", "validate", "preprocess", "queue", "rpc", "postprocess")
READ, VALIDATE, PREPROCESS, QUEUE, RPC, POSTPROCESS = STAGES
SHED_REASONS = ("bound", "limit")
SHED_BY_BOUND, SHED_BY_LIMIT = SHED_REASONS
RETRY_REASONS = ("alone", "version-gone", "candidate-failed")
RETRIED_ALONE, RETRIED_VERSION_GONE, RETRIED_STABLE = RETRY_REASONS
VERSION_STATES = ("start", "loading", "available", "unloading", "failed")
KEY_OUTCOMES = ("accepted", "rate-limited", "forbidden", "expired")
KEY_ACCEPTED, KEY_RATE_LIMITED, KEY_FORBIDDEN, KEY_EXPIRED = KEY_OUTCOMES
DROP_REASONS = ("crowd", "store")
DROPPED_BY_CROWD, DROPPED_BY_STORE = DROP_REASONS
# How a request came to its version: it names none, and the release decides; or it names one.
ROUTES = ("stable", "candidate", "pinned")
STABLE, CANDIDATE, PINNED = ROUTES
SHADOW = "shadow"  # the role of a version that is asked, and never heard
COPY_OUTCOMES = ("ok", "failed", "dropped-busy", "dropped-bound")
COPY_OK, COPY_FAILED, COPY_DROPPED_BUSY, COPY_DROPPED_BOUND = COPY_OUTCOMES
DISTANCES = ("total-variation", "relative-difference")
TOTAL_VARIATION, RELATIVE_DIFFERENCE = DISTANCES
RELEASE_OUTCOMES = ("ok", "failed")
UNKNOWN_MODEL = "unknown"
NO_VERSION = "none"
_REFUSALS = (
    *(HeadersTooLarge, MalformedRequest, RequestTimeout),
    *(Unimplemented, UnmetExpectation, UnsupportedHttpVersion),
)
OK = "ok"
# Of a version that is no longer served: time for the last counts to be scraped, and looked at.
_KEPT_SECONDS = 600
# Among several workers: prometheus_client counts in files then, from which nothing can be removed.
_IN_FILES = "PROMETHEUS_MULTIPROC_DIR" in os.environ

# From a tenth of a millisecond, a cached house, to the default deadline.
SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


# The seconds of a request, its instances, and the seconds of each stage; what is not there is NaN.
Row = tuple[float, ...]


class BlockHistogram(Histogram):
    """Takes a block of values at once, and tells its counts, both without the package's interface.

    It was asked for one more than once, and refused: prometheus/client_python#734 and #1124. The
    two attributes are not public; a test holds this against as many single observations.
    """

    def collect(self) -> Iterable[Metric]:
        flush()
        return super().collect()

    def observe_all(self, values: NDArray[np.float64]) -> None:
        """Observe values, of which NaN is none."""
        values = values[~np.isnan(values)]
        fitting = np.searchsorted(self._upper_bounds, values)  # the first that is not less
        for bucket, count in enumerate(np.bincount(fitting).tolist()):
            if count:
                self._buckets[bucket].inc(count)
        self._sum.inc(values.sum().item())

    def counts(self) -> list[float]:
        """Tell how many values this process has observed in each bucket."""
        return [bucket.get() for bucket in self._buckets]

    def total(self) -> float:
        """Tell what the values add up to."""
        total: float = self._sum.get()
        return total


def counted(counter: Counter) -> float:
    """Tell how far a counter is in this process, which it does not tell but to a registry."""
    value: float = counter._value.get()
    return value


REQUESTS = Counter(
    "tfgate_requests_total",
    "Prediction requests answered; outcome is ok or the code of the problem.",
    ["model", "version", "outcome"],
)
REQUEST_SECONDS = BlockHistogram(
    "tfgate_request_seconds",
    "Time from the request's first byte to the answer's last; requests that were shed left out.",
    ["model", "version"],
    buckets=SECONDS,
)
STAGE_SECONDS = BlockHistogram(
    "tfgate_stage_seconds",
    "Time that a prediction spent in each stage; queue is the wait for a call of the model server.",
    ["model", "version", "stage"],
    buckets=SECONDS,
)
INSTANCES = BlockHistogram(
    "tfgate_request_instances",
    "Instances per prediction request.",
    ["model", "version"],
    buckets=COUNTS,
)
CALL_ROWS = BlockHistogram(
    "tfgate_call_rows",
    "Rows per answered call of the model server: the instances of requests that shared it.",
    ["model", "version"],
    buckets=COUNTS,
)
IN_FLIGHT = Gauge(
    "tfgate_requests_in_flight",
    "Prediction requests in progress.",
    ["model"],
    multiprocess_mode="livesum",
)
CALLS_IN_FLIGHT = Gauge(
    "tfgate_calls_in_flight",
    "Calls of the model server that are out.",
    ["model"],
    multiprocess_mode="livesum",
)
CALLS_LIMIT = Gauge(
    "tfgate_calls_limit",
    "Calls of one version that may be out at once; it follows what pays most.",
    ["model"],
    multiprocess_mode="livesum",
)
ROWS_LIMIT = Gauge(
    "tfgate_call_rows_limit",
    "Rows that requests may share a call with; it follows the time that calls take.",
    ["model"],
    multiprocess_mode="livemax",
)
LIMIT = Gauge(
    "tfgate_requests_limit",
    "Prediction requests that may be at work at once; it follows the model server's latency.",
    ["model"],
    multiprocess_mode="livesum",
)
SHED = Counter(
    "tfgate_requests_shed_total",
    "Prediction requests refused with 429: over the worker's bound, or over the model's limit.",
    ["model", "reason"],
)
RETRIES = Counter(
    "tfgate_retries_total",
    "Requests sent again: alone after the call that they shared had failed, or because the version "
    "had just gone, or of the stable version because the candidate had failed. "
    "What gRPC repeats by itself is not seen here.",
    ["model", "reason"],
)

LOOP_LAG = Gauge(
    "tfgate_loop_lag_seconds",
    "How late the event loop was when it last looked, ten times a second; of several workers, "
    "the latest.",
    multiprocess_mode="livemax",
)
REFUSED_HEADS = Counter(
    "tfgate_refused_heads_total",
    "Requests refused before they could be told apart, by the code of the problem.",
    ["outcome"],
)
KEY_REQUESTS = Counter(
    "tfgate_key_requests_total",
    "Requests with an API key that is known, by the name of the key and what came of it.",
    ["key", "outcome"],
)
KEYS_FILE_VALID = Gauge(
    "tfgate_keys_file_valid",
    "0 while the file of API keys cannot be used, and the keys read from it before go on to count.",
    multiprocess_mode="livemin",
)
RATES_UNSHARED = Gauge(
    "tfgate_rates_unshared",
    "1 while the store that gateways share cannot be asked, and each process counts the keys' "
    "rates for itself.",
    multiprocess_mode="livemax",
)

MODEL_READY = Gauge(
    "tfgate_model_ready",
    "1 if the model can answer and its live signature is the declared one, as /readyz says.",
    ["model"],
    multiprocess_mode="livemin",
)
MODEL_EXPECTED = Gauge(
    "tfgate_model_expected",
    "1 if the settings name the model, or the model server has listed it; 0 if it was declared, "
    "and nobody misses it.",
    ["model"],
    multiprocess_mode="livemax",
)
UNREADY_VERSIONS = Gauge(
    "tfgate_model_unready_versions",
    "Versions that are AVAILABLE but failed the question that each is asked before its traffic.",
    ["model"],
    multiprocess_mode="livemostrecent",
)
MODEL_VERSIONS = Gauge(
    "tfgate_model_versions",
    "Versions that the model server told of last, by state; failed ones ended with an error.",
    ["model", "state"],
    multiprocess_mode="livemostrecent",
)
FAILED_VERSIONS = Gauge(
    "tfgate_model_failed_versions",
    "Versions that the model server failed to load or run, by the gRPC code of the reason.",
    ["model", "code"],
    multiprocess_mode="livemostrecent",
)
STORE_UP = Gauge(
    "tfgate_store_up",
    "0 while the store of feedback cannot be used: predictions go on, and feedback is refused.",
    multiprocess_mode="livemin",
)
FEEDBACK = Counter(
    "tfgate_feedback_total",
    "Truths joined to answers of a version, by the route on which requests came to it; outcome is "
    "correct or wrong of a label, covered, missed or number of a number with or without interval.",
    ["model", "version", "route", "outcome"],
)
FEEDBACK_SQUARED_ERROR = Counter(
    "tfgate_feedback_squared_error_total",
    "Squared errors of the numbers whose truths were joined; over their count, the squared RMSE.",
    ["model", "version", "route"],
)
FEEDBACK_CONFIDENCE = Counter(
    "tfgate_feedback_confidence_total",
    "Scores of the labels whose truths were joined, by tenths of the score: less those correct, "
    "without its sign, summed over the bins and divided by their count, the calibration error.",
    ["model", "version", "route", "bin"],
)
FEEDBACK_CORRECT = Counter(
    "tfgate_feedback_correct_total",
    "Labels that were right among those of tfgate_feedback_confidence_total.",
    ["model", "version", "route", "bin"],
)
FEEDBACK_DROPPED = Counter(
    "tfgate_feedback_dropped_total",
    "Answers that no feedback can be joined to: too many came at once, or the store was away for "
    "too long.",
    ["reason"],
)
VERSION_DROPPED = Gauge(
    "tfgate_version_dropped",
    "1 once a version's series are to be shown no more, or, of version none, all of a model's; of "
    "several workers' files alone.",
    ["model", "version"],
    multiprocess_mode="mostrecent",
)
_OF_FEEDBACK = (FEEDBACK, FEEDBACK_SQUARED_ERROR, FEEDBACK_CONFIDENCE, FEEDBACK_CORRECT)
RELEASES_VALID = Gauge(
    "tfgate_releases_valid",
    "0 while the file of releases cannot be used, and those read from it before go on to count.",
    multiprocess_mode="livemin",
)
RELEASE_SHARE = Gauge(
    "tfgate_release_share",
    "Share of the callers that goes to the candidate, 0 to 1; of several workers, the least.",
    ["model", "version"],
    multiprocess_mode="livemin",
)
RELEASE_TAKEN_BACK = Gauge(
    "tfgate_release_taken_back",
    "1 once the guard has taken back the candidate's share, in one worker at least.",
    ["model", "version"],
    multiprocess_mode="livemax",
)
RELEASE_WAITING = Gauge(
    "tfgate_release_waiting",
    "1 while the candidate's share does not begin, because a version is not ready.",
    ["model", "version"],
    multiprocess_mode="livemax",
)
RELEASE_GAUGES = (RELEASE_SHARE, RELEASE_TAKEN_BACK, RELEASE_WAITING)
RELEASE_REQUESTS = Counter(
    "tfgate_release_requests_total",
    "Requests to a model with a release that named no version, by the version that was asked first "
    "and whether it answered.",
    ["model", "version", "route", "outcome"],
)
RELEASE_SECONDS = Histogram(
    "tfgate_release_seconds",
    "Time that a version took for such a request, with the wait for a call.",
    ["model", "version", "route"],
    buckets=SECONDS,
)
COPIES = Counter(
    "tfgate_copies_total",
    "Requests that a version was asked as well, for nobody who waits, by its role; those that were "
    "dropped came while the gateway was busy, or over the bound of copies.",
    ["model", "version", "role", "outcome"],
)
COPY_SECONDS = BlockHistogram(
    "tfgate_copy_seconds",
    "Time that a version took for copies, which share calls; once for each of them.",
    ["model", "version", "role"],
    buckets=SECONDS,
)
COMPARED_ROWS = Counter(
    "tfgate_compared_rows_total",
    "Rows of which two versions' answers were compared: the shadow's, or the candidate's, with "
    "stable's.",
    ["model", "version", "role"],
)
DISAGREEING_ROWS = Counter(
    "tfgate_disagreeing_rows_total",
    "Compared rows whose answers are farther apart than the guard's tolerance.",
    ["model", "version", "role"],
)
COMPARED_LABELS = Counter(
    "tfgate_compared_labels_total",
    "Compared rows that have a label: a class of the highest score, a text or a whole number.",
    ["model", "version", "role"],
)
AGREEING_LABELS = Counter(
    "tfgate_agreeing_labels_total",
    "Compared rows that have the same label.",
    ["model", "version", "role"],
)
ANSWER_DISTANCE = BlockHistogram(
    "tfgate_answer_distance",
    "How far apart compared rows are: the total variation of scores, or the relative difference of "
    "other numbers; where there is none, as to NaN, it is left out.",
    ["model", "version", "role", "distance"],
    buckets=(0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1),
)
_OF_COPIES = (
    *(COPIES, COPY_SECONDS, ANSWER_DISTANCE),
    *(COMPARED_ROWS, DISAGREEING_ROWS, COMPARED_LABELS, AGREEING_LABELS),
)
_OF_VERSIONS = (
    *(REQUESTS, REQUEST_SECONDS, STAGE_SECONDS, INSTANCES, CALL_ROWS),
    *_OF_FEEDBACK,
)
_OF_RELEASES = (*RELEASE_GAUGES, RELEASE_REQUESTS, RELEASE_SECONDS, *_OF_COPIES)
_OF_MODELS = (
    *_OF_VERSIONS,
    *_OF_RELEASES,
    *(IN_FLIGHT, CALLS_IN_FLIGHT, CALLS_LIMIT, ROWS_LIMIT, LIMIT, SHED, RETRIES),
    *(MODEL_READY, MODEL_EXPECTED, UNREADY_VERSIONS, MODEL_VERSIONS, FAILED_VERSIONS),
)


class VersionMetrics:
    """The series of one version, looked up once; NO_VERSION stands for requests that failed.

    `gone_since` is when it was found to be no longer served, by time.monotonic().
    """

    def __init__(self, model: str, version: str) -> None:
        self.labels = (model, version)
        self.ok = REQUESTS.labels(model, version, OK)
        self.seconds = REQUEST_SECONDS.labels(model, version)
        self.instances = INSTANCES.labels(model, version)
        self.call_rows = CALL_ROWS.labels(model, version)
        self.stage_seconds = {
            stage: STAGE_SECONDS.labels(model, version, stage) for stage in STAGES
        }
        self.gone_since: float | None = None


class _Series(dict[tuple[str, int | None], VersionMetrics]):
    def __missing__(self, key: tuple[str, int | None]) -> VersionMetrics:
        model, version = key
        label = NO_VERSION if version is None else str(version)
        series = self[key] = VersionMetrics(model, label)
        if _IN_FILES:
            VERSION_DROPPED.labels(model, label).set(0)
        return series


# What `flush` is to count. Single observations took 12 % of the instructions of a request.
UNCOUNTED: deque[tuple[VersionMetrics, Row]] = deque()
_COUNTING = Lock()  # the metrics' own port is served by a thread


def flush() -> None:
    """Count what has gathered: for requests are counted in blocks, or when somebody looks."""
    rows: dict[VersionMetrics, list[Row]] = defaultdict(list)
    with _COUNTING:
        for _ in range(len(UNCOUNTED)):
            series, row = UNCOUNTED.popleft()
            rows[series].append(row)
        # Locked until all is counted: who looks meanwhile would miss what is in nobody's hands.
        for series, block in rows.items():
            histograms = (series.seconds, series.instances, *series.stage_seconds.values())
            for histogram, values in zip(histograms, np.array(block).T, strict=True):
                histogram.observe_all(values)


# By model and version that has answered, or None; made when they are first asked for.
SERIES = _Series()


def keep(model: str, served: Collection[int]) -> None:
    """Drop the series of a model's versions that have not been among those served for a while."""
    now = time.monotonic()
    for (name, version), series in list(SERIES.items()):
        if name != model or version is None:
            continue
        if version in served:
            series.gone_since = None
            continue
        if series.gone_since is None:
            series.gone_since = now
        if now - series.gone_since >= _KEPT_SECONDS:
            del SERIES[name, version]
            _drop(name, str(version))


def _drop(model: str, version: str) -> None:
    if _IN_FILES:
        VERSION_DROPPED.labels(model, version).set(1)
        return
    for metric in (*_OF_VERSIONS, *_OF_RELEASES):
        metric.remove_by_labels({"model": model, "version": version})


def initialise() -> None:
    """Create every series of no model that can be foreseen: each exists at zero from the start."""
    KEYS_FILE_VALID.set(1)
    STORE_UP.set(1)
    for reason in DROP_REASONS:
        FEEDBACK_DROPPED.labels(reason)
    RELEASES_VALID.set(1)
    RATES_UNSHARED.set(0)
    for refusal in _REFUSALS:
        REFUSED_HEADS.labels(refusal.code)
    for error in all_errors():
        REQUESTS.labels(UNKNOWN_MODEL, NO_VERSION, error.code)
    SHED.labels(UNKNOWN_MODEL, SHED_BY_BOUND)


def initialise_model(model: str) -> None:
    """Create every series of a model that can be foreseen."""
    _ = SERIES[model, None]
    for error in all_errors():
        REQUESTS.labels(model, NO_VERSION, error.code)
    for gauge in (IN_FLIGHT, CALLS_IN_FLIGHT, CALLS_LIMIT, ROWS_LIMIT, LIMIT):
        gauge.labels(model)
    # Set, for a name that comes back finds what its last time left in a worker's file.
    for gauge in (MODEL_READY, MODEL_EXPECTED, UNREADY_VERSIONS):
        gauge.labels(model).set(0)
    for state in VERSION_STATES:
        MODEL_VERSIONS.labels(model, state)
    for reason in SHED_REASONS:
        SHED.labels(model, reason)
    for reason in RETRY_REASONS:
        RETRIES.labels(model, reason)


def forget(model: str) -> None:
    """Drop every series of a model that is served no more."""
    for name, version in [key for key in SERIES if key[0] == model]:
        del SERIES[name, version]
        if _IN_FILES:
            VERSION_DROPPED.labels(model, NO_VERSION if version is None else str(version)).set(1)
    if not _IN_FILES:
        for metric in _OF_MODELS:
            metric.remove_by_labels({"model": model})
        return
    # Another worker may learn the name again: what stays in this one's file says nothing then.
    MODEL_READY.labels(model).set(1)
    for gauge in (CALLS_LIMIT, ROWS_LIMIT, LIMIT):
        gauge.labels(model).set(0)
