"""The gateway's pods agree with the gateway: its settings, its routes, how it stops."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

import httpx
import pytest

from serving.gateway.settings import Settings
from serving.gateway.target import XDS_VARIABLES
from tests import stack
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening
from tests.k8s.cluster import OVERLAYS, Cluster, Manifest, cluster, environment, in_every_overlay
from tests.programs import needs
from tests.stack import free_port

pytestmark = needs("kubectl", package="kubernetes-client")

PROBES = ("startup", "readiness", "liveness")


def container(applied: Cluster) -> Manifest:
    found: Manifest = applied.pod("gateway").containers[0]
    return found


def settings(applied: Cluster) -> Settings:
    """Read what the gateway reads from the variables that the manifest gives it."""
    with pytest.MonkeyPatch.context() as patch, NamedTemporaryFile() as keys:
        for name, value in environment(container(applied)).items():
            patch.setenv(name, value)
        return Settings(keys_file=Path(keys.name))


@contextmanager
def running(folder: Path) -> Iterator[dict[str, str]]:
    """Run a gateway that wants keys; yields the URLs of its ports by their names."""
    keys = folder / "keys.jsonl"
    keys.touch()
    ports = {"http": free_port(), "metrics": free_port()}
    settings = {
        "port": str(ports["http"]),
        "metrics_port": str(ports["metrics"]),
        "keys_file": str(keys),
    }
    with listening(declared_models()) as server, stack.gateway(server, **settings) as url:
        stack.wait_until_ready(url)
        yield {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}


@in_every_overlay
def test_every_variable_is_a_setting(applied: Cluster) -> None:
    known = {f"TFGATE_{name.upper()}" for name in Settings.model_fields}
    assert environment(container(applied)).keys() <= {*known, *XDS_VARIABLES}


@in_every_overlay
def test_ports_are_those_on_which_it_listens(applied: Cluster) -> None:
    listens = settings(applied)
    assert applied.pod("gateway").ports == {
        "http": listens.port,
        "metrics": listens.metrics_port,
        "grpc": listens.grpc_port,
    }
    assert listens.host == "0.0.0.0"  # noqa: S104  # in a pod, whose network policy decides


@in_every_overlay
def test_it_asks_every_model_server_behind_one_name(applied: Cluster) -> None:
    """DNS tells all addresses of a headless service alone, Istio those of any other."""
    scheme, _, endpoint = settings(applied).model_server.partition(":///")
    host, _, port = endpoint.partition(":")
    service = applied.named("Service", host.removesuffix(".tfgate.svc.cluster.local"))["spec"]
    assert int(port) in [each["port"] for each in service["ports"] if each["name"] == "grpc"]
    assert applied.selected(service["selector"]) == [applied.pod("model-server")]
    assert (scheme, service.get("clusterIP")) in {("dns", "None"), ("xds", None)}


@in_every_overlay
def test_keys_are_read_from_the_mounted_secret(applied: Cluster) -> None:
    assert not settings(applied).allow_anonymous
    folder, _, file = environment(container(applied))["TFGATE_KEYS_FILE"].rpartition("/")
    assert f"--from-file={file}" in (stack.ROOT / "docs/deploy.md").read_text()
    mount = next(each for each in container(applied)["volumeMounts"] if each["mountPath"] == folder)
    volumes = {each["name"]: each for each in applied.pod("gateway").spec["volumes"]}
    assert volumes[mount["name"]]["secret"]["secretName"] == "tfgate-keys"


@in_every_overlay
def test_releases_are_read_from_the_config_map_and_the_models_kept_by_it(
    applied: Cluster,
) -> None:
    folder = environment(container(applied))["TFGATE_RELEASES"]
    assert f"--releases={folder}" in applied.pod("model-server").containers[0]["command"]
    for workload in ("gateway", "model-server"):
        pod = applied.pod(workload)
        mount = next(
            each for each in pod.containers[0]["volumeMounts"] if each["name"] == "releases"
        )
        assert mount == {"name": "releases", "mountPath": folder, "readOnly": True}
        [volume] = [each for each in pod.spec["volumes"] if each["name"] == "releases"]
        assert volume["configMap"] == {"name": "tfgate-releases", "optional": True}


@in_every_overlay
def test_nothing_is_asked_in_a_cluster_before_somebody_says_so(applied: Cluster) -> None:
    assert settings(applied).publish_without_traffic


def test_probes_and_scrapes_need_no_key(tmp_path: Path) -> None:
    with running(tmp_path) as urls:
        for overlay in OVERLAYS:
            applied = cluster(overlay)
            asked = [
                *(container(applied)[f"{kind}Probe"]["httpGet"] for kind in PROBES),
                applied.named("ServiceMonitor", "gateway")["spec"]["endpoints"][0],
            ]
            for each in asked:
                answer = httpx.get(f"{urls[each['port']]}{each['path']}", timeout=10)
                assert answer.is_success, (overlay, each)
        assert httpx.get(f"{urls['http']}/models", timeout=10).status_code == 401


@in_every_overlay
def test_readiness_waits_longer_than_the_gateway_itself(applied: Cluster) -> None:
    asking = container(applied)
    assert asking["readinessProbe"]["timeoutSeconds"] > settings(applied).status_timeout_seconds
    assert asking["livenessProbe"]["httpGet"] != asking["readinessProbe"]["httpGet"]


@in_every_overlay
def test_a_stopping_gateway_may_answer_all_that_it_has_accepted(applied: Cluster) -> None:
    lifecycle, given = container(applied).get("lifecycle", {}), settings(applied)
    before = lifecycle.get("preStop", {}).get("sleep", {}).get("seconds", 0)
    stopping = before + given.drain_seconds + given.shutdown_grace_seconds
    assert applied.pod("gateway").spec["terminationGracePeriodSeconds"] >= stopping + 5
    assert given.shutdown_grace_seconds > given.predict_timeout_seconds


@in_every_overlay
def test_a_new_gateway_comes_before_an_old_one_goes(applied: Cluster) -> None:
    update = applied.named("Deployment", "gateway")["spec"]["strategy"]["rollingUpdate"]
    assert update == {"maxUnavailable": 0, "maxSurge": 1}
