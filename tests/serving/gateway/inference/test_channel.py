"""The way to the model servers: how they are found, shared out, left, and found again.

The servers are fakes on ports of their own. As behind a headless service, one name resolves to the
addresses of them all; which of them was asked, they tell themselves.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests import stack
from tests.drawings import as_json, drawing, file_of
from tests.example_bodies import EXAMPLES, HOUSE
from tests.fake_model_server import FakeModelServer
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening
from tests.faults import hang
from tests.in_process import Gateway, gateway_to
from tests.name_server import NameServer

only_on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux listens on all of 127.0.0.0/8"
)
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
NUM_REQUESTS = 90
# Nothing but a connection's end makes gRPC ask for the addresses behind a name again.
SHORT_LIVED = [("grpc.max_connection_age_ms", 500)]
# 393 kB as tensors: more than gRPC, if left alone, would send a second time.
PICTURES = {"instances": [as_json(file_of(drawing(number))) for number in range(128)]}


class Fleet:
    """Servers on one port of several hosts, which come and go."""

    def __init__(self) -> None:
        self.servers = {host: declared_models() for host in HOSTS}
        self.port = stack.free_port()
        self._running: dict[str, ExitStack] = {}

    def start(self, *hosts: str, short_lived: bool = False) -> None:
        for host in hosts:
            options = SHORT_LIVED if short_lived else []
            self._running[host] = ExitStack()
            self._running[host].enter_context(
                listening(self.servers[host], host=host, port=self.port, options=options)
            )

    def stop(self, *hosts: str) -> None:
        for host in hosts:
            self._running.pop(host).close()

    def stop_all(self) -> None:
        self.stop(*self._running)

    def counts(self) -> dict[str, int]:
        """How many predictions each was asked for since the last time."""
        counts = {host: len(server.calls) for host, server in self.servers.items()}
        for server in self.servers.values():
            server.calls.clear()
        return {host: number for host, number in counts.items() if number}


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    fleet = Fleet()
    yield fleet
    fleet.stop_all()


def ask(tfgate: Gateway) -> bool:
    return tfgate.client.post("/predict/housing", json=HOUSE).is_success


def wait_until_asked(tfgate: Gateway, server: FakeModelServer) -> None:
    """Ask until this server is among those that are asked; nobody may be refused meanwhile."""

    def is_asked() -> bool:
        assert ask(tfgate)
        return bool(server.calls)

    tfgate.wait_until(is_asked, "a call of the server")


def test_a_server_that_comes_late_answers_the_first_request() -> None:
    """Although the gateway came first, and was asked and probed for long."""
    port = stack.free_port()
    with gateway_to(f"127.0.0.1:{port}") as tfgate:
        assert not ask(tfgate)
        for _ in range(20):
            assert tfgate.client.get("/readyz").status_code == 503

        with listening(declared_models(), port=port):
            assert ask(tfgate)


@only_on_linux
def test_calls_are_spread_evenly(fleet: Fleet) -> None:
    fleet.start(*HOSTS)
    with (
        NameServer(*HOSTS) as names,
        gateway_to(f"dns://{names.authority}/model-server.test:{fleet.port}") as tfgate,
    ):
        for server in fleet.servers.values():
            wait_until_asked(tfgate, server)
        fleet.counts()

        assert all(ask(tfgate) for _ in range(NUM_REQUESTS))

    # What else the gateway asks for meanwhile, such as states, takes turns, too.
    share = NUM_REQUESTS / len(HOSTS)
    assert fleet.counts() == {host: pytest.approx(share, rel=0.25) for host in HOSTS}


@only_on_linux
def test_one_more_server_is_found_and_gets_its_share(fleet: Fleet) -> None:
    """Although nothing tells the gateway to look again, and no call fails."""
    *first, late = HOSTS
    fleet.start(*HOSTS, short_lived=True)
    with (
        NameServer(*first) as names,
        gateway_to(f"dns://{names.authority}/model-server.test:{fleet.port}") as tfgate,
    ):
        wait_until_asked(tfgate, fleet.servers[first[0]])

        names.addresses = HOSTS

        wait_until_asked(tfgate, fleet.servers[late])


@only_on_linux
def test_a_dead_servers_share_goes_to_the_others_until_it_is_back(fleet: Fleet) -> None:
    *others, mortal = HOSTS
    fleet.start(*HOSTS)
    target = ",".join(f"{host}:{fleet.port}" for host in HOSTS)
    with gateway_to(f"ipv4:{target}") as tfgate:
        wait_until_asked(tfgate, fleet.servers[mortal])
        fleet.stop(mortal)
        fleet.counts()

        assert all(ask(tfgate) for _ in range(NUM_REQUESTS))
        assert fleet.counts().keys() == set(others)

        fleet.start(mortal)
        wait_until_asked(tfgate, fleet.servers[mortal])


@only_on_linux
def test_a_large_call_that_a_dying_server_had_is_made_again(fleet: Fleet) -> None:
    """It is more than gRPC would keep for a second attempt, if left alone."""
    first, second = HOSTS[:2]
    fleet.start(first, second)
    with gateway_to(
        f"ipv4:{first}:{fleet.port},{second}:{fleet.port}", predict_timeout_seconds=60
    ) as tfgate:
        for host in (first, second):
            wait_until_asked(tfgate, fleet.servers[host])
            fleet.servers[host].faults["image"] = hang
        fleet.counts()
        visitor = tfgate.ask("/predict/image/batch", PICTURES)
        tfgate.wait_until(lambda: any(s.calls for s in fleet.servers.values()), "the call")
        [dying] = fleet.counts()
        for server in fleet.servers.values():
            server.faults.clear()

        fleet.stop(dying)

        assert visitor.answer().status == 200
        assert fleet.counts() == {({first, second} - {dying}).pop(): 1}


@only_on_linux
def test_a_server_that_comes_back_at_another_address_is_found_by_its_name(fleet: Fleet) -> None:
    """As a pod does behind a headless service."""
    old, new = HOSTS[:2]
    fleet.start(old)
    with (
        NameServer(old) as names,
        gateway_to(f"dns://{names.authority}/model-server.test:{fleet.port}") as tfgate,
    ):
        assert ask(tfgate)
        fleet.stop(old)
        answer = tfgate.client.post("/predict/housing", json=HOUSE)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")

        names.addresses = (new,)
        fleet.start(new)

        tfgate.wait_until(lambda: ask(tfgate), "an answer")
    assert fleet.servers[new].calls


def test_a_call_may_be_larger_than_grpcs_default_limit() -> None:
    with listening(declared_models()) as address, gateway_to(address) as tfgate:
        text = {"text": "a good one " * 1_800}

        answer = tfgate.client.post("/predict/sentiment/batch", json={"instances": [text] * 128})

        assert answer.status_code == 200
        assert tfgate.client.post("/predict/image", json=EXAMPLES["image"]).is_success
