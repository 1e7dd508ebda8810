"""A proxy in the environment: asked about other machines, never about this one."""

from collections.abc import Iterator

import pytest

from tests.example_bodies import HOUSE
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening
from tests.in_process import gateway_to
from tests.proxy import RefusingProxy


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[RefusingProxy]:
    with RefusingProxy() as proxy:
        for name, value in proxy.environment.items():
            monkeypatch.setenv(name, value)
        yield proxy


@pytest.mark.parametrize(
    "target",
    [
        *("127.0.0.1:{}", "localhost:{}", "dns:///localhost:{}", "dns:localhost:{}"),
        *("ipv4:127.0.0.1:{}", "ipv4:127.0.0.1:{0},127.0.0.1:{0}"),
    ],
)
def test_a_model_server_on_this_machine_is_asked_itself(proxy: RefusingProxy, target: str) -> None:
    with listening(declared_models()) as address:
        port = address.rpartition(":")[2]
        with gateway_to(target.format(port)) as tfgate:
            assert tfgate.client.post("/predict/housing", json=HOUSE).status_code == 200

    assert proxy.asked == []


@pytest.mark.parametrize("target", ["[::1]:9", "ipv6:[::1]:9", "unix-abstract:nobody"])
def test_nor_is_the_proxy_asked_where_nobody_listens(proxy: RefusingProxy, target: str) -> None:
    with gateway_to(target) as tfgate:
        assert tfgate.client.post("/predict/housing", json=HOUSE).status_code == 503

    assert proxy.asked == []


@pytest.mark.parametrize("target", ["model-server.test:8500", "dns:///model-server.test:8500"])
def test_another_machine_is_asked_through_the_proxy(proxy: RefusingProxy, target: str) -> None:
    with gateway_to(target) as tfgate:
        assert tfgate.client.post("/predict/housing", json=HOUSE).status_code == 503

    assert "CONNECT model-server.test:8500 HTTP/1.1" in proxy.asked


def test_unless_no_proxy_names_it(proxy: RefusingProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "model-server.test")
    with gateway_to("model-server.test:8501") as tfgate:
        assert tfgate.client.post("/predict/housing", json=HOUSE).status_code == 503

    assert proxy.asked == []
