"""Published without traffic: a new version answers nobody who has not named it, or released it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proto.status_pb2 import ModelVersionStatus
from serving.gateway.inference.model_ref import ModelRef
from tests.fake_model_server import FakeModelServer
from tests.in_process import Gateway, gateway
from tests.serving.gateway.releases.asking import (
    ASKS,
    MODEL,
    ask,
    described_version,
    key_at,
    release,
    served,
    version,
    write,
)

IN = key_at(0, 0.1)


@pytest.fixture(scope="module")
def server() -> FakeModelServer:
    return served(1, 2)


@pytest.fixture(scope="module")
def quiet(server: FakeModelServer) -> Iterator[Gateway]:
    with gateway(server, publish_without_traffic=True) as tfgate:
        tfgate.wait_until_ready()
        yield tfgate


@pytest.mark.parametrize("how", ASKS)
def test_the_oldest_answers_and_who_names_another_gets_it(quiet: Gateway, how: str) -> None:
    for key in ("", IN):
        told = ask(quiet, how, key=key)
        assert (told.version, told.route) == (1, "stable")

    pinned = ask(quiet, how, ModelRef(MODEL, 2))
    assert (pinned.version, pinned.route) == (2, "pinned")


def test_metadata_is_that_of_the_version_that_answers(quiet: Gateway) -> None:
    assert described_version(quiet) == 1


def test_a_version_that_comes_gets_none_until_a_release_names_it(tmp_path: Path) -> None:
    server = served(1)
    file = write(tmp_path, "# none yet\n")
    with gateway(server, publish_without_traffic=True, releases=file) as tfgate:
        tfgate.wait_until_ready()
        server.models[MODEL][2] = version(2)
        pinned = ModelRef(MODEL, 2)
        tfgate.wait_until(lambda: _is_ready(tfgate, 2), "the new version")
        assert ask(tfgate, ref=pinned).version == 2
        assert ask(tfgate, key=IN).version == 1

        write(tmp_path, release(1, 2))
        tfgate.wait_until(lambda: ask(tfgate, key=IN).route == "candidate", "the release")

        write(tmp_path, release(2))
        tfgate.wait_until(lambda: ask(tfgate).version == 2, "the promotion")


def test_when_the_oldest_goes_the_one_after_it_answers() -> None:
    server = served(1, 2, 3)
    with gateway(server, publish_without_traffic=True) as tfgate:
        tfgate.wait_until_ready()
        assert ask(tfgate).version == 1

        server.models[MODEL][1].state = ModelVersionStatus.END

        assert ask(tfgate).version == 2


def test_a_new_version_that_is_proved_first_does_not_answer_meanwhile() -> None:
    """After a start, the older one may be asked its first question for longer."""
    server = served(1, 2)
    server.hanging_probes.add((MODEL, 1))
    with gateway(server, publish_without_traffic=True, status_timeout_seconds=60) as tfgate:
        tfgate.wait_until(lambda: (MODEL, 1) in server.probes_waiting, "the question")
        assert ask(tfgate, ref=ModelRef(MODEL, 2)).version == 2

        assert ask(tfgate).version == 1


def _is_ready(tfgate: Gateway, number: int) -> bool:
    return tfgate.client.get(f"/v2/models/{MODEL}/versions/{number}/ready").is_success
