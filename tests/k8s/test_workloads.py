"""How pods are sized, spread and replaced, and of which images they are."""

import re

import pytest
import yaml

from tests.k8s.cluster import Cluster, megabytes, processors
from tests.programs import needs
from tests.stack import ROOT

pytestmark = needs("kubectl", package="kubernetes-client")


def test_requests_stay_within_limits(applied: Cluster) -> None:
    for pod in applied.pods():
        for container in pod.containers:
            requests, limits = container["resources"]["requests"], container["resources"]["limits"]
            assert megabytes(requests["memory"]) <= megabytes(limits["memory"]), pod.workload
            assert processors(requests["cpu"]) > 0
            if "cpu" in limits:
                assert processors(requests["cpu"]) <= processors(limits["cpu"]), pod.workload


def test_several_gateways_run(applied: Cluster) -> None:
    scaler = applied.named("HorizontalPodAutoscaler", "gateway")["spec"]
    assert 2 <= scaler["minReplicas"] < scaler["maxReplicas"]


def test_no_deployment_fixes_what_its_autoscaler_decides(applied: Cluster) -> None:
    for deployment in applied.of_kind("Deployment"):
        assert "replicas" not in deployment["spec"]


def test_servers_spread_over_nodes_and_zones(applied: Cluster) -> None:
    for workload in ("gateway", "model-server"):
        pod = applied.pod(workload)
        spread = pod.spec["topologySpreadConstraints"]
        assert {each["topologyKey"] for each in spread} == {
            "kubernetes.io/hostname",
            "topology.kubernetes.io/zone",
        }
        for each in spread:
            assert applied.selected(each["labelSelector"]["matchLabels"]) == [pod]


def test_a_node_can_always_be_drained(applied: Cluster) -> None:
    # A budget that wants all of the fewest replicas would keep a node from ever being emptied.
    for budget in applied.of_kind("PodDisruptionBudget"):
        assert budget["spec"]["maxUnavailable"] >= 1
        assert "minAvailable" not in budget["spec"]


def test_a_rollout_always_moves_on(applied: Cluster) -> None:
    for deployment in applied.of_kind("Deployment"):
        update = deployment["spec"]["strategy"]["rollingUpdate"]
        assert update["maxUnavailable"] + update["maxSurge"] >= 1


def test_images_of_ours_have_the_version_of_the_project(applied: Cluster) -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    ours = [image for image in _images(applied) if image.startswith("tfgate/")]
    assert ours
    for image in ours:
        assert image.endswith(f":{version[1]}")


def test_images_are_those_of_docker_compose(applied: Cluster) -> None:
    composed = {
        service["image"]
        for file in ("docker-compose.yml", "docker-compose.gpu.yml")
        for service in yaml.safe_load((ROOT / file).read_text())["services"].values()
        if "image" in service
    }
    assert _images(applied) <= composed


def _images(applied: Cluster) -> set[str]:
    return {container["image"] for pod in applied.pods() for container in pod.containers}


def test_the_gpu_overlay_asks_for_gpus_where_they_are(gpu: Cluster) -> None:
    spec = gpu.pod("model-server").spec
    container = spec["containers"][0]
    assert container["image"].endswith("-gpu")
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert any(each["key"] == "nvidia.com/gpu" for each in spec["tolerations"])
    # A successor that needs a GPU while its predecessor has the last one would wait for ever.
    update = gpu.named("Deployment", "model-server")["spec"]["strategy"]["rollingUpdate"]
    assert update["maxSurge"] == 0


@pytest.mark.parametrize("workload", ["shipped-models", "training"])
def test_jobs_write_the_repository_that_servers_only_read(applied: Cluster, workload: str) -> None:
    reading, writing = (_repository(applied, name) for name in ("model-server", workload))
    assert reading == ("model-repository", "/models", True)
    assert writing == ("model-repository", "/models", False)


def _repository(applied: Cluster, workload: str) -> tuple[str, str, bool]:
    pod = applied.pod(workload)
    volume = next(each for each in pod.spec["volumes"] if "persistentVolumeClaim" in each)
    mounts = pod.containers[0]["volumeMounts"]
    mount = next(each for each in mounts if each["name"] == volume["name"])
    claim = volume["persistentVolumeClaim"]["claimName"]
    return claim, mount["mountPath"], mount.get("readOnly", False)
