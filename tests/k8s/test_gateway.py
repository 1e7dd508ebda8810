"""The gateway's pods agree with the gateway: its settings, its routes, how it stops."""

from pathlib import Path

import httpx
import pytest

from serving.gateway.settings import Settings
from tests.k8s.cluster import MANIFESTS, Cluster, Manifest, environment, name_of
from tests.programs import needs

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
    assert f"--from-file={file}" in (MANIFESTS / "README.md").read_text()
    mount = next(each for each in container["volumeMounts"] if each["mountPath"] == folder)
    volumes = {each["name"]: each for each in applied.pod("gateway").spec["volumes"]}
    assert volumes[mount["name"]]["secret"]["secretName"] == "tfgate-keys"


def test_probes_ask_routes_that_need_no_key(container: Manifest, gateway: str) -> None:
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        path = container[kind]["httpGet"]["path"]
        assert httpx.get(f"{gateway}{path}", timeout=10).is_success, path


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


def test_the_ingress_lets_through_what_the_gateway_accepts(
    applied: Cluster, settings: Settings
) -> None:
    annotations = applied.named("Ingress", "gateway")["metadata"]["annotations"]
    megabytes = annotations["nginx.ingress.kubernetes.io/proxy-body-size"].removesuffix("m")
    assert int(megabytes) * 2**20 >= settings.max_body_bytes


def test_the_load_test_asks_the_gateway(applied: Cluster) -> None:
    service = applied.named("Service", "gateway")
    port = {each["name"]: each["port"] for each in service["spec"]["ports"]}["http"]
    master, workers = (applied.pod(f"loadtest-{name}") for name in ("master", "workers"))
    assert f"--host=http://{name_of(service)}:{port}" in master.containers[0]["args"]
    parallelism = applied.named("Job", "loadtest-workers")["spec"]["parallelism"]
    assert f"--expect-workers={parallelism}" in master.containers[0]["args"]
    reachable = applied.named("Service", "loadtest-master")["spec"]["ports"][0]["port"]
    assert "--master-host=loadtest-master" in workers.containers[0]["args"]
    assert f"--master-port={reachable}" in workers.containers[0]["args"]
