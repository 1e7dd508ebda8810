"""The prediction log: whatever is asked is found in it, and whatever becomes of it costs nobody."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from hmac import HMAC
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyarrow import parquet

from serving.gateway.prediction_log import receiver as receiving
from serving.gateway.settings import WrongSettings, read_settings
from serving.gateway.telemetry import prediction_log_metrics
from serving.models import MODELS
from tests.example_bodies import EXAMPLES, HOUSE
from tests.fake_models import declared_models
from tests.generic_models import generic_models
from tests.in_process import Gateway, gateway, growth
from tests.serving.gateway.prediction_log.receivers import receiver

REVIEW = EXAMPLES["sentiment"]


@contextmanager
def logging_to(place: object, **settings: Any) -> Iterator[Gateway]:
    """Run a gateway that logs its predictions; all of them are written once this is left."""
    server = declared_models()
    server.models.update(generic_models().models)
    with gateway(server, prediction_log=str(place), **settings) as tfgate:
        tfgate.wait_until_ready()
        yield tfgate


def counted(outcome: str) -> Callable[[], float]:
    prediction_log_metrics.initialise()
    return growth("tfgate_prediction_log_requests_total", outcome=outcome)


def lines(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_each_row_is_found_with_who_asked_and_who_answered(tmp_path: Path) -> None:
    with logging_to(tmp_path / "log") as tfgate:
        answer = tfgate.client.post(
            "/predict/housing/batch",
            json={"instances": [HOUSE, {**HOUSE, "median_income": 2.0}]},
            headers={"X-Request-ID": "mine"},
        ).json()

    records = lines(tmp_path / "log")
    assert [record["row"] for record in records] == [0, 1]
    for record, prediction in zip(records, answer["predictions"], strict=True):
        assert record["outputs"]["price"] == pytest.approx(prediction["price_usd"], abs=0.01)
        assert (record["request_id"], record["model"], record["version"]) == ("mine", "housing", 1)
        assert (record["route"], record["path"]) == ("stable", "/predict/housing/batch")
        assert record["seconds"] > 0
        assert record["inputs"] == record["explanation"] == {}
        assert pd.Timestamp(record["time"]).year >= 2026


def test_inputs_are_left_out_told_apart_or_kept_each_as_is_said(tmp_path: Path) -> None:
    ways = "*=leave-out,median_income=keep,ocean_proximity=hash,total_rooms=hash"
    key = tmp_path / "key"
    key.write_text("0123456789abcdef\n")
    settings = {"prediction_log_inputs": ways.split(","), "prediction_log_key_file": key}
    with logging_to(tmp_path / "log", **settings) as tfgate:
        tfgate.client.post("/predict/housing", json=HOUSE)
        tfgate.client.post("/predict/housing", json={**HOUSE, "total_rooms": 3001})

    first, second = lines(tmp_path / "log")
    assert first["inputs"].keys() == {"median_income", "ocean_proximity", "total_rooms"}
    assert first["inputs"]["median_income"] == pytest.approx(HOUSE["median_income"])
    assert (
        first["inputs"]["ocean_proximity"]
        == HMAC(b"0123456789abcdef", b"NEAR BAY", sha256).hexdigest()
    )
    assert first["inputs"]["total_rooms"] != second["inputs"]["total_rooms"]
    assert first["inputs"]["ocean_proximity"] == second["inputs"]["ocean_proximity"]


def test_whoever_asked_why_is_found_with_it(tmp_path: Path) -> None:
    with logging_to(tmp_path) as tfgate:
        tfgate.client.post("/predict/housing?explain=true", json=HOUSE)
    [record] = lines(tmp_path)
    explanation = record["explanation"]
    added = explanation["base"] + sum(explanation["contributions"])
    assert added == pytest.approx(record["outputs"]["price"])
    assert record["outputs"].keys() == MODELS["housing"].signature.outputs.keys()


@pytest.mark.parametrize(
    ("path", "document", "model"),
    [
        ("/v1/models/sentiment:predict", {"instances": ["good"]}, "sentiment"),
        (
            "/v2/models/sentiment/infer",
            {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["good"]}]},
            "sentiment",
        ),
        (
            "/v1/models/forest:predict",
            {"instances": [{"features": [1, 2, 3, 4], "kind": "oak"}]},
            "forest",
        ),
    ],
)
def test_all_dialects_are_logged(tmp_path: Path, path: str, document: Any, model: str) -> None:
    with logging_to(tmp_path, prediction_log_inputs=["*=keep"]) as tfgate:
        assert tfgate.client.post(path, json=document).is_success
    [record] = lines(tmp_path)
    assert (record["model"], record["path"]) == (model, path)
    assert record["inputs"].values()


def test_parquet_is_read_by_pyarrow_and_pandas(tmp_path: Path) -> None:
    with logging_to(tmp_path, prediction_log_format="parquet") as tfgate:
        for _ in range(3):
            tfgate.client.post("/predict/sentiment", json=REVIEW)
        tfgate.client.post("/predict/housing", json=HOUSE)

    assert [path.suffix for path in tmp_path.iterdir()] == [".parquet"]
    table = parquet.read_table(tmp_path)
    assert table.num_rows == 4
    frame = pd.read_parquet(tmp_path)
    assert sorted(frame["model"]) == ["housing", *["sentiment"] * 3]
    scores = frame[frame["model"] == "sentiment"]["outputs"].map(json.loads)
    assert all(sum(each["scores"]) == pytest.approx(1) for each in scores)


def test_a_target_that_takes_nothing_costs_no_answer_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    (tmp_path / "log").write_text("a file where the folder should be")
    dropped = counted("dropped-target")
    written = counted("written")
    with logging_to(tmp_path / "log") as tfgate:
        for number in range(1, 4):
            assert tfgate.client.post("/predict/housing", json=HOUSE).is_success
            tfgate.wait_until(lambda: dropped() == number, "the drop")  # noqa: B023  # called at once
        (tmp_path / "log").unlink()
        assert tfgate.client.post("/predict/housing", json=HOUSE).is_success
        tfgate.wait_until(lambda: written() == 1, "the record")
    assert caplog.text.count("predictions are not logged for now") == 1
    assert caplog.text.count("predictions are logged again") == 1
    assert len(lines(tmp_path / "log")) == 1


def test_events_are_those_of_kserve_s_logger() -> None:
    with receiver() as (url, events):
        with logging_to(url, prediction_log_inputs=["text=keep"]) as tfgate:
            tfgate.client.post("/predict/sentiment", json=REVIEW, headers={"X-Request-ID": "mine"})
        (asked_as, asked), (answered_as, answer) = events
    for told, kind in ((asked_as, "request"), (answered_as, "response")):
        assert told["ce-type"] == f"org.kubeflow.serving.inference.{kind}"
        assert (told["ce-id"], told["ce-inferenceservicename"]) == ("mine", "sentiment")
        assert (told["ce-specversion"], told["content-type"]) == ("1.0", "application/json")
    assert asked == {"instances": [{"text": REVIEW["text"]}]}
    assert answer["predictions"][0]["scores"]


def test_an_event_that_is_refused_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiving, "PAUSES_SECONDS", (0.0, 0.0))
    tried: list[str] = []

    def status(event: Any) -> int:
        tried.append(event[0]["ce-id"])
        return {"bad": 400, "away": 503}.get(event[0]["ce-id"], 200)

    counts = [counted(outcome) for outcome in ("written", "dropped-refused", "dropped-target")]
    with receiver(status) as (url, events):
        with logging_to(url) as tfgate:
            for name in ("first", "bad", "away", "last"):
                headers = {"X-Request-ID": name}
                assert tfgate.client.post(
                    "/predict/housing", json=HOUSE, headers=headers
                ).is_success
        assert [told["ce-id"] for told, _ in events] == ["first"] * 2 + ["last"] * 2
    assert tried == ["first"] * 2 + ["bad"] + ["away"] * 3 + ["last"] * 2
    assert [count() for count in counts] == [2, 1, 1]


def test_requests_of_one_id_are_events_of_their_own() -> None:
    with receiver() as (url, events):
        with logging_to(url) as tfgate:
            for _ in range(3):
                headers = {"X-Request-ID": "the-same"}
                tfgate.client.post("/predict/housing", json=HOUSE, headers=headers)
        assert [len(data.get("predictions", [])) for _, data in events] == [0, 1] * 3


def test_a_key_that_is_none_ends_the_start(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("short")
    with (
        pytest.raises(WrongSettings, match=r"TFGATE_PREDICTION_LOG_KEY_FILE: .*16 are the least"),
        logging_to(tmp_path, prediction_log_key_file=key),
    ):
        pass


def test_a_misspelt_input_that_others_would_be_kept_with_ends_the_start(tmp_path: Path) -> None:
    ways = ["txt=leave-out", "*=keep"]
    with (
        pytest.raises(WrongSettings, match=r"no model has the input 'txt'; of .*, text, "),
        logging_to(tmp_path, prediction_log_inputs=ways, generic_models=[]),
    ):
        pass
    # Of models that only the model server knows, nobody knows the inputs yet.
    with logging_to(tmp_path, prediction_log_inputs=ways, generic_models=["*"]):
        pass


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"prediction_log": "logs"}, "whole path"),
        ({"prediction_log": "ftp://there/x"}, "whole path"),
        ({"prediction_log_percent": 0}, "more than 0"),
        ({"prediction_log_inputs": "text"}, "NAME=keep"),
        ({"prediction_log_inputs": "text=maybe"}, "NAME=keep"),
        ({"prediction_log_format": "csv"}, "`jsonl`, `parquet`"),
    ],
)
def test_what_cannot_be_is_refused_at_the_start(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(WrongSettings, match=says):
        read_settings(**settings)


def test_nothing_is_logged_unless_it_is_asked_for() -> None:
    assert read_settings().prediction_log is None
