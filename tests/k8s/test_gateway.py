"""The gateway's pods agree with the gateway: its settings, its routes, how it stops."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serving.gateway.settings import Settings
from tests import stack
from tests.k8s.cluster import Cluster, Manifest, environment
from tests.programs import needs
from tests.stack import free_port

pytestmark = needs("kubectl", package="kubernetes-client")


@pytest.fixture
def container(applied: Cluster) -> Manifest:
    found: Manifest = applied.pod("gateway").containers[0]
    return found


@pytest.fixture
def settings(container: Manifest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """What the gateway reads from the variables that the manifest gives it."""
    for name, value in environment(container).items():
        monkeypatch.setenv(name, value)
    keys = tmp_path / "keys.jsonl"
    keys.touch()
    return Settings(keys_file=keys)


@pytest.fixture(scope="module")
def running(
    model_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """A gateway that wants keys; yields the URLs of its ports by their names."""
    keys = tmp_path_factory.mktemp("keys") / "keys.jsonl"
    keys.touch()
    ports = {"http": free_port(), "metrics": free_port()}
    settings = {
        "port": str(ports["http"]),
        "metrics_port": str(ports["metrics"]),
        "keys_file": str(keys),
    }
    with stack.gateway(model_server, **settings) as url:
        stack.wait_until_ready(url)
        yield {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}


def test_every_variable_is_a_setting(container: Manifest) -> None:
    known = {f"TFGATE_{name.upper()}" for name in Settings.model_fields}
    assert environment(container).keys() <= known


def test_ports_are_those_on_which_it_listens(applied: Cluster, settings: Settings) -> None:
    assert applied.pod("gateway").ports == {
        "http": settings.port,
        "metrics": settings.metrics_port,
    }
    assert settings.host == "0.0.0.0"  # noqa: S104  # in a pod, whose network policy decides


def test_it_asks_every_model_server_behind_the_headless_service(
    applied: Cluster, settings: Settings
) -> None:
    service = applied.named("Service", "model-server")["spec"]
    assert service["clusterIP"] == "None"
    ports = {each["name"]: each["port"] for each in service["ports"]}
    assert settings.model_server == f"dns:///model-server:{ports['grpc']}"


def test_keys_are_read_from_the_mounted_secret(
    applied: Cluster, container: Manifest, settings: Settings
) -> None:
    assert not settings.allow_anonymous
    folder, _, file = environment(container)["TFGATE_KEYS_FILE"].rpartition("/")
    assert f"--from-file={file}" in (stack.ROOT / "docs/deploy.md").read_text()
    mount = next(each for each in container["volumeMounts"] if each["mountPath"] == folder)
    volumes = {each["name"]: each for each in applied.pod("gateway").spec["volumes"]}
    assert volumes[mount["name"]]["secret"]["secretName"] == "tfgate-keys"


def test_probes_and_scrapes_need_no_key(
    container: Manifest, applied: Cluster, running: dict[str, str]
) -> None:
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container[kind]["httpGet"]
        assert httpx.get(f"{running[asked['port']]}{asked['path']}", timeout=10).is_success, kind
    endpoint = applied.named("ServiceMonitor", "gateway")["spec"]["endpoints"][0]
    assert httpx.get(f"{running[endpoint['port']]}{endpoint['path']}", timeout=10).is_success
    assert httpx.get(f"{running['http']}/models", timeout=10).status_code == 401


def test_readiness_waits_longer_than_the_gateway_itself(
    container: Manifest, settings: Settings
) -> None:
    assert container["readinessProbe"]["timeoutSeconds"] > settings.status_timeout_seconds
    assert container["livenessProbe"]["httpGet"] != container["readinessProbe"]["httpGet"]


def test_a_stopping_gateway_may_answer_all_that_it_has_accepted(
    applied: Cluster, container: Manifest, settings: Settings
) -> None:
    before = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    stopping = before + settings.drain_seconds + settings.shutdown_grace_seconds
    assert applied.pod("gateway").spec["terminationGracePeriodSeconds"] >= stopping + 5
    assert settings.shutdown_grace_seconds > settings.predict_timeout_seconds


def test_a_new_gateway_comes_before_an_old_one_goes(applied: Cluster) -> None:
    update = applied.named("Deployment", "gateway")["spec"]["strategy"]["rollingUpdate"]
    assert update == {"maxUnavailable": 0, "maxSurge": 1}
