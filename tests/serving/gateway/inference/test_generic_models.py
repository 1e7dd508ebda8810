"""Generic models: asked by their live signature, checked, joined, kept apart.

What is asked is told in TensorFlow Serving's REST API; the other dialects share all that is below.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from serving.contract import Signature, Tensors, TensorSpec
from tests.fake_model_server import (
    DEFAULT_SIGNATURE,
    FakeModelServer,
    FakeSignature,
    FakeVersion,
    Refused,
)
from tests.fake_models import declared_models
from tests.faults import Hold, fail, hang, if_inside
from tests.in_process import Gateway, Visitor, gateway, growth, reading
from tfgate.keys import create

COLUMN = TensorSpec("float32")
LINE = Signature({"x": COLUMN}, {"y": COLUMN})


def version(signature: Signature, run: Callable[[Tensors], Tensors]) -> FakeVersion:
    return FakeVersion({DEFAULT_SIGNATURE: FakeSignature(signature, run)})


def line(tensors: Tensors) -> Tensors:
    return {"y": (tensors["x"] / 2 + 2).astype(np.float32)}


def centred(tensors: Tensors) -> Tensors:
    """Answer a row by how far it lies from the mean of all rows of the call."""
    return {"y": tensors["x"] - tensors["x"].mean()}


def each_once(tensors: Tensors) -> Tensors:
    """Answer with as many rows as there are different ones."""
    return {"y": np.unique(tensors["x"])}


def in_order(tensors: Tensors) -> Tensors:
    return {"y": np.sort(tensors["x"])}


def running_sum(tensors: Tensors) -> Tensors:
    return {"y": np.cumsum(tensors["x"], dtype=np.float32)}


def refuse_examples(tensors: Tensors) -> Tensors:
    """Take no number below ten: whoever made up zeros and ones has learned nothing."""
    if (tensors["x"] < 10).any():
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "x must be 10 at least [[{{node check}}]]")
    return line(tensors)


@pytest.fixture
def server() -> FakeModelServer:
    server = declared_models()
    server.models["line"] = {3: version(LINE, line)}
    return server


@pytest.fixture
def tfgate(server: FakeModelServer) -> Iterator[Gateway]:
    with gateway(server, max_calls_in_flight=1) as tfgate:
        tfgate.wait_until_ready()
        yield tfgate


def learn(tfgate: Gateway, model: str) -> None:
    """Have a model's name learned, and its first question answered."""
    assert tfgate.client.get(f"/readyz/{model}").status_code == 200


def ask(tfgate: Gateway, model: str, instances: list[Any]) -> Visitor:
    return tfgate.ask(f"/v1/models/{model}:predict", {"instances": instances})


def predictions(visitor: Visitor) -> list[Any]:
    answer = visitor.answer()
    assert answer.status == 200, answer.document
    found: list[Any] = answer.document["predictions"]
    return found


def many(tfgate: Gateway, model: str, numbers: range) -> list[Visitor]:
    """Ask for each number by itself, at once."""
    return [ask(tfgate, model, [float(number)]) for number in numbers]


def test_it_answers_by_its_signature(tfgate: Gateway) -> None:
    answer = ask(tfgate, "line", [1.0, 2.0, 5.0]).response()

    assert answer.json() == {"predictions": [2.5, 3.0, 4.5]}
    assert (answer.headers["X-Model-Name"], answer.headers["X-Model-Version"]) == ("line", "3")


def test_requests_that_meet_share_a_call(tfgate: Gateway, server: FakeModelServer) -> None:
    learn(tfgate, "line")
    hold = server.faults["line"] = Hold()
    visitors = many(tfgate, "line", range(20))
    tfgate.wait_until_inside(20)
    hold.release()

    assert [predictions(visitor) for visitor in visitors] == [[n / 2 + 2] for n in range(20)]
    assert len(server.calls) == 2


@pytest.mark.parametrize(
    ("signature", "run"),
    [
        (LINE, centred),
        (LINE, each_once),
        (LINE, in_order),
        (LINE, running_sum),
        (LINE, refuse_examples),
        (Signature({"x": TensorSpec("float32", (1,))}, {"y": TensorSpec("float32", (1,))}), line),
        (Signature({"x": COLUMN}, {"y": TensorSpec("float32", None)}), line),
    ],
    ids=[
        "the mean",
        "what is double",
        "the order",
        "the sum",
        "it could not be tried",
        "a fixed batch",
        "unknown rank",
    ],
)
def test_what_has_not_proved_that_rows_are_independent_is_asked_alone(
    tfgate: Gateway,
    server: FakeModelServer,
    signature: Signature,
    run: Callable[[Tensors], Tensors],
) -> None:
    server.models["line"] = {4: version(signature, run)}
    learn(tfgate, "line")
    visitors = many(tfgate, "line", range(10, 16))

    alone = [run({"x": np.array([number], np.float32)})["y"].tolist() for number in range(10, 16)]
    assert [predictions(visitor) for visitor in visitors] == alone
    assert len(server.calls) == len(visitors)


def test_pictures_share_calls_where_texts_are_refused(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    def size(tensors: Tensors) -> Tensors:
        if not all(each.startswith(b"\x89PNG") for each in tensors["file"]):
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "Unknown image file format")
        return {"y": np.array([len(each) for each in tensors["file"]], np.float32)}

    signature = Signature({"file": TensorSpec("string")}, {"y": COLUMN})
    server.models["line"] = {4: version(signature, size)}
    learn(tfgate, "line")
    hold = server.faults["line"] = Hold()
    files = [b64encode(b"\x89PNG" + bytes(count)).decode() for count in range(10)]
    visitors = [ask(tfgate, "line", [{"b64": file}]) for file in files]
    tfgate.wait_until_inside(10)
    hold.release()

    assert [predictions(visitor) for visitor in visitors] == [[4 + n] for n in range(10)]
    assert len(server.calls) == 2


def test_inputs_that_are_no_rows_may_differ_in_their_first_sizes(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    """TensorFlow makes two such inputs of one that is ragged."""

    def sums(tensors: Tensors) -> Tensors:
        values, splits = tensors["values"], tensors["splits"]
        if splits[0] or splits[-1] != len(values):
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "no splits")
        return {"y": np.add.reduceat(values, splits[:-1])}

    signature = Signature({"values": COLUMN, "splits": TensorSpec("int64")}, {"y": COLUMN})
    server.models["line"] = {4: version(signature, sums)}
    learn(tfgate, "line")

    inputs = {"values": [1, 2, 3, 4], "splits": [0, 1, 4]}
    answer = tfgate.ask("/v1/models/line:predict", {"inputs": inputs}).answer()
    assert (answer.status, answer.document) == (200, {"outputs": [1.0, 9.0]})


def test_rows_whose_numbers_differ_are_refused_where_rows_are_rows(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    signature = Signature({"x": COLUMN, "z": COLUMN}, {"y": COLUMN})
    server.models["line"] = {4: version(signature, line)}
    learn(tfgate, "line")

    answer = tfgate.ask("/v1/models/line:predict", {"inputs": {"x": [1, 2], "z": [1]}}).answer()
    assert answer.status == 400
    assert "x 2, z 1" in answer.document["error"]
    assert server.calls == []


@pytest.mark.parametrize(
    "signature",
    [LINE, Signature({"x": TensorSpec("float32", ())}, LINE.outputs)],
    ids=["rows", "no batch"],
)
def test_a_graph_that_has_no_answer_to_zeros_is_ready(
    tfgate: Gateway, server: FakeModelServer, signature: Signature
) -> None:
    def logarithm(tensors: Tensors) -> Tensors:
        return {"y": np.log(np.where(tensors["x"] > 0, tensors["x"], np.nan)).reshape(-1)}

    server.models["line"] = {4: version(signature, logarithm)}
    learn(tfgate, "line")


@pytest.mark.parametrize(
    ("instances", "told"),
    [
        ([[[1.0, 2.0], [3.0, 4.0]]], ("x", "[1, 2, 2]", "float32[batch]")),
        ([{"x": 1.0, "z": 1.0}], ("z",)),
        (["text"], ("x", "String", "float")),
    ],
    ids=["shape", "name", "dtype"],
)
def test_what_does_not_fit_never_reaches_the_model_server(
    tfgate: Gateway, server: FakeModelServer, instances: list[Any], told: tuple[str, ...]
) -> None:
    answer = ask(tfgate, "line", instances).answer()

    assert answer.status == 400
    assert all(each in answer.document["error"] for each in told)
    assert server.calls == []


def test_rows_that_the_graph_refuses_are_the_callers_and_cost_their_neighbours_nothing(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    learn(tfgate, "line")
    refuse = fail(grpc.StatusCode.INVALID_ARGUMENT, "x is poisoned [[{{node check}}]]")
    hold = server.faults["line"] = Hold(if_inside("x", 7.0, refuse))
    visitors = many(tfgate, "line", range(10))
    tfgate.wait_until_inside(10)
    hold.release()
    answers = [visitor.answer() for visitor in visitors]

    assert [answer.status for answer in answers] == [200] * 7 + [400] + [200] * 2
    assert "x is poisoned" in answers[7].document["error"]


def test_an_empty_batch_is_answered_with_none() -> None:
    """TensorFlow Serving, batching, would never answer it."""
    signature = Signature({"x": TensorSpec("float32", (None, 2))}, {"y": COLUMN})
    server = declared_models()
    server.models["sum"] = {1: version(signature, lambda each: {"y": each["x"].sum(axis=1)})}
    with gateway(server) as tfgate:
        answer = tfgate.ask("/v1/models/sum:predict", {"inputs": []}).answer()
        assert (answer.status, server.calls) in [(200, []), (400, [])]


def test_a_version_without_one_finite_number_gets_no_traffic(server: FakeModelServer) -> None:
    broken = version(LINE, lambda each: {"y": np.full_like(each["x"], np.nan)})
    with gateway(server) as tfgate:
        learn(tfgate, "line")
        server.models["line"][4] = broken
        tfgate.wait_until(
            lambda: reading("tfgate_model_unready_versions", model="line") == 1, "its failure"
        )

        assert predictions(ask(tfgate, "line", [2.0])) == [3.0]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (fail(grpc.StatusCode.UNAVAILABLE), 503),
        (fail(grpc.StatusCode.RESOURCE_EXHAUSTED), 429),
        (hang, 504),
    ],
)
def test_what_the_model_server_does_wrong_is_not_the_callers(
    server: FakeModelServer, fault: Any, status: int
) -> None:
    with gateway(server, predict_timeout_seconds=0.5) as tfgate:
        learn(tfgate, "line")
        server.faults["line"] = fault
        answer = ask(tfgate, "line", [1.0]).answer()
        assert (answer.status, list(answer.document)) == (status, ["error"])


def test_an_answer_that_is_too_large_is_the_askers_and_costs_its_neighbours_nothing(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    learn(tfgate, "line")
    told = "CLIENT: Received message larger than max (75000000 vs. 64000000)"
    too_large = fail(grpc.StatusCode.RESOURCE_EXHAUSTED, told)
    hold = server.faults["line"] = Hold(if_inside("x", 7.0, too_large))
    visitors = many(tfgate, "line", range(10))
    tfgate.wait_until_inside(10)
    hold.release()
    answers = [visitor.answer() for visitor in visitors]

    assert [answer.status for answer in answers] == [200] * 7 + [413] + [200] * 2
    assert "64,000,000 bytes" in answers[7].document["error"]


def test_a_crowd_is_shed_in_the_dialects_own_words(server: FakeModelServer) -> None:
    with gateway(server, max_requests_per_model=8) as tfgate:
        learn(tfgate, "line")
        hold = server.faults["line"] = Hold()
        inside = many(tfgate, "line", range(8))
        tfgate.wait_until_inside(8)
        shed = growth("tfgate_requests_shed_total", model="line", reason="limit")
        refused = ask(tfgate, "line", [1.0]).response()

        assert (refused.status_code, list(refused.json())) == (429, ["error"])
        assert refused.headers["Retry-After"] == "1"
        assert refused.headers["X-Request-Id"]
        assert shed() == 1
        hold.release()
        assert all(visitor.answer().status == 200 for visitor in inside)


def test_a_key_for_some_models_opens_no_others(server: FakeModelServer, tmp_path: Path) -> None:
    """Also when nobody has asked for the other before, and its name is not yet known."""
    key = create(tmp_path / "keys", "narrow", models=["housing"])
    headers = {"Authorization": f"Bearer {key}"}
    with gateway(server, keys_file=tmp_path / "keys") as tfgate:
        forbidden = growth("tfgate_key_requests_total", key="narrow", outcome="forbidden")
        for _ in range(2):
            answer = tfgate.ask("/v1/models/line:predict", {"instances": [1]}, headers).answer()
            assert answer.status == 403
        assert forbidden() == 2
        assert server.calls == []


def test_rows_are_charged_to_the_key(server: FakeModelServer, tmp_path: Path) -> None:
    key = create(tmp_path / "keys", "limited", rates=["5rows/hour"])
    headers = {"Authorization": f"Bearer {key}"}
    with gateway(server, keys_file=tmp_path / "keys") as tfgate:
        statuses = [
            tfgate.ask("/v1/models/line:predict", {"instances": [1.0] * 4}, headers).answer().status
            for _ in range(2)
        ]
        assert statuses == [200, 429]
