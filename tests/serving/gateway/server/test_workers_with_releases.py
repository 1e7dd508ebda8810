"""Workers of one gateway, which share a store without a word of settings: guards and feedback."""

from itertools import count
from pathlib import Path
from typing import Any

import grpc
import httpx

from tests import faults, stack
from tests.fake_models import declared_models, declared_version
from tests.fake_over_grpc import listening as answering
from tests.serving.gateway.releases.asking import only
from tests.workers import listening

MODEL = "sentiment"
RELEASE = f"""
[models.{MODEL}]
stable = 1
candidate = {{ version = 2, percent = 50, started = 2026-01-01T00:00:00Z }}
guard = {{ window = "20s", least_requests = 10, errors = 0.01 }}
"""


def test_what_one_worker_finds_or_answers_the_other_knows(tmp_path: Path) -> None:
    releases = tmp_path / "releases.toml"
    releases.write_text(RELEASE)
    server = declared_models()
    server.models[MODEL][2] = declared_version(MODEL, 2)
    ids = map("request-{}".format, count())
    with (
        answering(server) as model_server,
        stack.gateway_process(model_server=model_server, releases=str(releases), workers="2") as (
            running,
            url,
        ),
        # A connection that is kept open leads to one of the workers.
        httpx.Client(base_url=url) as one,
    ):

        def either(method: str, path: str, document: object = None) -> Any:
            """Ask on a connection of its own, which the kernel gives to either worker."""
            # Loading certificates takes longer than all the rest.
            answer = httpx.request(method, f"{url}{path}", json=document, verify=False)  # noqa: S501
            assert answer.status_code == 200, answer.text
            return answer.json()

        def states() -> set[str]:
            told = [either("GET", f"/models/{MODEL}")["release"] for _ in range(10)]
            return {each["state"] for each in told}

        def ask() -> str:
            request_id = next(ids)
            headers = {"X-Request-Id": request_id}
            answer = one.post(f"/predict/{MODEL}", json={"text": "good"}, headers=headers)
            assert answer.status_code == 200, answer.text
            return request_id

        def joined(request_id: str) -> bool:
            truth = {"request_id": request_id, "label": "positive"}
            return bool(either("POST", f"/feedback/{MODEL}", truth)["joined"])

        stack.wait_until(lambda: len(listening(running)) == 2, "both workers")
        stack.wait_until(lambda: states() == {"running"}, "the release")

        for request_id in [ask() for _ in range(12)]:
            stack.wait_until(lambda: joined(request_id), "its answer")  # noqa: B023  # called at once
        figures = either("GET", f"/feedback/{MODEL}/figures")["figures"]
        assert sum(each["num_labels"] for each in figures) == 12

        server.faults[MODEL] = only(2, faults.fail(grpc.StatusCode.INTERNAL))

        def are_taken_back() -> bool:
            for _ in range(20):
                ask()
            return states() == {"taken back"}

        stack.wait_until(are_taken_back, "both guards")

        listening(running)[0].kill()
        stack.wait_until(lambda: len(listening(running)) == 1, "a worker's death")
        stack.wait_until(lambda: len(listening(running)) == 2, "another worker")
        stack.wait_until(lambda: states() == {"taken back"}, "what was found before")
