"""Why, asked while a version is tried: of whoever can say, and of stable where that fails."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.contract import Signature, Tensors, TensorSpec
from serving.gateway.telemetry import metrics
from tests.example_bodies import HOUSE
from tests.fake_model_server import FakeModelServer, FakeSignature
from tests.fake_models import older_version
from tests.in_process import Gateway, growth
from tests.serving.gateway.releases.asking import MODEL, key_at, release, served, started

Change = Callable[[Tensors], Tensors]
CANDIDATE = {"X-Release-Key": key_at(0, 0.1)}
TRIED = {"model": MODEL, "version": "2", "route": "candidate"}
PATHS = {
    "typed": (f"/predict/{MODEL}?explain=true", HOUSE),
    "v1": (f"/v1/models/{MODEL}:explain", {"instances": [HOUSE]}),
}


@pytest.fixture(params=PATHS)
def asked(request: pytest.FixtureRequest) -> tuple[str, Any]:
    return PATHS[request.param]


@pytest.fixture
def server() -> FakeModelServer:
    return served(1, 2)


@pytest.fixture
def tfgate(server: FakeModelServer, tmp_path: Path) -> Iterator[Gateway]:
    with started(server, tmp_path, release(1, 2)) as tfgate:
        tfgate.wait_until(lambda: state(tfgate) == ("running", None), "the candidate's share")
        yield tfgate


def state(tfgate: Gateway) -> tuple[str, str | None]:
    told = tfgate.client.get(f"/models/{MODEL}").json()["release"]
    return told["state"], told["reason"]


def sides(tfgate: Gateway) -> tuple[dict[str, Any], dict[str, Any]]:
    figures = tfgate.client.get(f"/models/{MODEL}").json()["release"]["figures"]
    return figures["stable"], figures["candidate"]


def test_a_candidate_explains_its_share(tfgate: Gateway, asked: tuple[str, Any]) -> None:
    path, document = asked
    answer = tfgate.client.post(path, json=document, headers=CANDIDATE)
    assert answer.status_code == 200
    assert answer.headers["X-Model-Route"] == "candidate"
    assert answer.headers["X-Model-Version"] == "2"
    _, candidate = sides(tfgate)
    assert (candidate["requests"], candidate["failed"]) == (1, 0)
    # How long it took is none of the seconds that answers are judged by.
    assert candidate["p50_seconds"] is None


def spoil(server: FakeModelServer, change: Change) -> None:
    """Have what the candidate explains changed before it leaves the model server."""
    version = server.models[MODEL][2]
    explain = version.signatures["explain"]
    spoilt = replace(explain, run=lambda inputs: change(explain.run(inputs)))
    signatures = {**version.signatures, "explain": spoilt}
    server.models[MODEL][2] = replace(version, signatures=signatures)


def no_rows(outputs: Tensors) -> Tensors:
    return {name: array[:0] for name, array in outputs.items()}


def no_numbers(outputs: Tensors) -> Tensors:
    return {**outputs, "base": np.full_like(outputs["base"], np.nan)}


@pytest.mark.parametrize("change", [no_rows, no_numbers])
def test_what_a_candidate_explains_wrongly_stable_is_asked(
    server: FakeModelServer, tfgate: Gateway, asked: tuple[str, Any], change: Change
) -> None:
    spoil(server, change)
    retries = growth("tfgate_retries_total", model=MODEL, reason=metrics.RETRIED_STABLE)
    failed = growth("tfgate_release_requests_total", **TRIED, outcome="failed")
    path, document = asked
    answer = tfgate.client.post(path, json=document, headers=CANDIDATE)
    assert answer.status_code == 200, answer.text
    assert answer.headers["X-Model-Route"] == "stable"
    assert answer.headers["X-Model-Version"] == "1"
    assert retries() == 1
    assert failed() == 1
    stable, candidate = sides(tfgate)
    assert (stable["requests"], stable["failed"]) == (1, 0)
    assert (candidate["requests"], candidate["failed"]) == (1, 1)


def test_a_candidate_that_cannot_say_why_as_stable_can_is_not_tried(
    server: FakeModelServer, tmp_path: Path, asked: tuple[str, Any]
) -> None:
    server.models[MODEL][2] = older_version(MODEL, 2)
    with started(server, tmp_path, release(1, 2, percent=100)) as tfgate:
        why = "version 2 has no signature explain, which version 1 has"
        tfgate.wait_until(lambda: state(tfgate)[1] == why, "what is in its way")
        path, document = asked
        answer = tfgate.client.post(path, json=document)
        assert answer.status_code == 200
        assert answer.headers["X-Model-Route"] == "stable"


def test_who_is_with_stable_hears_that_the_candidate_can(
    server: FakeModelServer, tmp_path: Path, asked: tuple[str, Any]
) -> None:
    server.models[MODEL][1] = older_version(MODEL, 1)
    with started(server, tmp_path, release(1, 2)) as tfgate:
        tfgate.wait_until(lambda: state(tfgate) == ("running", None), "the candidate's share")
        path, document = asked
        outside = {"X-Release-Key": key_at(0.5, 1)}
        answer = tfgate.client.post(path, json=document, headers=outside)
        assert answer.status_code == 404
        assert "version 2 of it can" in answer.text
        stable, _ = sides(tfgate)
        assert stable["failed"] == 0

        spoil(server, no_rows)
        answer = tfgate.client.post(path, json=document, headers=CANDIDATE)
        assert answer.status_code == 404
        assert "version 1 of housing has no signature explain; version 2 of it can" in answer.text


def test_nor_does_stable_explain_otherwise_than_is_declared_in_its_place(
    server: FakeModelServer, tmp_path: Path
) -> None:
    version = server.models[MODEL][1]
    explain = version.signatures["explain"]
    outputs = {**explain.tensors.outputs, "base": TensorSpec("float32", (None, 3))}

    def run(inputs: Tensors) -> Tensors:
        found = explain.run(inputs)
        return {**found, "base": np.repeat(found["base"][:, np.newaxis], 3, axis=1)}

    other = FakeSignature(Signature(explain.tensors.inputs, outputs), run)
    signatures = {**version.signatures, "explain": other}
    server.models[MODEL][1] = replace(version, signatures=signatures)
    with started(server, tmp_path, release(1, 2)) as tfgate:
        tfgate.wait_until(lambda: state(tfgate) == ("running", None), "the candidate's share")
        spoil(server, no_rows)
        path, document = PATHS["typed"]
        answer = tfgate.client.post(path, json=document, headers=CANDIDATE)
        assert answer.status_code == 404
        assert "version 1 of housing explains otherwise" in answer.json()["detail"]
