"""`tfgate up` with the shipped models: it answers until it is stopped, and nothing is left."""

import signal

import httpx

from serving.models import MODELS
from tests import stack
from tests.tfgate.test_up import children_of, tfgate_up


def test_it_serves_until_it_is_stopped_and_leaves_nothing_behind() -> None:
    with tfgate_up() as (running, url):
        stack.wait_until_ready(url)
        for name, model in MODELS.items():
            answer = httpx.post(f"{url}/predict/{name}", json=model.example.model_dump(mode="json"))
            assert answer.status_code == 200
        children = children_of(running)
        assert len(children) >= 2

        running.send_signal(signal.SIGINT)

        assert running.wait(stack.STOP_SECONDS) == 0
        assert not any(child.is_running() for child in children)
