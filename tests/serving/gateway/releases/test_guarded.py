"""What comes of feedback: a guard takes a candidate back, in all gateways that share a store."""

from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from serving.models import MODELS
from tests import stack
from tests.fake_model_server import FakeModelServer
from tests.fake_models import declared_models, declared_version
from tests.in_process import Gateway, gateway
from tests.serving.gateway.releases.asking import version, write

# By rule: the model, the limit, and what is said to be right in place of stable's answers, and of
# the candidate's.
RULES: Mapping[str, tuple[str, float, dict[str, Any], dict[str, Any]]] = {
    "accuracy_drop": ("sentiment", 0.02, {"label": "positive"}, {"label": "negative"}),
    "rmse_ratio": ("housing", 1.1, {"value": 300_000}, {"value": 1}),
}
RELEASE = """
[models.{model}]
stable = 1

[models.{model}.candidate]
version = 2
percent = 50
started = 2026-01-01T00:00:00Z

[models.{model}.guard]
window = "1m"
least_requests = 20
{rule} = {limit}
"""
QUESTIONS = {"sentiment": {"text": "good"}, "housing": MODELS["housing"].example.model_dump()}


def served() -> FakeModelServer:
    """Serve two versions of each of the models."""
    server = declared_models()
    server.models["sentiment"][2] = declared_version("sentiment", 2)
    server.models["housing"] = {number: version(number) for number in (1, 2)}
    return server


def told(tfgate: Gateway, model: str) -> dict[str, Any]:
    """Return what is told of a release; nothing if there is none."""
    return tfgate.client.get(f"/models/{model}").json()["release"] or {}


def state(tfgate: Gateway, model: str) -> str | None:
    return told(tfgate, model).get("state")


def route(tfgate: Gateway, model: str, request_id: str) -> str:
    """Ask once, and return how the request came to its version."""
    headers = {"X-Request-Id": request_id}
    answer = tfgate.client.post(f"/predict/{model}", json=QUESTIONS[model], headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.headers["X-Model-Route"])


def joined(tfgate: Gateway, model: str, truths: list[dict[str, Any]]) -> int:
    answer = tfgate.client.post(f"/feedback/{model}", json={"feedback": truths})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["joined"])


@pytest.mark.parametrize("rule", RULES)
def test_feedback_takes_a_candidate_back_everywhere_and_for_good(
    tmp_path: Path, store: str, rule: str
) -> None:
    """One gateway is asked, and the other is told what was right."""
    model, limit, right, wrong = RULES[rule]
    file = write(tmp_path, RELEASE.format(model=model, rule=rule, limit=limit))
    settings = {"releases": file, "store": store, "generic_models": ()}
    ids: Iterator[str] = map("request-{}".format, count())
    with gateway(served(), **settings) as one, gateway(served(), **settings) as other:
        one.wait_until(lambda: state(one, model) == "running", "the release")
        other.wait_until(lambda: state(other, model) == "running", "the release")

        def is_taken_back() -> bool:
            asked = [next(ids) for _ in range(40)]
            truths = [
                {
                    "request_id": each,
                    **(wrong if route(one, model, each) == "candidate" else right),
                }
                for each in asked
            ]
            last = truths.pop()
            one.wait_until(lambda: joined(other, model, [last]) == 1, "the last answer")
            joined(other, model, truths)
            return state(one, model) == state(other, model) == "taken back"

        one.wait_until(is_taken_back, "the guards")
        assert told(one, model)["reason"].startswith(f"{rule}: ")
        assert told(other, model)["reason"].startswith(f"{rule}: ")

    with gateway(served(), **settings) as anew:

        def is_remembered() -> bool:
            assert {route(anew, model, next(ids)) for _ in range(10)} == {"stable"}
            return state(anew, model) == "taken back"

        anew.wait_until_ready()
        anew.wait_until(is_remembered, "what was found before")

        # Who brings the file from before back has not started it anew.
        text = file.read_text()
        write(tmp_path, "# none\n")
        anew.wait_until(lambda: state(anew, model) is None, "the end of the release")
        write(tmp_path, text)
        anew.wait_until(is_remembered, "what was found before")


def test_a_store_that_is_away_keeps_no_release_from_beginning(tmp_path: Path) -> None:
    text = RELEASE.format(model="sentiment", rule="errors", limit=0.01)
    store = f"redis://127.0.0.1:{stack.free_port()}"
    file = write(tmp_path, text)
    with gateway(served(), releases=file, store=store, generic_models=()) as tfgate:
        tfgate.wait_until(lambda: state(tfgate, "sentiment") == "running", "the release")
