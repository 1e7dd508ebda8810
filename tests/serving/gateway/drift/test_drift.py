"""Live requests beside those of the training: counted beside the requests, told in words."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.card import Histogram, ModelCard
from serving.contract import Model, Tensors
from serving.gateway.drift.counted import LEARNED_FROM
from serving.gateway.drift.counter import MOST_REQUESTS
from serving.gateway.telemetry import drift_metrics
from serving.histograms import learn
from serving.models import MODELS
from tests.example_bodies import HOUSE
from tests.fake_model_server import FakeModelServer
from tests.fake_models import declared_models, declared_version
from tests.generic_models import generic_models
from tests.in_process import Gateway, gateway, reading

random = np.random.default_rng(0)
INCOMES = random.lognormal(1.2, 0.4, 5_000)
TRAINED = [
    learn("median_income", INCOMES),
    learn("ocean_proximity", np.array([b"INLAND"] * 60 + [b"NEAR BAY"] * 40, dtype=object)),
]


@contextmanager
def running(
    histograms: list[Histogram] = TRAINED, server: FakeModelServer | None = None, **settings: Any
) -> Iterator[Gateway]:
    """Run a gateway before a version of housing whose card has these histograms."""

    def with_histograms(card: ModelCard) -> ModelCard:
        return card.model_copy(update={"histograms": histograms})

    server = server or declared_models()
    server.models["housing"] = {1: declared_version("housing", 1, described=with_histograms)}
    with gateway(server, **settings) as tfgate:
        tfgate.wait_until_ready()
        yield tfgate


def post(tfgate: Gateway, houses: list[dict[str, Any]], model: str = "housing") -> None:
    for start in range(0, len(houses), 128):
        document = {"instances": houses[start : start + 128]}
        answer = tfgate.client.post(f"/predict/{model}/batch", json=document)
        assert answer.is_success, answer.text


def houses(num: int, times: float = 1.0) -> list[dict[str, Any]]:
    incomes = np.random.default_rng(1).choice(INCOMES, num) * times
    return [
        {
            **HOUSE,
            "median_income": float(income),
            "ocean_proximity": "INLAND" if number % 5 < 3 else "NEAR BAY",
        }
        for number, income in enumerate(incomes)
    ]


def drift(tfgate: Gateway, model: str = "housing", rows: int = 0) -> dict[str, Any]:
    """Ask for the drift once so many rows are counted."""

    def told() -> dict[str, Any]:
        return dict(tfgate.client.get(f"/models/{model}/drift").json())

    def are_counted() -> bool:
        return any(
            each["periods"]["1h"]["rows"] >= rows
            for version in told()["versions"]
            for each in version["quantities"]
        )

    if rows:
        tfgate.wait_until(are_counted, "the count")
    return told()


def quantity(told: dict[str, Any], name: str) -> dict[str, Any]:
    [version] = told["versions"]
    return next(each for each in version["quantities"] if each["quantity"] == name)


def test_requests_like_those_of_the_training_have_not_drifted() -> None:
    with running() as tfgate:
        post(tfgate, houses(3_840))
        told = drift(tfgate, rows=3_840)
    assert told["reading"] == "nothing has drifted within 24h, on 3,840 rows"
    income = quantity(told, "median_income")
    assert income["training_rows"] == 5_000
    for period in ("1h", "24h"):
        now = income["periods"][period]
        assert (now["rows"], now["state"]) == (3_840, "as in training")
        assert now["shares"][:-1] == pytest.approx([0.1] * 10, abs=0.04)
    assert [point["rows"] for point in income["points"]] == [3_840]


@pytest.mark.parametrize(("times", "side"), [(1.5, "higher"), (0.6, "lower")])
def test_what_has_moved_is_told_with_its_side(times: float, side: str) -> None:
    with running() as tfgate:
        post(tfgate, houses(3_840, times))
        told = drift(tfgate, rows=3_840)
    assert "within 1h, version 1: median_income has drifted, by an index of " in told["reading"]
    assert f" on 3,840 rows: {side}, most of all " in told["reading"]
    assert quantity(told, "median_income")["periods"]["1h"]["p_value"] < 1e-6
    assert quantity(told, "ocean_proximity")["periods"]["1h"]["state"] == "as in training"


def test_what_has_moved_a_little_is_told_as_that() -> None:
    with running() as tfgate:
        post(tfgate, houses(3_840, times=1.11))
        told = drift(tfgate, rows=3_840)
    now = quantity(told, "median_income")["periods"]["1h"]
    assert now["state"] == "moved"
    assert told["limits"]["moved"] <= now["index"] < told["limits"]["drifted"]
    assert "median_income has moved a little, by an index of 0.0" in told["reading"]


def test_a_category_that_was_rare_is_told() -> None:
    with running() as tfgate:
        post(tfgate, [{**house, "ocean_proximity": "ISLAND"} for house in houses(1_920)])
        told = drift(tfgate, rows=1_920)
    words = quantity(told, "ocean_proximity")["periods"]["1h"]["reading"]
    assert words.startswith("ocean_proximity has drifted, by an index of ")
    assert "rows: most of all (other): 0.0% of" in words


def test_few_rows_say_nothing() -> None:
    with running() as tfgate:
        post(tfgate, houses(50, times=3))
        told = drift(tfgate, rows=50)
    assert told["reading"] == "50 rows are too few to tell: 3,300 are the least"
    now = quantity(told, "median_income")["periods"]["1h"]
    assert (now["state"], "50 rows are too few" in now["reading"]) == ("too few rows", True)


def test_without_traffic_there_is_nothing_to_tell_and_no_model_is_no_model() -> None:
    with running() as tfgate:
        told = drift(tfgate)
        assert (told["reading"], told["versions"]) == ("nothing has been asked yet", [])
        assert tfgate.client.get("/models/nobody/drift").status_code == 404


def test_any_number_of_gateways_add_up_in_metrics() -> None:
    with running() as tfgate:
        post(tfgate, houses(128))
        told = drift(tfgate, rows=128)
        income = quantity(told, "median_income")
        for bin_, share in zip(income["bins"], income["training"], strict=True):
            labels = {"model": "housing", "version": "1", "quantity": "median_income", "bin": bin_}
            assert reading("tfgate_drift_expected_share", **labels) == share
        rows = sum(
            reading(
                "tfgate_drift_rows_total",
                model="housing",
                version="1",
                quantity="median_income",
                bin=bin_,
            )
            for bin_ in income["bins"]
        )
        assert rows >= 128


def test_each_version_is_counted_apart_in_its_own_bins() -> None:
    other = [learn("median_income", INCOMES * 2)]
    server = declared_models()
    with running(server=server) as tfgate:
        post(tfgate, houses(128))
        drift(tfgate, rows=128)
        server.models["housing"][2] = declared_version(
            "housing", 2, described=lambda card: card.model_copy(update={"histograms": other})
        )
        tfgate.wait_until(lambda: _answering(tfgate) == "2", "the new version")
        post(tfgate, houses(256))
        tfgate.wait_until(lambda: len(drift(tfgate)["versions"]) == 2, "the count")
        newest, oldest = drift(tfgate)["versions"]
    assert (newest["version"], oldest["version"]) == (2, 1)
    assert newest["quantities"][0]["bins"] != oldest["quantities"][0]["bins"]
    assert [each["quantity"] for each in newest["quantities"]] == ["median_income"]


def _answering(tfgate: Gateway) -> str:
    return str(tfgate.client.post("/predict/housing", json=HOUSE).headers["X-Model-Version"])


def test_a_model_without_histograms_learns_them_from_its_first_rows() -> None:
    with running(histograms=[]) as tfgate:
        post(tfgate, houses(LEARNED_FROM - 104))
        tfgate.wait_until(lambda: bool(drift(tfgate)["versions"]), "the first rows")
        [version] = drift(tfgate)["versions"]
        assert (version["learned"], version["quantities"]) == (True, [])
        post(tfgate, houses(104))
        tfgate.wait_until(lambda: bool(drift(tfgate)["versions"][0]["quantities"]), "the bins")
        post(tfgate, houses(3_840, times=2))
        told = drift(tfgate, rows=3_840)
    assert "median_income has drifted" in told["reading"]


def test_generic_models_are_looked_at_by_their_tensors() -> None:
    server = declared_models()
    server.models.update(generic_models().models)
    rows = [{"features": [1, 2, 3, n / 100], "kind": "oak"} for n in range(100)]
    with running(server=server) as tfgate:

        def ask(times: int) -> None:
            for _ in range(times):
                answer = tfgate.client.post("/v1/models/forest:predict", json={"instances": rows})
                assert answer.is_success

        def are_learned() -> bool:
            versions = drift(tfgate, "forest")["versions"]
            return bool(versions and versions[0]["quantities"])

        ask(LEARNED_FROM // 100)
        tfgate.wait_until(are_learned, "the bins")
        ask(7)
        told = drift(tfgate, "forest", rows=600)
    names = {each["quantity"] for each in told["versions"][0]["quantities"]}
    assert {"inputs.features.3", "inputs.kind", "inputs.kind.bytes", "outputs.score"} <= names
    assert told["versions"][0]["learned"]


def test_operators_may_say_what_the_training_had(tmp_path: Path) -> None:
    histogram = learn("median_income", INCOMES * 3).model_dump()
    (tmp_path / "housing.json").write_text(json.dumps([histogram]))
    with running(histograms=[], drift_histograms=tmp_path) as tfgate:
        post(tfgate, houses(3_840))
        told = drift(tfgate, rows=3_840)
    assert "rows: lower, most of all" in told["reading"]


def test_operators_may_have_nothing_counted(tmp_path: Path) -> None:
    (tmp_path / "housing.json").write_text("[]")
    with running(histograms=[], drift_histograms=tmp_path) as tfgate:
        post(tfgate, houses(LEARNED_FROM + 1))
        tfgate.wait_until(lambda: bool(drift(tfgate)["versions"]), "the first rows")
        [version] = drift(tfgate)["versions"]
    assert (version["learned"], version["learned_from"], version["quantities"]) == (False, 0, [])


def test_an_answer_of_which_only_a_part_was_wanted_is_not_counted() -> None:
    tensors = MODELS["housing"].preprocess([MODELS["housing"].example])
    inputs = [
        {
            "name": name,
            "shape": [1],
            "datatype": "BYTES" if array.dtype == object else "FP32",
            "data": [each.decode() if isinstance(each, bytes) else each for each in array.tolist()],
        }
        for name, array in tensors.items()
    ]
    skipped = counted("unreadable")
    with running() as tfgate:
        for outputs in ([{"name": "price"}], []):
            document = {"inputs": inputs, "outputs": outputs}
            answer = tfgate.client.post("/v2/models/housing/infer", json=document)
            assert answer.is_success, answer.text
        told = drift(tfgate, rows=1)
    assert quantity(told, "median_income")["periods"]["1h"]["rows"] == 1
    assert skipped() == 0


def test_a_file_that_cannot_be_used_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "housing.json").write_text("[{}")
    with running(histograms=[], drift_histograms=tmp_path) as tfgate:
        post(tfgate, houses(10))
        tfgate.wait_until(lambda: bool(drift(tfgate)["versions"]), "the first rows")
    assert "housing.json cannot be used" in caplog.text


def test_what_cannot_be_measured_costs_no_answer_and_is_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(_inputs: Tensors, _outputs: Tensors) -> Tensors:
        raise ZeroDivisionError

    housing: Model[Any, Any] = replace(MODELS["housing"], measure=wrong)
    monkeypatch.setitem(MODELS, "housing", housing)
    skipped = counted("unreadable")
    with running() as tfgate:
        post(tfgate, houses(10))
        tfgate.wait_until(lambda: skipped() == 1, "the count")
    assert "what was measured of housing cannot be read" in caplog.text


def test_too_many_at_once_are_not_looked_at_and_counted() -> None:
    skipped = counted("crowd")
    with running() as tfgate:
        visitors = [tfgate.ask("/predict/housing", HOUSE) for _ in range(MOST_REQUESTS + 9)]
        for visitor in visitors:
            assert visitor.response().status_code in {200, 429}
        told = drift(tfgate, rows=1)
    rows = quantity(told, "median_income")["periods"]["1h"]["rows"]
    assert 0 < rows <= MOST_REQUESTS + 9
    assert skipped() >= 0


def counted(reason: str) -> Callable[[], float]:
    drift_metrics.initialise()
    before = reading("tfgate_drift_skipped_requests_total", reason=reason)
    return lambda: reading("tfgate_drift_skipped_requests_total", reason=reason) - before
