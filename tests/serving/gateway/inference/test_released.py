"""What an answer says of a release: only of the one by which its version was chosen."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from proto.predict_pb2 import PredictRequest
from serving.gateway.inference.client import ModelServerClient
from serving.gateway.inference.concurrency_limit import ConcurrencyLimit
from serving.gateway.inference.inference import Inference
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.gateway.inference.router import Router
from serving.gateway.releases.release import Release
from serving.gateway.releases.running import Running
from serving.gateway.telemetry.request_context import RequestContext
from serving.models import MODELS
from serving.tensors import encode_all
from tests.fake_models import declared_models, declared_version
from tests.serving.gateway.inference.scripted_call import FixedPoint

MODEL = "housing"
LONG = 60.0  # seconds
TRIED = Release.model_validate({"stable": 1, "candidate": {"version": 2, "percent": 100}})


class Asked:
    """A model with versions 1 to 3, by whatever release."""

    def __init__(self, runner: asyncio.Runner) -> None:
        server = declared_models()
        server.models[MODEL] = {number: declared_version(MODEL, number) for number in (1, 2, 3)}
        self.client = ModelServerClient("nowhere", None, server.open_channel)
        self.router = Router()
        self.router.prefer(MODEL, [1, 2, 3])
        limit = ConcurrencyLimit(MODEL, max_limit=8)
        point = FixedPoint(calls=2, rows=6)
        signature = MODELS[MODEL].signature
        self.inference = Inference(signature, self.client, self.router, limit, point)
        self._runner = runner

    def release(self, release: Release | None) -> Running | None:
        running = None if release is None else Running(MODEL, release, {})
        if running is not None:
            running.hindrance = None
        self.router.release(MODEL, running)
        return running

    def version_of(self, ref: ModelRef, context: RequestContext) -> int:
        """Ask a version that a dialect has been led to before."""
        inputs = MODELS[MODEL].preprocess([MODELS[MODEL].example])
        deadline = time.monotonic() + LONG
        asking = self.inference.predict(Question(ref), inputs, context, deadline=deadline)
        return self._runner.run(asking).version

    def relayed(self, ref: ModelRef, context: RequestContext, signature: str) -> None:
        """Have a call made as it came."""
        request = PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = MODEL, signature
        encode_all(request.inputs, MODELS[MODEL].preprocess([MODELS[MODEL].example]))
        deadline = time.monotonic() + LONG
        method = "/tensorflow.serving.PredictionService/Predict"
        message = request.SerializeToString()
        asking = self.inference.relay(
            method, ref, message, context, deadline=deadline, signature=signature
        )
        self._runner.run(asking)


@pytest.fixture
def asked() -> Iterator[Asked]:
    with asyncio.Runner() as runner:
        asked = Asked(runner)
        runner.run(asked.client.__aenter__())
        yield asked
        runner.run(asked.client.__aexit__(None, None, None))


AFTERWARDS = {
    "promoted": Release(stable=2, previous=1),
    "rolled back": Release(stable=1),
    "another is tried": Release.model_validate(
        {"stable": 1, "candidate": {"version": 3, "percent": 100}}
    ),
    "no release any more": None,
}


@pytest.mark.parametrize("afterwards", AFTERWARDS)
def test_a_request_is_answered_where_it_was_led_and_counts_for_no_later_release(
    asked: Asked, afterwards: str
) -> None:
    before = asked.release(TRIED)
    assert before is not None
    before.tick(datetime.now(UTC))
    context = RequestContext("id", "POST", "/", {})
    ref = asked.inference.route(ModelRef(MODEL), context)
    assert (ref.version, context.route) == (2, "candidate")

    after = asked.release(AFTERWARDS[afterwards])

    assert asked.version_of(ref, context) == 2
    assert context.version == 2
    if after is not None:
        figures = after.judge.figures()
        assert figures.stable.requests == figures.candidate.requests == 0


@pytest.mark.parametrize(("signature", "is_timed"), [("serving_default", True), ("explain", False)])
def test_an_explanation_counts_as_a_request_without_its_seconds(
    asked: Asked, signature: str, is_timed: bool
) -> None:
    running = asked.release(TRIED)
    assert running is not None
    running.tick(datetime.now(UTC))
    context = RequestContext("id", "POST", "/", {})
    ref = asked.inference.route(ModelRef(MODEL), context)

    asked.relayed(ref, context, signature)

    candidate = running.judge.figures().candidate
    assert (candidate.requests, candidate.failed) == (1, 0)
    assert (candidate.p50_seconds is not None) == is_timed
