"""The prediction log: whatever is asked is found in it, and whatever becomes of it costs nobody."""

import base64
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import ml_dtypes
import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy
from pyarrow import parquet

from serving.gateway.inference.answered import Answered
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.gateway.prediction_log.files import Files
from serving.gateway.prediction_log.log import is_drawn
from serving.gateway.prediction_log.records import records_of
from serving.gateway.settings import WrongSettings, read_settings
from serving.gateway.telemetry import prediction_log_metrics
from serving.gateway.telemetry.request_context import RequestContext
from tests.examples import EXAMPLES, HOUSE
from tests.fake_models import declared_models
from tests.generic_models import generic_models
from tests.in_process import Gateway, gateway, growth

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
    with logging_to(tmp_path, prediction_log_inputs=ways.split(",")) as tfgate:
        tfgate.client.post("/predict/housing", json=HOUSE)
        tfgate.client.post("/predict/housing", json={**HOUSE, "total_rooms": 3001})

    first, second = lines(tmp_path)
    assert first["inputs"].keys() == {"median_income", "ocean_proximity", "total_rooms"}
    assert first["inputs"]["median_income"] == pytest.approx(HOUSE["median_income"])
    assert first["inputs"]["ocean_proximity"] == sha256(b"NEAR BAY").hexdigest()
    assert first["inputs"]["total_rooms"] != second["inputs"]["total_rooms"]
    assert first["inputs"]["ocean_proximity"] == second["inputs"]["ocean_proximity"]


def test_whoever_asked_why_is_found_with_it(tmp_path: Path) -> None:
    with logging_to(tmp_path) as tfgate:
        tfgate.client.post("/predict/housing?explain=true", json=HOUSE)
    [record] = lines(tmp_path)
    explanation = record["explanation"]
    added = explanation["base"] + sum(explanation["contributions"])
    assert added == pytest.approx(record["outputs"]["price"])
    assert record["outputs"].keys() == {"price", "price_low", "price_high", "familiarity"}


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


def test_a_share_of_the_requests_is_the_same_in_every_gateway() -> None:
    drawn = [is_drawn(f"request {number}", 10) for number in range(20_000)]
    assert sum(drawn) == pytest.approx(2_000, abs=200)
    assert drawn == [is_drawn(f"request {number}", 10) for number in range(20_000)]
    assert all(is_drawn(f"request {number}", 100) for number in range(100))


def test_only_their_owner_may_read_the_files(tmp_path: Path) -> None:
    with logging_to(tmp_path / "log") as tfgate:
        tfgate.client.post("/predict/housing", json=HOUSE)
    [file] = (tmp_path / "log").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


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


def answered(**more: Any) -> Answered:
    inputs = {"x": np.arange(2.0)}
    question = Question(ModelRef("m", 3))
    context = RequestContext("id", "POST", "/path", {})
    return Answered(question, inputs, more or {"y": np.arange(2)}, 3, 0.01, context)


def test_a_full_disk_leaves_no_half_of_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Files(tmp_path, "jsonl", 1_000_000)
    records = list(records_of(answered(), 0, {}))
    files.write(records)
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) < 40:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[: len(data) - 30])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        files.write(records)
    monkeypatch.undo()
    files.write(records)
    assert len(lines(tmp_path)) == 2 * len(records)


def test_files_are_begun_anew_and_the_oldest_taken_away(tmp_path: Path) -> None:
    now = [0.0]
    files = Files(tmp_path, "jsonl", 20_000, clock=lambda: now[0])
    records = list(records_of(answered(), 0, {})) * 3
    for _ in range(60):
        files.write(records)
        now[0] += 60
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) > 3
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_000
    now[0] += 3_601
    files.write(records)
    assert sorted(path.name for path in tmp_path.iterdir())[-1] not in names


@given(
    of_numpy.arrays(
        st.one_of(
            of_numpy.floating_dtypes(sizes=(16, 32, 64)),
            of_numpy.integer_dtypes(),
            of_numpy.unsigned_integer_dtypes(),
            of_numpy.boolean_dtypes(),
        ),
        of_numpy.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4),
    )
)
def test_any_numbers_are_written_as_json_has_them(array: Any) -> None:
    records = list(records_of(answered(y=array), 0, {}))
    assert len(records) == len(array)
    for record, row in zip(records, array, strict=True):
        found = json.loads(orjson.dumps(record))["outputs"]["y"]
        finite = np.isfinite(row) if row.dtype.kind == "f" else np.ones(np.shape(row), bool)
        values: Any = np.asarray(row, object)
        expected = np.where(finite, values, np.full(values.shape, None, object))
        assert np.array_equal(np.array(found, object), expected)


def test_texts_that_are_none_and_halves_are_written_too() -> None:
    texts = np.array([b"caf\xc3\xa9", b"\xff\x00"], dtype=object)
    halves = np.array([1.5, -2.0], ml_dtypes.bfloat16)
    wide = np.zeros((2, 5_000), np.float32)
    first, second = records_of(answered(t=texts, h=halves, w=wide), 0, {})
    assert first["outputs"]["t"] == "café"
    assert base64.b64decode(second["outputs"]["t"]["b64"]) == b"\xff\x00"
    assert (first["outputs"]["h"], second["outputs"]["h"]) == (1.5, -2.0)
    assert first["outputs"]["w"] == {"dtype": "float32", "shape": [5_000]}


def test_what_has_no_rows_is_one_record() -> None:
    [record] = records_of(answered(total=np.array(2, np.float32)), 0, {})
    assert (record["row"], record["outputs"]) == (0, {"total": 2})


@contextmanager
def receiver(status: Callable[[], int] = lambda: 200) -> Iterator[tuple[str, list[Any]]]:
    """Take events over HTTP."""
    events: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if (code := status()) == 200:
                events.append((dict(self.headers), json.loads(body)))
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/events", events
        server.shutdown()
        thread.join()


def test_events_are_those_of_kserve_s_logger() -> None:
    with receiver() as (url, events):
        with logging_to(url, prediction_log_inputs=["text=keep"]) as tfgate:
            tfgate.client.post("/predict/sentiment", json=REVIEW, headers={"X-Request-ID": "mine"})
        (asked_as, asked), (answered_as, answer) = events
    for headers, kind in ((asked_as, "request"), (answered_as, "response")):
        told = {name.lower(): value for name, value in headers.items()}
        assert told["ce-type"] == f"org.kubeflow.serving.inference.{kind}"
        assert (told["ce-id"], told["ce-inferenceservicename"]) == ("mine", "sentiment")
        assert (told["ce-specversion"], told["content-type"]) == ("1.0", "application/json")
    assert asked == {"instances": [{"text": REVIEW["text"]}]}
    assert answer["predictions"][0]["scores"]


def test_a_receiver_that_is_away_is_asked_again() -> None:
    is_up = [False]
    dropped = counted("dropped-target")
    with receiver(lambda: 200 if is_up[0] else 503) as (url, events), logging_to(url) as tfgate:
        tfgate.client.post("/predict/housing", json=HOUSE)
        tfgate.wait_until(lambda: dropped() == 1, "the drop")
        is_up[0] = True
        tfgate.client.post("/predict/housing", json=HOUSE)
        tfgate.wait_until(lambda: len(events) == 2, "the events")


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
