"""A control plane names the model servers: the gateway asks it, and spreads its calls over them."""

import sys

import pytest

from tests.example_bodies import HOUSE
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening
from tests.in_process import gateway_to
from tests.stack import free_port
from tests.xds_server import XdsServer

HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
NUM_REQUESTS = 60


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux listens on all of 127.0.0.0/8")
def test_the_servers_that_a_control_plane_names_are_called_in_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = free_port()
    servers = [declared_models() for _ in HOSTS]
    with (
        listening(servers[0], host=HOSTS[0], port=port),
        listening(servers[1], host=HOSTS[1], port=port),
        listening(servers[2], host=HOSTS[2], port=port),
        XdsServer(*HOSTS, port=port) as plane,
    ):
        monkeypatch.setenv("GRPC_XDS_BOOTSTRAP_CONFIG", plane.bootstrap)
        with gateway_to("xds:///model-server.test:8500") as tfgate:
            tfgate.wait_until_ready()

            def all_are_asked() -> bool:
                assert tfgate.client.post("/predict/housing", json=HOUSE).is_success
                return all(server.calls for server in servers)

            tfgate.wait_until(all_are_asked, "a call of each server")
            for server in servers:
                server.calls.clear()

            for _ in range(NUM_REQUESTS):
                assert tfgate.client.post("/predict/housing", json=HOUSE).is_success

    share = NUM_REQUESTS / len(HOSTS)
    # What else the gateway asks for meanwhile, such as states, takes turns, too.
    assert [len(server.calls) for server in servers] == [pytest.approx(share, rel=0.25)] * 3
