"""Whether the harness counts rightly; how fast anything is does not matter here."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import report_tables
from bench.ask import Reply
from bench.dialects import (
    BENTOML,
    BINARY,
    INSTANCES,
    KSERVE,
    OPEN_INFERENCE,
    PLAIN,
    TF_SERVING,
    TFGATE,
    Answer,
    Dialect,
)
from bench.figures import Figures
from bench.grpc_dialects import OPEN_INFERENCE_GRPC, TF_SERVING_GRPC
from bench.load import Load, Target, parse, parse_calls
from bench.open_loop import RECORD, TIMED_OUT, UNSENT, compile_generator, judge, offer
from bench.questions import Question, write_questions
from bench.results import Cell, Costs, Results
from bench.workloads import ALL_WORKLOADS, NUM_BODIES, WORKLOADS, Workload
from proto.open_inference_pb2 import ModelInferRequest, ModelInferResponse
from proto.predict_pb2 import PredictRequest, PredictResponse
from serving.models import MODELS
from tests.programs import needs

needs_compiler = needs("cc", package="gcc libc6-dev")


@pytest.mark.parametrize("workload", ALL_WORKLOADS.values(), ids=ALL_WORKLOADS)
def test_every_request_is_another(workload: Workload) -> None:
    requests = workload.requests()

    assert len({str(request) for request in requests}) == NUM_BODIES
    assert {len(instances) for instances in requests} == {workload.batch_size or 1}


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_every_request_is_one_that_tfgate_takes(workload: Workload) -> None:
    for instances in workload.requests()[:8]:
        for instance in instances:
            accepted = MODELS[workload.model].request.model_validate(instance)
            MODELS[workload.model].preprocess([accepted])


def test_the_output_of_wrk_is_read_from_its_last_line() -> None:
    load = parse(
        "Running 1s test @ http://127.0.0.1:8000\n"
        "  1 threads and 128 connections\n"
        "  Requests/sec:   4995.12\n"
        '{"answers": 5000, "seconds": 1.000977, "failed_statuses": 3000, "broken_connections": 2, '
        '"timeouts": 1, "p50_ms": 11.6600, "p99_ms": 79.0600}\n'
    )

    assert load.good_per_second == pytest.approx(1998.05, abs=0.01)
    assert load.failures == 3003
    assert load.p99_ms == 79.06


def test_calls_without_a_message_count_as_failed() -> None:
    load = parse_calls(
        "requests: 120 total, 100 done, 100 succeeded, 0 failed, 1 errored, 2 timeout\n"
        "status codes: 100 2xx, 0 3xx, 0 4xx, 0 5xx\n"
        "traffic: 9.77KB (10000) total, 800B (800) headers, 1.76KB (1800) data\n",
        "".join(f"17{number}\t200\t{1000 * number}\n" for number in range(1, 101)),
        answer_bytes=20,
        seconds=2,
    )

    assert load.failed_statuses == 10
    assert load.good_per_second == 45
    assert load.failures == 13
    assert load.p50_ms == pytest.approx(50.5)


def test_latencies_count_from_the_moment_a_request_was_due() -> None:
    due = np.arange(200) / 100  # a hundred a second, the first second as warm-up
    records = np.zeros(200, RECORD)
    records["due"] = records["sent"] = due
    records["finished"] = due + 0.005
    records["status"] = 200
    records[150]["sent"] += 0.2
    records[150]["finished"] = records[150]["sent"] + 0.005
    records[160]["status"] = 429
    records[170]["status"] = TIMED_OUT

    outcome = judge(records, warmup=1, seconds=1)

    assert outcome.offered_per_second == 100
    assert outcome.outcomes() == {"200": 98, "429": 1, "timed out": 1}
    assert outcome.statuses[200].p50_ms == pytest.approx(5)
    assert outcome.statuses[200].max_ms == pytest.approx(205)


def test_a_rate_that_was_not_kept_is_told() -> None:
    records = np.zeros(100, RECORD)
    records["due"] = records["sent"] = np.arange(100) / 100
    records["finished"] = records["due"] + 0.001
    records["status"] = 200
    assert judge(records, warmup=0, seconds=1).kept_rate

    late = records.copy()
    late["sent"] += 0.05
    late["finished"] += 0.05
    assert not judge(late, warmup=0, seconds=1).kept_rate

    records["status"][90:] = UNSENT
    assert not judge(records, warmup=0, seconds=1).kept_rate


@needs_compiler
def test_the_open_loop_counts_each_status_and_waits_for_slow_answers(tmp_path: Path) -> None:
    def answer(number: int) -> int:
        time.sleep(0.02)
        return 429 if number % 4 == 3 else 200

    with scripted_server(answer) as url:
        outcome = offer(
            compile_generator(tmp_path),
            target(url, tmp_path),
            rate=100,
            seconds=0.8,
            warmup=0.2,
            connections=50,
        )

    assert outcome.outcomes() == {"200": 60, "429": 20}
    assert outcome.statuses[200].p50_ms >= 20


@needs_compiler
def test_the_open_loop_charges_a_stall_to_all_that_waited_behind_it(tmp_path: Path) -> None:
    def answer(number: int) -> int:
        time.sleep(0.3 if number == 0 else 0)
        return 200

    with scripted_server(answer) as url:
        outcome = offer(
            compile_generator(tmp_path),
            target(url, tmp_path),
            rate=100,
            seconds=0.6,
            warmup=0,
            connections=1,
        )

    assert outcome.outcomes() == {"200": 60}
    assert outcome.waited_for_connection >= 25
    assert outcome.statuses[200].max_ms >= 300


HOUSE = {"price": 3.0, "price_low": 1.0, "price_high": 9.0}
REVIEW = {"negative": 0.25, "positive": 0.75}
ANSWERS: list[tuple[Dialect, str, Any, list[Answer]]] = [
    (
        TFGATE,
        "house",
        {"prediction": {"price_usd": 3.0, "interval_usd": {"low": 1.0, "high": 9.0}}},
        [HOUSE],
    ),
    (TFGATE, "review20", {"prediction": {"label": "x", "probabilities": REVIEW}}, [REVIEW]),
    (PLAIN, "houses", {"predictions": [HOUSE, HOUSE]}, [HOUSE, HOUSE]),
    (PLAIN, "review20", {"label": "positive", "scores": REVIEW}, [REVIEW]),
    (INSTANCES, "house", {"predictions": [HOUSE]}, [HOUSE]),
    (BENTOML, "review20", [{"label": "positive", "scores": REVIEW}], [REVIEW]),
    (
        TF_SERVING,
        "review20",
        {"predictions": [{"classes": list(REVIEW), "scores": list(REVIEW.values())}]},
        [REVIEW],
    ),
    (
        OPEN_INFERENCE,
        "review20",
        {
            "outputs": [
                {"name": "classes", "shape": [1, 2], "data": list(REVIEW)},
                {"name": "scores", "shape": [1, 2], "data": list(REVIEW.values())},
            ]
        },
        [REVIEW],
    ),
]


@pytest.mark.parametrize(("dialect", "workload", "answer", "expected"), ANSWERS)
def test_answers_of_all_dialects_are_read_alike(
    dialect: Dialect, workload: str, answer: Any, expected: list[Answer]
) -> None:
    assert dialect.read is not None
    assert dialect.read(WORKLOADS[workload], answer) == expected


@pytest.mark.parametrize("dialect", [TF_SERVING, KSERVE], ids=lambda each: each.name)
def test_rows_of_numbers_are_asked_and_answered_as_they_are(dialect: Dialect) -> None:
    rows9 = ALL_WORKLOADS["rows9"]
    sent = dialect.body(rows9, rows9.requests()[0])

    assert [len(row) for row in sent["instances"]] == [9] * 100
    assert dialect.read is not None
    assert dialect.read(rows9, {"predictions": [0.5, 0.25]}) == [{"y": 0.5}, {"y": 0.25}]


def inputs_of_binary(question: Question) -> Any:
    """Answer with the question's own inputs, as a server of binary tensors would."""
    size = int(dict(question.headers)["Inference-Header-Content-Length"])
    head = json.dumps({"outputs": json.loads(question.body[:size])["inputs"]}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    return BINARY.decode(Reply(head + question.body[size:], headers))["outputs"]


def inputs_of_infer(question: Question) -> Any:
    request = ModelInferRequest.FromString(question.body)
    response = ModelInferResponse(raw_output_contents=request.raw_input_contents)
    for each in request.inputs:
        response.outputs.add(name=each.name, datatype=each.datatype, shape=each.shape)
    return OPEN_INFERENCE_GRPC.decode(Reply(response.SerializeToString(), {}))["outputs"]


def inputs_of_predict(question: Question) -> Any:
    response = PredictResponse(outputs=PredictRequest.FromString(question.body).inputs)
    return TF_SERVING_GRPC.decode(Reply(response.SerializeToString(), {}))["outputs"]


@pytest.mark.parametrize("name", ["house", "rows64"])
@pytest.mark.parametrize(
    ("dialect", "echo"),
    [
        (BINARY, inputs_of_binary),
        (OPEN_INFERENCE_GRPC, inputs_of_infer),
        (TF_SERVING_GRPC, inputs_of_predict),
    ],
    ids=["binary", "infer", "predict"],
)
def test_tensors_mean_the_same_in_every_form(
    dialect: Dialect, echo: Callable[[Question], Any], name: str
) -> None:
    workload = ALL_WORKLOADS[name]
    instances = workload.requests()[0]
    meant = OPEN_INFERENCE.body(workload, instances)["inputs"]

    told = echo(dialect.question(workload, instances))

    assert {each["name"]: list(each["shape"]) for each in told} == {
        each["name"]: each["shape"] for each in meant
    }
    data = {each["name"]: each["data"] for each in told}
    for each in meant:
        if each["datatype"] == "BYTES":
            assert data[each["name"]] == each["data"]
        else:
            assert data[each["name"]] == pytest.approx(each["data"], rel=1e-6)


def test_goals_are_judged_by_what_was_measured(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    results = Results(file)
    for system, rate in {"tfgate": 900, "fastapi_grpc": 300, "kserve": 100}.items():
        results.add(cell(system, rate))

    page = report_tables.goals(Figures(Results(file)), {})

    assert (
        "one house: throughput / best Python peer | ≥ 4 | 3.00 | fastapi_grpc | **missed**" in page
    )
    assert "Ray Serve, MLServer, KServe | ≥ 6 | 9.00 | kserve | met |" in page
    assert "PNG: throughput / best peer | ≥ 2.8 | not measured |" in page


def test_rounds_that_others_disturbed_count_only_if_there_are_no_others(tmp_path: Path) -> None:
    results = Results(tmp_path / "results.jsonl")
    results.add(cell("kserve", 100, number=1, foreign=0.5))
    disturbed = Figures(results).of("kserve", "house", 32)
    results.add(cell("kserve", 300, number=2))
    quiet = Figures(results).of("kserve", "house", 32)

    assert disturbed is not None
    assert quiet is not None
    assert (disturbed.good_per_second, disturbed.disturbed) == (100, True)
    assert (quiet.good_per_second, quiet.disturbed) == (300, False)


def cell(system: str, rate: int, *, number: int = 1, foreign: float = 0) -> Cell:
    load = Load(
        answers=rate,
        seconds=1,
        failed_statuses=0,
        broken_connections=0,
        timeouts=0,
        p50_ms=1,
        p99_ms=2,
    )
    return Cell(
        system=system,
        workload="house",
        connections=32,
        round=number,
        load=load,
        cpu_ms=0.5,
        foreign_cpu_share=foreign,
    )


def target(url: str, folder: Path) -> Target:
    # The second body is none of text, which has a line's end within.
    questions = [Question(b'{"a": 1}'), Question(b"\n\0\xff", (("X-Length", "3"),))]
    return Target(url, "/predict", write_questions(questions, folder / "requests"))


@contextmanager
def scripted_server(answer: Callable[[int], int]) -> Iterator[str]:
    """Answer the nth request with the status that the script gives."""
    lock = threading.Lock()
    numbers = iter(range(10**6))

    class Scripted(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                number = next(numbers)
            status = answer(number)
            # In one write, or the second would wait for the first to be acknowledged.
            self.wfile.write(
                b"HTTP/1.1 %d Scripted\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)
            )

    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.mark.parametrize(
    ("share", "bound"), [(0.5, 0.5), (1.0, 1.0), (2.0, 0.722), (3.0, 0.444), (5.0, 0.0)]
)
def test_the_bound_is_what_reading_the_refused_leaves(share: float, bound: float) -> None:
    costs = Costs(accepted_us=115, refused_us=25)
    assert costs.bound(share) == pytest.approx(bound, abs=1e-3)
