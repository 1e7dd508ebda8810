"""Model servers behind one name: each gets its share, one may die, and one more is soon found.

As behind a headless service, the name resolves to the address of every server. Each has weights of
its own under the same number, so that an answer tells who gave it.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from soak.clients import Clients, Outcome
from soak.known_answers import KnownAnswers
from soak.model_server import ModelServer
from soak.versions import write_version
from tests import stack
from tests.e2e.under_load import QUESTIONS, errors
from tests.name_server import NameServer

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux listens on all of 127.0.0.0/8"
)

HOUSES = [each for each in QUESTIONS if each.model == "housing" and not each.batch]
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4")
CONNECTION_AGE_SECONDS = 2
# Names are asked again when a connection has reached its age, which gRPC varies by a tenth, and at
# most once a second. The rest is for a slow machine.
JOIN_SECONDS = CONNECTION_AGE_SECONDS * 1.1 + 1 + 10
# No more clients than the gateway makes calls at once: then no questions share a call, and it is
# calls that are spread. The shares that eight clients see also vary with the sizes of their calls.
NUM_CLIENTS = 2
NUM_ANSWERS = 1_000


class Replica:
    """One of the servers, and what it would answer."""

    def __init__(self, number: int, scratch: Path, port: int) -> None:
        self.host = HOSTS[number]
        model = scratch / self.host / "housing"
        model.mkdir(parents=True)
        version = write_version("housing", number, model).rename(model / "1")
        self._answers = KnownAnswers(HOUSES)
        self._answers.learn("housing", 1, version)
        age = f"--grpc_channel_arguments=grpc.max_connection_age_ms={CONNECTION_AGE_SECONDS}000"
        self.server = ModelServer(model.parent, scratch, age, host=self.host, port=port)

    def gave(self, outcome: Outcome) -> bool:
        return outcome.ok and self._answers.is_right(outcome)


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Replica]]:
    """Four servers that run, all on one port."""
    scratch, port = tmp_path_factory.mktemp("replicas"), stack.free_port()
    replicas = [Replica(number, scratch, port) for number in range(len(HOSTS))]
    with ExitStack() as running:
        for replica in replicas:
            running.enter_context(replica.server).start()
        for replica in replicas:
            replica.server.wait_until_it_answers()
        yield replicas


@contextmanager
def asking(replicas: list[Replica]) -> Iterator[tuple[NameServer, list[Outcome]]]:
    """Ask through a gateway whose name server knows these; gives it and what is heard."""
    outcomes: list[Outcome] = []
    with (
        NameServer(*(replica.host for replica in replicas)) as names,
        stack.gateway(
            f"dns://{names.authority}/model-server.test:{replicas[0].server.port}"
        ) as url,
        Clients(url, HOUSES, outcomes.append, num_clients=NUM_CLIENTS),
    ):
        yield names, outcomes
    assert errors(outcomes) == []


def wait_for(replica: Replica, outcomes: list[Outcome]) -> None:
    """Wait until a server has given an answer that has not been heard yet."""
    heard = len(outcomes)
    stack.wait_until(
        lambda: any(replica.gave(each) for each in outcomes[heard:]),
        f"an answer by {replica.host}",
        JOIN_SECONDS,
    )


def assert_even(replicas: list[Replica], outcomes: list[Outcome]) -> None:
    """Of the answers from now on, these servers give all, and each its share within 10 %."""
    for replica in replicas:
        wait_for(replica, outcomes)
    first = len(outcomes)
    stack.wait_until(lambda: len(outcomes) >= first + NUM_ANSWERS, "that many answers")
    sample = outcomes[first : first + NUM_ANSWERS]
    counts = Counter(r.host for each in sample for r in replicas if r.gave(each))
    share = NUM_ANSWERS / len(replicas)
    assert counts.total() == NUM_ANSWERS
    assert counts == {replica.host: pytest.approx(share, rel=0.1) for replica in replicas}


def test_load_is_spread_evenly(replicas: list[Replica]) -> None:
    with asking(replicas[:3]) as (_, outcomes):
        assert_even(replicas[:3], outcomes)


def test_one_more_server_gets_its_share(replicas: list[Replica]) -> None:
    """Although nothing tells the gateway to look again, and no connection fails."""
    with asking(replicas[:3]) as (names, outcomes):
        for replica in replicas[:3]:
            wait_for(replica, outcomes)
        names.addresses = HOSTS
        assert_even(replicas, outcomes)


def test_a_dead_servers_share_goes_to_the_others_until_it_is_back(replicas: list[Replica]) -> None:
    *others, mortal = replicas[:3]
    with asking(replicas[:3]) as (_, outcomes):
        wait_for(mortal, outcomes)
        mortal.server.kill()
        assert_even(others, outcomes)
        mortal.server.start()
        mortal.server.wait_until_it_answers()
        assert_even(replicas[:3], outcomes)
