"""GET /models and /models/{model}: labels, releases as they run, and disagreements."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
import jsonschema_rs
import pytest

from tests import faults
from tests.in_process import Gateway, gateway
from tests.serving.gateway.releases.asking import (
    MODEL,
    ask,
    key_at,
    only,
    release,
    served,
    started,
    version,
)
from tfgate.keys import create

IN, OUT = key_at(0, 0.1), key_at(0.5, 1)


def told(tfgate: Gateway) -> dict[str, Any]:
    return dict(tfgate.client.get(f"/models/{MODEL}").json()["release"])


def summary(tfgate: Gateway) -> Any:
    models = tfgate.client.get("/models").json()["models"]
    return next(each["release"] for each in models if each["name"] == MODEL)


def wait_for_state(tfgate: Gateway, state: str) -> dict[str, Any]:
    tfgate.wait_until(lambda: told(tfgate)["state"] == state, state)
    return told(tfgate)


def test_without_a_release_there_is_none(http: httpx.Client) -> None:
    description = http.get(f"/models/{MODEL}").json()

    assert description["release"] is None
    assert description["labels"] is None, "no models.config: nobody knows"
    assert http.get(f"/models/{MODEL}/disagreements").json() == {
        "model": MODEL,
        "disagreements": [],
    }


def test_a_release_is_told_with_all_that_the_file_says_of_it(tmp_path: Path) -> None:
    text = f"""
[cohorts.staff]
keys = ["alice", "bob"]

[models.{MODEL}]
stable = 1
previous = 3

[models.{MODEL}.candidate]
version = 2
steps = ["1%/10m", "10%/30m", "50%/1h"]
started = 2020-01-01T12:00:00Z
by = "api-key"
keys = ["carol"]
headers = {{ X-Beta = ["yes", "perhaps"] }}
cohorts = ["staff"]
compare = 7

[models.{MODEL}.shadow]
version = 4
percent = 30

[models.{MODEL}.guard]
window = "10m"
errors = 0.01
p99_ratio = 1.5
"""
    with started(served(1, 2, 3, 4), tmp_path, text) as tfgate:
        release = wait_for_state(tfgate, "running")
        figures = release.pop("figures")

        assert release == {
            "state": "running",
            "reason": None,
            "stable": 1,
            "previous": 3,
            "candidate": {
                "version": 2,
                "percent": 50,
                "by": "api-key",
                "started": "2020-01-01T12:00:00Z",
                "steps": [
                    {"percent": 1, "lasts_seconds": 600},
                    {"percent": 10, "lasts_seconds": 1800},
                    {"percent": 50, "lasts_seconds": 3600},
                ],
                "step": 3,
                "next_step": None,
                "compare": 7,
                "num_keys": 1,
                "num_headers": 2,
                "cohorts": ["staff"],
            },
            "shadow": {"version": 4, "percent": 30},
            "guard": {
                "window_seconds": 600,
                "least_requests": 100,
                "rules": {"errors": 0.01, "p99_ratio": 1.5},
            },
        }
        assert {each["rule"] for each in figures["verdicts"]} == {"errors", "p99_ratio"}
        assert summary(tfgate) == {"state": "running", "stable": 1, "candidate": 2, "percent": 50}
        assert tfgate.client.get(f"/models/{MODEL}").json()["version"] == 1


def test_when_the_next_step_comes_is_told(tmp_path: Path) -> None:
    started_at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    steps = f'steps = ["5%/2h", "10%/1h"]\nstarted = {started_at.isoformat()}'
    text = release(1, 2).replace("percent = 10", steps)
    with started(served(1, 2), tmp_path, text) as tfgate:
        candidate = wait_for_state(tfgate, "running")["candidate"]

        assert (candidate["step"], candidate["percent"]) == (1, 5)
        next_step = datetime.fromisoformat(candidate["next_step"])
        assert next_step == started_at + timedelta(hours=2)


def test_why_a_release_waits_is_told(tmp_path: Path) -> None:
    server = served(1)
    with started(server, tmp_path, release(1, 2)) as tfgate:
        waiting = "version 2, the candidate, is not ready"
        tfgate.wait_until(lambda: told(tfgate)["reason"] == waiting, "why it waits")
        assert told(tfgate)["state"] == "waiting"
        assert told(tfgate)["candidate"]["percent"] == 0
        assert summary(tfgate) == {"state": "waiting", "stable": 1, "candidate": 2, "percent": 0}

        server.models[MODEL][2] = version(2)

        assert wait_for_state(tfgate, "running")["candidate"]["percent"] == 10


def test_what_was_seen_of_both_sides_is_told(tmp_path: Path) -> None:
    server = served(1, 2)
    with started(server, tmp_path, release(1, 2)) as tfgate:
        wait_for_state(tfgate, "running")
        for key in (IN, IN, OUT):
            ask(tfgate, key=key)
        server.faults[MODEL] = only(2, faults.fail(grpc.StatusCode.INTERNAL))
        ask(tfgate, key=IN)

        figures = told(tfgate)["figures"]

        stable, candidate = figures["stable"], figures["candidate"]
        # What the candidate could not answer, stable has.
        assert (stable["requests"], stable["failed"]) == (2, 0)
        assert (candidate["requests"], candidate["failed"]) == (3, 1)
        assert 0 < candidate["p50_seconds"] <= candidate["p99_seconds"] < 60


def test_why_a_candidate_was_taken_back_is_told_and_nobody_goes_to_it(tmp_path: Path) -> None:
    server = served(1, 2)
    guard = f'[models.{MODEL}.guard]\nwindow = "20s"\nleast_requests = 10\nerrors = 0.01'
    with started(server, tmp_path, release(1, 2, more=guard)) as tfgate:
        wait_for_state(tfgate, "running")
        server.faults[MODEL] = only(2, faults.fail(grpc.StatusCode.INTERNAL))

        def is_taken_back() -> bool:
            for key in [IN, OUT] * 10:
                assert ask(tfgate, key=key).version == 1
            return bool(told(tfgate)["state"] == "taken back")

        tfgate.wait_until(is_taken_back, "the guard")

        release_now = told(tfgate)
        assert release_now["reason"].startswith("errors: ")
        assert release_now["candidate"]["percent"] == 0
        calls = len(server.calls)
        ask(tfgate, key=IN)
        assert [call.request.model_spec.version.value for call in server.calls[calls:]] == [1]


def test_labels_are_told_where_the_model_servers_list_is_known(tmp_path: Path) -> None:
    config = tmp_path / "models.config"
    config.write_text(
        """model_config_list {
  config {
    name: "housing" base_path: "/models/housing" model_platform: "tensorflow"
    model_version_policy { all {} }
    version_labels { key: "stable" value: 1 } version_labels { key: "canary" value: 2 }
  }
  config { name: "image" base_path: "/models/image" model_platform: "tensorflow" }
}"""
    )
    with gateway(served(1, 2), models_config=config) as tfgate:
        tfgate.wait_until_ready()

        assert tfgate.client.get("/models/housing").json()["labels"] == {"canary": 2, "stable": 1}
        assert tfgate.client.get("/models/image").json()["labels"] == {}


def disagreements(tfgate: Gateway) -> list[dict[str, Any]]:
    answer = tfgate.client.get(f"/models/{MODEL}/disagreements")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["disagreements"])


@pytest.mark.parametrize("kept", [False, True])
def test_what_two_versions_answer_otherwise_is_told(tmp_path: Path, *, kept: bool) -> None:
    text = release(1, 2).replace("percent = 10", "percent = 100\ncompare = 100")
    with started(served(1, 2), tmp_path, text, keep_disagreeing_inputs=kept) as tfgate:
        wait_for_state(tfgate, "running")

        assert ask(tfgate).version == 2

        tfgate.wait_until(lambda: bool(disagreements(tfgate)), "the comparison")
        [found] = disagreements(tfgate)
        assert (found["version"], found["other_version"], found["other_role"]) == (2, 1, "stable")
        assert (found["num_rows"], found["num_disagreeing"]) == (1, 1)
        [price], [other] = found["answer"]["price"], found["other_answer"]["price"]
        assert price == pytest.approx(2 * other)
        assert len(found["inputs_sha256"]) == 64
        assert (found["inputs"] is not None) == kept
        candidate = told(tfgate)["figures"]["candidate"]
        assert (candidate["compared_rows"], candidate["disagreeing_rows"]) == (1, 1)


def test_what_others_have_asked_is_shown_to_those_who_may_ask_the_model(tmp_path: Path) -> None:
    file = tmp_path / "keys.jsonl"
    mine, stranger = create(file, "mine"), create(file, "stranger", models=["image"])
    with started(served(1), tmp_path, release(1), keys_file=file) as tfgate:
        path = f"/models/{MODEL}/disagreements"

        for key, status in ((mine, 200), (stranger, 403)):
            assert tfgate.client.get(path, headers={"X-API-Key": key}).status_code == status


def test_of_a_model_that_is_not_there_nothing_is_told(http: httpx.Client) -> None:
    answer = http.get("/models/nobody/disagreements")

    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-model")


def test_what_is_told_is_what_the_document_promises(tmp_path: Path) -> None:
    with started(served(1, 2), tmp_path, release(1, 2)) as tfgate:
        document = tfgate.client.get("/openapi.json").json()
        wait_for_state(tfgate, "running")
        for path, template in {
            "/models": "/models",
            f"/models/{MODEL}": "/models/{model}",
            f"/models/{MODEL}/disagreements": "/models/{model}/disagreements",
        }.items():
            answered = document["paths"][template]["get"]["responses"]["200"]
            schema = answered["content"]["application/json"]["schema"]
            whole = {**schema, "components": document["components"]}
            jsonschema_rs.Draft202012Validator(whole).validate(tfgate.client.get(path).json())
        of_release = document["components"]["schemas"]["ReleaseDescription"]
        assert "Each gateway, and each worker of it" in of_release["description"]
