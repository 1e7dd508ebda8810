"""GET /models/{model}/load: what is asked of a model now, its limits, and its last minute."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from serving.gateway.api.load import _seconds_at
from serving.gateway.telemetry import metrics
from serving.models import MODELS
from tests.example_bodies import HOUSE
from tests.faults import Hold
from tests.generic_models import generic_models
from tests.in_process import Gateway, gateway

LIMIT = 8  # of a model; the smallest that there is
NOTHING = {
    "requests": 0,
    "failed": 0,
    "shed": {"bound": 0, "limit": 0},
    "p50_seconds": None,
    "p90_seconds": None,
    "p99_seconds": None,
    "calls": 0,
    "mean_rows": None,
}


@pytest.fixture
def tfgate() -> Iterator[Gateway]:
    with gateway(max_requests_per_model=LIMIT, max_calls_in_flight=1) as tfgate:
        tfgate.wait_until_ready()
        yield tfgate


def load(tfgate: Gateway, model: str = "housing") -> dict[str, Any]:
    answer = tfgate.client.get(f"/models/{model}/load")
    assert answer.is_success, answer.text
    document: dict[str, Any] = answer.json()
    return document


def sizes(told: dict[str, Any]) -> dict[int | None, int]:
    """The calls by their size, those of which there were none left out."""
    each = told["last_minute"]["call_sizes"]
    return {size["rows"]: size["calls"] for size in each if size["calls"]}


def test_a_model_that_nobody_asks_is_idle(tfgate: Gateway) -> None:
    told = load(tfgate)

    assert told["model"] == "housing"
    requests = {"at_work": 0, "queued": 0, "limit": LIMIT, "most": LIMIT, "waiting_share": 0}
    assert told["requests"] == requests
    rows = MODELS["housing"].max_call_rows
    assert told["calls"] == {"out": 0, "limit": 1, "rows_limit": rows}
    minute = told["last_minute"]
    assert 0 <= minute.pop("seconds") < 60
    assert sum(each["calls"] for each in minute.pop("call_sizes")) == 0
    assert minute == NOTHING


def test_what_is_at_work_waits_or_is_refused_is_told(tfgate: Gateway) -> None:
    hold = tfgate.server.faults["housing"] = Hold()
    inside = [tfgate.ask("/predict/housing", HOUSE) for _ in range(LIMIT)]
    tfgate.wait_until_inside(LIMIT)
    tfgate.wait_until(lambda: load(tfgate)["requests"]["queued"] == LIMIT - 1, "a queue")
    for _ in range(3):
        assert tfgate.ask("/predict/housing", HOUSE).answer().status == 429

    told = load(tfgate)

    assert (told["requests"]["at_work"], told["calls"]["out"]) == (LIMIT, 1)
    assert told["last_minute"]["shed"] == {"bound": 0, "limit": 3}
    assert told["last_minute"]["requests"] == 0, "nothing was answered yet"

    hold.release()
    assert [visitor.answer().status for visitor in inside] == [200] * LIMIT
    after = load(tfgate)
    assert (after["requests"]["at_work"], after["requests"]["queued"]) == (0, 0)
    assert after["calls"]["out"] == 0
    assert after["last_minute"]["requests"] == LIMIT
    assert load(tfgate, "image")["last_minute"]["requests"] == 0, "each model has its own"


def test_calls_beside_the_answers_are_calls_too(tfgate: Gateway) -> None:
    hold = tfgate.server.faults["housing"] = Hold()
    with_reasons = [tfgate.ask("/predict/housing?explain=true", HOUSE) for _ in range(2)]
    tfgate.wait_until(lambda: load(tfgate)["requests"]["queued"] == 1, "a queue")
    assert load(tfgate)["calls"]["out"] == 1

    hold.release()
    assert [visitor.answer().status for visitor in with_reasons] == [200] * 2
    assert load(tfgate)["calls"]["out"] == 0


def test_the_last_minute_counts_what_was_answered(tfgate: Gateway) -> None:
    tfgate.client.post("/predict/housing", json=HOUSE)
    tfgate.client.post("/predict/housing/batch", json={"instances": [HOUSE] * 5})
    tfgate.client.post("/predict/housing", json={})

    told = load(tfgate)
    minute = told["last_minute"]

    assert (minute["requests"], minute["failed"], minute["calls"]) == (3, 1, 2)
    assert minute["mean_rows"] == 3
    assert sizes(told) == {1: 1, 8: 1}
    assert 0 < minute["p50_seconds"] <= minute["p90_seconds"] <= minute["p99_seconds"] <= 5


def test_a_generic_model_has_limits_too() -> None:
    with gateway(generic_models(), generic_models="*") as tfgate:
        told = load(tfgate, "forest")

    assert told["requests"]["limit"] > 0
    assert told["last_minute"]["requests"] == 0


def test_of_a_model_that_there_is_none_of_nothing_is_told(tfgate: Gateway) -> None:
    answer = tfgate.client.get("/models/nobody/load")

    assert answer.status_code == 404
    assert "there is no model 'nobody'" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("seconds", "quantile", "estimated"),
    [
        ([0.0002] * 10, 0.5, 0.000175),  # in the middle of 0.1 to 0.25 ms
        ([0.0002, 0.2], 0.5, 0.00025),
        ([0.0002] * 99 + [0.2], 0.99, 0.00025),
        ([0.0002] * 98 + [0.2] * 2, 0.99, 0.175),
        ([60.0], 0.5, 5.0),
        ([], 0.5, None),
    ],
)
def test_a_quantile_is_estimated_within_its_bucket(
    seconds: list[float], quantile: float, estimated: float | None
) -> None:
    places = np.searchsorted(metrics.SECONDS, seconds)
    counts = np.bincount(places, minlength=len(metrics.SECONDS) + 1).astype(np.float64)

    found = _seconds_at(counts, quantile)

    assert found == (None if estimated is None else pytest.approx(estimated))
