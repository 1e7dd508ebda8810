"""The file of releases is followed: what comes of each change of it, and of versions that go."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest

from proto.predict_pb2 import PredictResponse
from proto.status_pb2 import ModelVersionStatus
from serving import tensors
from serving.contract import Signature, TensorSpec
from serving.gateway.app import create_app
from serving.gateway.inference.model_ref import ModelRef
from serving.gateway.settings import Settings, WrongSettings
from serving.gateway.telemetry import metrics
from tests import faults
from tests.example_bodies import HOUSE
from tests.fake_model_server import DEFAULT_SIGNATURE as DEFAULT
from tests.fake_model_server import (
    FakeVersion,
    Fault,
    PredictCall,
    Refused,
)
from tests.fake_models import declared_models
from tests.generic_models import ones
from tests.in_process import Gateway, gateway, growth, reading
from tests.serving.gateway.releases.asking import (
    ASKS,
    MODEL,
    ask,
    described_version,
    key_at,
    only,
    release,
    served,
    started,
    version,
    write,
)

IN, OUT = key_at(0, 0.1), key_at(0.5, 1)
COLUMNS = {"inputs": {name: [value] for name, value in HOUSE.items()}}
# Of whose answers the gateway reads the tensors itself.
READ = ("v1 rows", "v1 columns", "v2 infer", "grpc ModelInfer", "grpc Predict")
TRIED = {"model": MODEL, "version": "2", "route": "candidate"}
AVAILABLE = ModelVersionStatus.AVAILABLE
LOADING, END = ModelVersionStatus.LOADING, ModelVersionStatus.END


def routes(tfgate: Gateway) -> tuple[tuple[str, int], tuple[str, int]]:
    """Return what becomes of a caller among the first tenth, and of one who is not."""
    first, second = (ask(tfgate, key=key) for key in (IN, OUT))
    return (first.route, first.version), (second.route, second.version)


def wait_for(tfgate: Gateway, inside: tuple[str, int], outside: tuple[str, int]) -> None:
    tfgate.wait_until(lambda: routes(tfgate) == (inside, outside), f"{inside} and {outside}")


async def nonsense(call: PredictCall) -> PredictResponse:
    """Answer with prices that are no numbers."""
    response = call.answer()
    nan = np.full(call.num_rows, np.nan, np.float32)
    response.outputs["price"].CopyFrom(tensors.encode(nan))
    return response


def test_a_release_starts_grows_is_promoted_and_rolled_back(tmp_path: Path) -> None:
    with started(served(1, 2), tmp_path, release(1)) as tfgate:
        assert routes(tfgate) == (("stable", 1), ("stable", 1)), "the newest is not the stable one"

        write(tmp_path, release(1, 2))
        wait_for(tfgate, ("candidate", 2), ("stable", 1))

        write(tmp_path, release(1, 2, percent=100))
        wait_for(tfgate, ("candidate", 2), ("candidate", 2))

        write(tmp_path, release(2, more="previous = 1"))
        wait_for(tfgate, ("stable", 2), ("stable", 2))

        write(tmp_path, release(1))
        wait_for(tfgate, ("stable", 1), ("stable", 1))


def test_a_rollback_waits_for_nobody(tmp_path: Path) -> None:
    server = served(1, 2)
    server.hanging_states.add("slow")
    slow = "[models.slow]\nstable = 1\n"
    file = write(tmp_path, release(1, 2, percent=100, more=slow))
    with gateway(server, releases=file, status_timeout_seconds=60) as tfgate:
        tfgate.wait_until_ready()
        wait_for(tfgate, ("candidate", 2), ("candidate", 2))

        began = time.monotonic()
        write(tmp_path, release(1, more=slow))
        wait_for(tfgate, ("stable", 1), ("stable", 1))

        assert time.monotonic() - began < 30, "nobody who waits 60 seconds for an answer"


def test_what_was_counted_of_a_version_goes_on_when_it_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_KEPT_SECONDS", 0)
    server = served(1, 2)
    with started(server, tmp_path, release(1, 2)) as tfgate:
        wait_for(tfgate, ("candidate", 2), ("stable", 1))
        there = {"model": MODEL, "state": "available"}
        tfgate.wait_until(lambda: reading("tfgate_model_versions", **there) == 2, "both")
        server.models[MODEL][2].state = END
        tfgate.wait_until(lambda: reading("tfgate_model_versions", **there) == 1, "its end")
        server.models[MODEL][2].state = AVAILABLE
        wait_for(tfgate, ("candidate", 2), ("stable", 1))
        counted = growth("tfgate_release_requests_total", **TRIED)

        ask(tfgate, key=IN)

        assert counted() == 1


def test_a_release_that_is_taken_out_leaves_the_newest(tmp_path: Path) -> None:
    with started(served(1, 2), tmp_path, release(1, 2)) as tfgate:
        wait_for(tfgate, ("candidate", 2), ("stable", 1))

        write(tmp_path, "# none\n")

        wait_for(tfgate, ("stable", 2), ("stable", 2))


@pytest.mark.parametrize("state", [None, LOADING])
def test_a_candidate_that_is_not_ready_is_waited_for(
    tmp_path: Path, state: ModelVersionStatus.State | None
) -> None:
    server = served(1)
    if state is not None:
        server.models[MODEL][2] = version(2)
        server.models[MODEL][2].state = state
    with started(server, tmp_path, release(1, 2, percent=100)) as tfgate:
        waits = {"model": MODEL, "version": "2"}
        tfgate.wait_until(lambda: reading("tfgate_release_waiting", **waits) == 1, "the wait")
        assert routes(tfgate) == (("stable", 1), ("stable", 1))
        assert reading("tfgate_release_share", **waits) == 0

        server.models[MODEL][2] = version(2)

        wait_for(tfgate, ("candidate", 2), ("candidate", 2))
        tfgate.wait_until(lambda: reading("tfgate_release_waiting", **waits) == 0, "its end")


SCORE = {"score": TensorSpec("float32", (None,))}
X, Y = ({name: TensorSpec("float32", (None,))} for name in "xy")
PLAIN = Signature(X, SCORE)
UNFIT = {
    "another input": ({DEFAULT: Signature(Y, SCORE)}, "the input x is missing"),
    "another dtype": ({DEFAULT: Signature({"x": TensorSpec("int64")}, SCORE)}, "input x is int64"),
    "one more input": ({DEFAULT: Signature({**X, **Y}, SCORE)}, "it needs the input y as well"),
    "another output": ({DEFAULT: Signature(X, X)}, "the output score is missing"),
    "another signature": ({"other": PLAIN}, f"has no signature {DEFAULT}"),
}


@pytest.mark.parametrize(("signatures", "reason"), UNFIT.values(), ids=UNFIT)
def test_a_candidate_that_cannot_answer_what_stable_is_asked_gets_nothing(
    tmp_path: Path, signatures: dict[str, Signature], reason: str
) -> None:
    server = declared_models()
    more = {DEFAULT: Signature(X, {**SCORE, **Y}), "more": PLAIN}
    server.models["pets"] = {
        number: FakeVersion({name: ones(each) for name, each in of.items()})
        for number, of in enumerate(({DEFAULT: PLAIN}, signatures, more), start=1)
    }
    file = write(tmp_path, release(1, 2, percent=100).replace(MODEL, "pets"))
    with gateway(server, releases=file, generic_models=("pets",)) as tfgate:
        tfgate.wait_until_ready()

        def standing() -> tuple[str, str]:
            told = tfgate.client.get("/models/pets").json()["release"]
            return told["state"], told["reason"] or ""

        tfgate.wait_until(lambda: reason in standing()[1], reason)
        answer = tfgate.client.post("/v1/models/pets:predict", json={"instances": [1.0]})
        assert (answer.status_code, answer.headers["X-Model-Route"]) == (200, "stable")

        write(tmp_path, release(1, 3, percent=100).replace(MODEL, "pets"))
        tfgate.wait_until(lambda: standing() == ("running", ""), "one that takes more is fit")


def test_a_candidate_that_goes_leaves_its_callers_to_stable(tmp_path: Path) -> None:
    server = served(1, 2)
    with started(server, tmp_path, release(1, 2)) as tfgate:
        wait_for(tfgate, ("candidate", 2), ("stable", 1))

        server.models[MODEL][2].state = END

        for how in ASKS:
            told = ask(tfgate, how, key=IN)
            assert (told.version, told.route) == (1, "stable")


@pytest.mark.parametrize("text", [release(1), "# none\n"])
def test_what_is_to_be_stable_and_is_not_ready_leaves_the_one_before(
    tmp_path: Path, text: str
) -> None:
    server = served(1)
    with started(server, tmp_path, text) as tfgate:
        write(tmp_path, release(2, more="previous = 1"))
        waits = "version 2, which is to be stable, is not ready"
        tfgate.wait_until(lambda: _release(tfgate).get("reason") == waits, "the wait")
        assert routes(tfgate) == (("stable", 1), ("stable", 1))

        server.models[MODEL][2] = version(2)

        wait_for(tfgate, ("stable", 2), ("stable", 2))


def test_when_also_the_one_before_has_gone_nothing_answers_in_its_name(tmp_path: Path) -> None:
    server = served(1, 2)
    with started(server, tmp_path, release(1)) as tfgate:
        write(tmp_path, release(77))
        waits = "version 77, which is to be stable, is not ready"
        tfgate.wait_until(lambda: _release(tfgate).get("reason") == waits, "the wait")

        server.models[MODEL][1].state = END

        answers = [
            tfgate.client.post(f"/predict/{MODEL}", json=HOUSE),
            tfgate.client.get(f"/v2/models/{MODEL}"),
        ]
        assert [answer.status_code for answer in answers] == [503, 503]
        for answer in answers:
            assert "version 77 of housing, which is stable by the model's release" in answer.text


def _release(tfgate: Gateway) -> dict[str, object]:
    return dict(tfgate.client.get(f"/models/{MODEL}").json()["release"] or {})


def test_a_stable_version_that_has_gone_is_told_and_nothing_else_answers(tmp_path: Path) -> None:
    server = served(1, 2)
    with started(server, tmp_path, release(1, 2, percent=0)) as tfgate:
        server.models[MODEL][1].state = END

        def answer() -> tuple[int, str]:
            response = tfgate.client.post(f"/predict/{MODEL}", json=HOUSE)
            return response.status_code, response.json()["code"]

        assert answer() == (503, "model-unavailable")
        tfgate.wait_until(lambda: MODEL in tfgate.missing(), "readiness without it")
        metadata = tfgate.client.get(f"/v2/models/{MODEL}")
        assert metadata.status_code == 503
        assert "version 1 of housing, which is stable by the model's release" in metadata.text
        # As TensorFlow Serving says it of a model without a version.
        assert tfgate.client.get(f"/v1/models/{MODEL}/metadata").status_code == 404
        assert "version 1 of housing, which is stable" in tfgate.missing()[MODEL]
        assert tfgate.client.get(f"/models/{MODEL}").json()["version"] is None
        assert ask(tfgate, ref=ModelRef(MODEL, 2)).version == 2

        server.models[MODEL][1] = version(1)
        wait_for(tfgate, ("stable", 1), ("stable", 1))
        tfgate.wait_until_ready()


FAULTS: dict[str, Fault] = {
    "NaN": nonsense,
    "no message": faults.garbage,
    "an output less": faults.drop_outputs,
    "an error": faults.fail(grpc.StatusCode.INTERNAL),
    "a refusal": faults.fail(grpc.StatusCode.INVALID_ARGUMENT),
    "gone": faults.fail(grpc.StatusCode.NOT_FOUND),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_candidate_cannot_answer_is_answered_by_stable_and_counted(
    tmp_path: Path, fault: str
) -> None:
    server = served(1, 2)
    with started(server, tmp_path, release(1, 2)) as tfgate:
        wait_for(tfgate, ("candidate", 2), ("stable", 1))
        failed = growth("tfgate_release_requests_total", **TRIED, outcome="failed")
        again = growth("tfgate_retries_total", model=MODEL, reason="candidate-failed")
        server.faults[MODEL] = only(2, FAULTS[fault])

        told = ask(tfgate, key=IN)

        assert (told.version, told.route) == (1, "stable")
        assert (failed(), again()) == (1, 1)


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose candidate cannot answer anything."""
    server = served(1, 2)
    failure = Refused(grpc.StatusCode.INTERNAL, "it fails on purpose")
    with started(server, tmp_path_factory.mktemp("failing"), release(1, 2)) as tfgate:
        wait_for(tfgate, ("candidate", 2), ("stable", 1))
        server.models[MODEL][2].refused_examples = failure
        server.faults[MODEL] = only(2, faults.fail(failure.code))
        yield tfgate


@pytest.mark.parametrize("how", ASKS)
def test_no_dialect_hears_of_a_candidate_that_fails(failing: Gateway, how: str) -> None:
    failed = growth("tfgate_release_requests_total", **TRIED, outcome="failed")

    told = ask(failing, how, key=IN)

    assert (told.version, told.route) == (1, "stable")
    assert failed() == 1


def test_a_candidate_that_hangs_takes_no_more_than_its_places(tmp_path: Path) -> None:
    server = served(1, 2)
    with started(server, tmp_path, release(1, 2), max_requests_per_model=40) as tfgate:
        wait_for(tfgate, ("candidate", 2), ("stable", 1))
        hold = faults.Hold()
        server.faults[MODEL] = only(2, hold)

        visitors = [
            tfgate.ask(f"/predict/{MODEL}", HOUSE, {"X-Release-Key": IN}) for _ in range(15)
        ]
        answered = [visitor.answer() for visitor in visitors[10:]]
        hold.release()
        held = [visitor.answer() for visitor in visitors[:10]]

    assert {answer.document["version"] for answer in answered} == {1}
    assert {answer.document["version"] for answer in held} == {2}


def test_a_candidate_too_slow_for_the_callers_time_counts_as_failed(tmp_path: Path) -> None:
    server = served(1, 2)
    with started(server, tmp_path, release(1, 2)) as tfgate:
        wait_for(tfgate, ("candidate", 2), ("stable", 1))
        failed = growth("tfgate_release_requests_total", **TRIED, outcome="failed")
        server.faults[MODEL] = only(2, faults.hang)
        headers = {"X-Release-Key": IN, "Request-Timeout": "0.05"}

        answer = tfgate.ask(f"/predict/{MODEL}", HOUSE, headers).answer()

        assert answer.status == 504
        assert failed() == 1


def test_who_leaves_says_nothing_of_the_candidate(tmp_path: Path) -> None:
    server = served(1, 2)
    with started(server, tmp_path, release(1, 2)) as tfgate:
        wait_for(tfgate, ("candidate", 2), ("stable", 1))
        counted = growth("tfgate_release_requests_total", **TRIED)
        server.faults[MODEL] = only(2, faults.Hold())
        calls = len(server.calls)

        with tfgate.ask(f"/predict/{MODEL}", HOUSE, {"X-Release-Key": IN}):
            tfgate.wait_for_calls(calls + 1)
        tfgate.wait_until(lambda: server.calls[-1].ended, "the end of the call")

        assert counted() == 0


def test_a_request_that_is_under_way_ends_where_it_began(tmp_path: Path) -> None:
    server = served(1, 2, 3)
    with started(server, tmp_path, release(1, 2)) as tfgate:
        wait_for(tfgate, ("candidate", 2), ("stable", 1))
        hold = faults.Hold()
        server.faults[MODEL] = only(2, hold)
        calls = len(server.calls)
        tried = tfgate.ask(f"/predict/{MODEL}", HOUSE, {"X-Release-Key": IN})
        tfgate.wait_for_calls(calls + 1)

        write(tmp_path, release(3))
        tfgate.wait_until(lambda: ask(tfgate, key=OUT).version == 3, "the promotion")
        hold.release()

        answer = tried.answer()
        assert answer.headers["x-model-version"] == str(answer.document["version"]) == "2"
        assert answer.headers["x-model-route"] == "candidate"


def test_metadata_is_that_of_stable(tmp_path: Path) -> None:
    with started(served(1, 2), tmp_path, release(1, 2, percent=100)) as tfgate:
        wait_for(tfgate, ("candidate", 2), ("candidate", 2))

        assert described_version(tfgate) == 1


MALFORMED = {
    "no TOML": "[models",
    "cut short": "[models.housing]\nstable =",
    "an unknown model": "[models.nobody]\nstable = 1\n",
    "a share of 101": release(1, 2, percent=101),
    "the same twice": release(1, 1),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_file_that_is_wrong_changes_nothing_and_is_told(
    tmp_path: Path, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    with started(served(1, 2), tmp_path, release(1, 2), generic_models=()) as tfgate:
        wait_for(tfgate, ("candidate", 2), ("stable", 1))
        caplog.set_level(logging.ERROR, "tfgate.releases")

        file = write(tmp_path, MALFORMED[case])

        def valid() -> float:
            return reading("tfgate_releases_valid")

        tfgate.wait_until(lambda: valid() == 0, "that it is told")
        assert routes(tfgate) == (("candidate", 2), ("stable", 1))
        readiness = tfgate.client.get("/readyz")
        assert readiness.status_code == 200
        assert f"{file}:" in readiness.json()["releases"]
        assert str(file) in caplog.text

        write(tmp_path, release(2))
        wait_for(tfgate, ("stable", 2), ("stable", 2))
        assert valid() == 1
        assert "releases" not in tfgate.client.get("/readyz").json()


@pytest.mark.parametrize("case", MALFORMED)
def test_nothing_starts_on_a_file_that_is_wrong(tmp_path: Path, case: str) -> None:
    file = write(tmp_path, MALFORMED[case])

    with pytest.raises(WrongSettings, match=f"TFGATE_RELEASES: .*{file.name}:[0-9]+: "):
        create_app(Settings(releases=file, generic_models=()))


def test_without_a_file_nothing_is_released_until_it_comes(tmp_path: Path) -> None:
    file = tmp_path / "releases.toml"
    with gateway(served(1, 2), releases=file) as tfgate:
        tfgate.wait_until_ready()
        assert ask(tfgate).version == 2

        write(tmp_path, release(1))

        wait_for(tfgate, ("stable", 1), ("stable", 1))


def test_without_a_model_server_requests_are_refused_and_the_release_goes_on(
    tmp_path: Path,
) -> None:
    server = served(1, 2)
    with started(server, tmp_path, release(1, 2)) as tfgate:
        wait_for(tfgate, ("candidate", 2), ("stable", 1))

        server.reachable = False
        for key in (IN, OUT):
            answer = tfgate.ask(f"/predict/{MODEL}", HOUSE, {"X-Release-Key": key}).answer()
            assert (answer.status, answer.document["code"]) == (503, "model-server-unavailable")

        server.reachable = True
        wait_for(tfgate, ("candidate", 2), ("stable", 1))


def test_a_candidate_that_gives_no_number_is_as_good_as_failed_in_every_dialect(
    tmp_path: Path,
) -> None:
    """Dialects pass on what a model may mean; but a number's successor is a number."""
    server = served(1, 2)
    with started(server, tmp_path, release(1, 2)) as tfgate:
        wait_for(tfgate, ("candidate", 2), ("stable", 1))
        server.faults[MODEL] = only(2, nonsense)

        for how in READ:
            failed = growth("tfgate_release_requests_total", **TRIED, outcome="failed")

            told = ask(tfgate, how, key=IN)

            assert (told.version, told.route) == (1, "stable"), how
            assert failed() == 1, how


def test_a_model_that_gives_no_numbers_makes_no_candidate_worse(tmp_path: Path) -> None:
    server = served(1, 2)
    with started(server, tmp_path, release(1, 2)) as tfgate:
        wait_for(tfgate, ("candidate", 2), ("stable", 1))
        failed = [
            growth("tfgate_release_requests_total", model=MODEL, route=route, outcome="failed")
            for route in ("stable", "candidate")
        ]
        server.faults[MODEL] = nonsense

        for key in (IN, OUT):
            headers = {"X-Release-Key": key}
            path = f"/v1/models/{MODEL}:predict"
            answer = tfgate.client.post(path, json=COLUMNS, headers=headers)
            assert answer.headers["X-Model-Route"] == "stable"

        assert [each() for each in failed] == [2, 1]
