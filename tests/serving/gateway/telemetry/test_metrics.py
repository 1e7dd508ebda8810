"""What is counted of requests, by model, version and outcome, and as what it is exposed."""

import threading
import time
from collections.abc import Mapping
from functools import partial
from math import nan
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.parser import text_string_to_metric_families

from serving.errors import all_errors
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.metrics import STAGES
from serving.models import MODELS
from tests.example_bodies import HOUSE
from tests.fake_models import declared_version
from tests.in_process import Gateway, growth, reading


def test_every_foreseeable_series_exists_from_the_start(http: httpx.Client) -> None:
    text = http.get("/metrics").text
    exposed = {
        (sample.name, frozenset(sample.labels.items()))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }

    for model in MODELS:
        for stage in STAGES:
            labels = frozenset({"model": model, "version": "none", "stage": stage}.items())
            assert ("tfgate_stage_seconds_count", labels) in exposed
        for error in all_errors():
            labels = frozenset({"model": model, "version": "none", "outcome": error.code}.items())
            assert ("tfgate_requests_total", labels) in exposed


def test_requests_are_counted_by_model_version_and_outcome(http: httpx.Client) -> None:
    http.post("/predict/housing", json=HOUSE)  # from now on there are series of this version
    answered = {"model": "housing", "version": "1"}
    refused = {"model": "housing", "version": "none"}
    once = [
        growth("tfgate_requests_total", **answered, outcome="ok"),
        growth("tfgate_requests_total", **refused, outcome="invalid-input"),
        *(growth("tfgate_request_seconds_count", **labels) for labels in (answered, refused)),
        growth("tfgate_request_instances_sum", **answered),
        growth("tfgate_call_rows_sum", **answered),
    ]
    stages = {
        stage: [
            growth("tfgate_stage_seconds_count", **labels, stage=stage)
            for labels in (answered, refused)
        ]
        for stage in STAGES
    }

    http.post("/predict/housing", json=HOUSE)
    http.post("/predict/housing", json={})

    assert [grown() for grown in once] == [1] * len(once)
    counts = {stage: [grown() for grown in growths] for stage, growths in stages.items()}
    entered = {"read": [1, 1], "validate": [1, 1]}
    assert counts == {stage: entered.get(stage, [1, 0]) for stage in STAGES}


def test_a_request_cannot_invent_label_values(http: httpx.Client) -> None:
    http.post("/predict/invented", json={})
    http.post("/predict/housing?version=987654", json=HOUSE)
    http.post("/predict/housing?label=invented", json=HOUSE)

    text = http.get("/metrics").text

    assert "invented" not in text
    assert "987654" not in text


def test_nothing_is_in_flight_when_nothing_is_asked(http: httpx.Client) -> None:
    for model in MODELS:
        assert reading("tfgate_requests_in_flight", model=model) == 0


def test_versions_long_gone_leave_no_series(
    tfgate: Gateway, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown() -> set[str]:
        """Return the versions of housing that any series names."""
        return {
            sample.labels["version"]
            for family in text_string_to_metric_families(http.get("/metrics").text)
            for sample in family.samples
            if sample.labels.get("model") == "housing" and "version" in sample.labels
        }

    def serve(*versions: int) -> None:
        """Let these be the versions of housing, and wait until the newest one answers."""
        tfgate.server.models["housing"] = {
            each: declared_version("housing", each) for each in versions
        }
        tfgate.wait_until(
            lambda: http.post("/predict/housing", json=HOUSE).json().get("version") == versions[-1],
            f"version {versions[-1]}",
        )

    serve(1, 71)
    http.post("/predict/housing?version=1", json=HOUSE)
    assert shown() >= {"none", "1", "71"}
    serve(1, 72)
    assert "71" in shown(), "its last counts may not have been scraped yet"

    monkeypatch.setattr(metrics, "_KEPT_SECONDS", 0)

    tfgate.wait_until(lambda: "71" not in shown(), "the end of its series")
    assert shown() >= {"none", "1", "72"}
    serve(1, 71)
    assert reading("tfgate_requests_total", model="housing", version="71", outcome="ok") >= 1


def test_a_worker_whose_files_keep_everything_marks_what_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(metrics, "_IN_FILES", True)
    mark = partial(reading, "tfgate_version_dropped", model="housing", version="91")

    metrics.SERIES["housing", 91]
    metrics.keep("housing", {90})
    now = 500
    metrics.keep("housing", {90, 91})
    now = 1000
    metrics.keep("housing", {90})
    now = 1599
    metrics.keep("housing", {90})
    assert mark() == 0, "it has not been gone for ten minutes"

    now = 1600
    metrics.keep("housing", {90})
    assert mark() == 1

    metrics.SERIES["housing", 91]
    assert mark() == 0
    metrics.VERSION_DROPPED.clear()


BOUNDS = (0.001, 0.5, 1, 5)


def samples(histogram: Histogram) -> dict[tuple[str, str | None], float]:
    (family,) = histogram.collect()
    return {
        (sample.name, sample.labels.get("le")): sample.value
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@given(values=st.lists(st.sampled_from(BOUNDS) | st.floats(0, 10)), missing=st.integers(0, 3))
def test_a_block_counts_as_much_as_its_values_one_by_one(values: list[float], missing: int) -> None:
    def histogram() -> metrics.BlockHistogram:
        return metrics.BlockHistogram("x", "x", buckets=BOUNDS, registry=CollectorRegistry())

    single, block = histogram(), histogram()
    for value in values:
        single.observe(value)
    block.observe_all(np.array([*values, *[nan] * missing]))

    assert samples(block) == pytest.approx(samples(single))


def test_who_looks_while_a_block_is_being_counted_waits_for_the_rest_of_it() -> None:
    looking = threading.Thread(target=metrics.flush)
    has_waited: list[bool] = []

    class Slow:
        stage_seconds: Mapping[str, Any] = {}

        @property
        def seconds(self) -> "Slow":
            return self

        instances = seconds

        def observe_all(self, _values: Any) -> None:
            if not has_waited:
                looking.start()
                looking.join(0.05)  # it never ends so soon, but for a failure
                has_waited.append(looking.is_alive())

    metrics.flush()
    metrics.UNCOUNTED.append((Slow(), (1.0, 1.0)))  # type: ignore[arg-type]  # as far as is asked
    metrics.flush()
    looking.join()
    assert has_waited == [True]
