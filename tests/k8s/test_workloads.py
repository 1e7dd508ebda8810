"""How pods are sized, spread and replaced, and of which images they are."""

import re

import yaml

from tests.k8s.cluster import Cluster, cluster, in_every_overlay, megabytes, processors
from tests.programs import needs
from tests.stack import ROOT

pytestmark = needs("kubectl", package="kubernetes-client")


@in_every_overlay
def test_requests_stay_within_limits(applied: Cluster) -> None:
    for pod in applied.pods():
        for container in pod.containers:
            requests, limits = container["resources"]["requests"], container["resources"]["limits"]
            assert megabytes(requests["memory"]) <= megabytes(limits["memory"]), pod.workload
            assert processors(requests["cpu"]) > 0
            if "cpu" in limits:
                assert processors(requests["cpu"]) <= processors(limits["cpu"]), pod.workload


@in_every_overlay
def test_several_gateways_run(applied: Cluster) -> None:
    scaler = applied.named("HorizontalPodAutoscaler", "gateway")["spec"]
    assert 2 <= scaler["minReplicas"] < scaler["maxReplicas"]


@in_every_overlay
def test_no_deployment_fixes_what_its_autoscaler_decides(applied: Cluster) -> None:
    for deployment in applied.of_kind("Deployment"):
        assert "replicas" not in deployment["spec"]


@in_every_overlay
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


@in_every_overlay
def test_a_node_can_always_be_drained(applied: Cluster) -> None:
    # A budget that wants all of the fewest replicas would keep a node from ever being emptied.
    for budget in applied.of_kind("PodDisruptionBudget"):
        assert budget["spec"]["maxUnavailable"] >= 1
        assert "minAvailable" not in budget["spec"]


@in_every_overlay
def test_a_rollout_always_moves_on(applied: Cluster) -> None:
    for deployment in applied.of_kind("Deployment"):
        update = deployment["spec"]["strategy"]["rollingUpdate"]
        assert update["maxUnavailable"] + update["maxSurge"] >= 1


@in_every_overlay
def test_images_of_ours_have_the_version_of_the_project(applied: Cluster) -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version is not None
    ours = [image for image in _images(applied) if image.startswith("tfgate/")]
    assert ours
    for image in ours:
        assert image.endswith(f":{version[1]}")


@in_every_overlay
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


def test_the_gpu_overlay_asks_for_gpus_where_they_are() -> None:
    gpu = cluster("overlays/gpu")
    spec = gpu.pod("model-server").spec
    container = spec["containers"][0]
    assert container["image"].endswith("-gpu")
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert any(each["key"] == "nvidia.com/gpu" for each in spec["tolerations"])
    # A successor that needs a GPU while its predecessor has the last one would wait for ever.
    update = gpu.named("Deployment", "model-server")["spec"]["strategy"]["rollingUpdate"]
    assert update["maxSurge"] == 0


@in_every_overlay
def test_jobs_write_the_repository_that_servers_only_read(applied: Cluster) -> None:
    assert _repository(applied, "model-server") == ("model-repository", "/models", True)
    for workload in ("shipped-models", "training"):
        assert _repository(applied, workload) == ("model-repository", "/models", False), workload


def _repository(applied: Cluster, workload: str) -> tuple[str, str, bool]:
    pod = applied.pod(workload)
    volume = next(each for each in pod.spec["volumes"] if "persistentVolumeClaim" in each)
    mounts = pod.containers[0]["volumeMounts"]
    mount = next(each for each in mounts if each["name"] == volume["name"])
    claim = volume["persistentVolumeClaim"]["claimName"]
    return claim, mount["mountPath"], mount.get("readOnly", False)
