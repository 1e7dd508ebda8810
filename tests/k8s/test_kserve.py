"""tfgate as a runtime of KServe: the pod that KServe makes of both objects, and what it needs."""

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from serving.embedded.flags import parse
from serving.gateway.settings import Settings
from tests.foreign.clients.environments import RUN_SECONDS, environment_of, needs_client
from tests.k8s.cluster import Cluster, Manifest, Pod, cluster, environment
from tests.k8s.test_network import Peer, may_enter, may_leave, peer
from tests.programs import needs

pytestmark = needs("kubectl", package="kubernetes-client")

# Fields of a predictor that are KServe's own; all others are those of a pod.
KSERVE_FIELDS = {"model", "minReplicas", "maxReplicas", "scaleMetric", "scaleTarget"}
MOUNTED_BY_KSERVE = "/mnt/models"
SERVER, GATEWAY = "kserve-container", "transformer-container"


@pytest.fixture(scope="module")
def applied() -> Cluster:
    return cluster("overlays/cpu", "kserve")


@pytest.fixture(scope="module")
def service(applied: Cluster) -> Manifest:
    return applied.of_kind("InferenceService")[0]


@pytest.fixture(scope="module")
def runtime(applied: Cluster) -> Manifest:
    return applied.of_kind("ServingRuntime")[0]


@pytest.fixture(scope="module")
def pod(service: Manifest, runtime: Manifest) -> Pod:
    """Make the pod that KServe makes: the runtime's, with what the service says, under its name."""
    name = service["metadata"]["name"]
    filled = json.loads(json.dumps(runtime["spec"]).replace("{{.Name}}", name))
    predictor = {
        field: value
        for field, value in service["spec"]["predictor"].items()
        if field not in KSERVE_FIELDS
    }
    spec = {"containers": filled["containers"], "volumes": filled["volumes"], **predictor}
    return Pod(f"{name}-predictor", service["metadata"]["labels"], spec)


def container(pod: Pod, name: str) -> Manifest:
    found: Manifest = next(each for each in pod.containers if each["name"] == name)
    return found


def settings(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in environment(container(pod, GATEWAY)).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TFGATE_KEYS_FILE")
    return Settings(allow_anonymous=True)


def test_the_pod_is_one_that_a_cluster_takes(pod: Pod) -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod.workload, "labels": dict(pod.labels)},
        "spec": pod.spec,
    }
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_the_service_names_the_runtime_and_what_it_can(
    service: Manifest, runtime: Manifest
) -> None:
    model = service["spec"]["predictor"]["model"]
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["modelFormat"] in runtime["spec"]["supportedModelFormats"]
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]
    assert {"v1", "v2", "grpc-v2"} <= set(runtime["spec"]["protocolVersions"])


def test_nothing_moves_to_the_runtime_by_itself(runtime: Manifest) -> None:
    assert not any(each.get("autoSelect") for each in runtime["spec"]["supportedModelFormats"])


def test_its_models_are_those_of_the_repository(applied: Cluster, service: Manifest) -> None:
    uri = service["spec"]["predictor"]["model"]["storageUri"]
    claim, _, folder = uri.removeprefix("pvc://").partition("/")
    applied.named("PersistentVolumeClaim", claim)
    # TensorFlow Serving looks for folders with numbers in there.
    assert folder == service["metadata"]["name"]


def test_names_are_those_by_which_kserve_knows_the_containers(pod: Pod) -> None:
    assert [each["name"] for each in pod.containers] == [SERVER, GATEWAY]
    assert "ports" not in container(pod, SERVER)


def test_the_server_reads_its_flags(pod: Pod) -> None:
    server = container(pod, SERVER)
    said = parse([each.replace("$(PROCESSORS)", "2") for each in server["args"]])
    assert said.unknown == ()
    assert said.flags.model_base_path == MOUNTED_BY_KSERVE
    assert said.flags.model_name == pod.workload.removesuffix("-predictor")
    variables = {each["name"] for each in server["env"]}
    assert set(re.findall(r"\$\((\w+)\)", " ".join(server["args"]))) <= variables


def test_the_gateway_asks_the_socket_that_the_server_opens(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = container(pod, SERVER)
    flags = parse([each.replace("$(PROCESSORS)", "2") for each in server["args"]]).flags
    assert flags.port == 0
    assert settings(pod, monkeypatch).model_server == f"unix:{flags.grpc_socket_path}"
    for probe in ("startupProbe", "readinessProbe"):
        assert server[probe]["exec"]["command"] == ["test", "-S", flags.grpc_socket_path]
    folder, _, _ = flags.grpc_socket_path.rpartition("/")
    shared = [
        {each["mountPath"]: each["name"] for each in container["volumeMounts"]}[folder]
        for container in pod.containers
    ]
    assert len(set(shared)) == 1
    users = {each["securityContext"]["runAsUser"] for each in pod.containers}
    assert len(users) == 1


def test_every_variable_is_a_setting(pod: Pod) -> None:
    known = {f"TFGATE_{name.upper()}" for name in Settings.model_fields}
    assert environment(container(pod, GATEWAY)).keys() <= known


def test_ports_are_those_on_which_the_gateway_listens(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    listens = settings(pod, monkeypatch)
    # KServe makes the first one port 80 of its service.
    assert next(iter(pod.ports.items())) == ("http", listens.port)
    assert pod.ports == {
        "http": listens.port,
        "grpc": listens.grpc_port,
        "metrics": listens.metrics_port,
    }


def test_metrics_are_scraped_where_they_are(runtime: Manifest, pod: Pod) -> None:
    annotations = runtime["spec"]["annotations"]
    assert annotations["prometheus.kserve.io/port"] == str(pod.ports["metrics"])
    assert annotations["prometheus.kserve.io/path"] == "/metrics"


def test_it_is_ready_when_its_model_can_be_asked(service: Manifest, pod: Pod) -> None:
    name = service["metadata"]["name"]
    asked = {
        kind: container(pod, GATEWAY)[f"{kind}Probe"]["httpGet"]["path"]
        for kind in ("startup", "readiness", "liveness")
    }
    assert asked == {
        "startup": "/healthz",
        "readiness": f"/readyz/{name}",
        "liveness": "/healthz",
    }
    assert environment(container(pod, GATEWAY))["TFGATE_GENERIC_MODELS"] == name


def test_the_server_outlives_what_the_gateway_has_accepted(
    pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = settings(pod, monkeypatch)
    asleep = container(pod, SERVER)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert asleep >= given.drain_seconds + given.shutdown_grace_seconds + 5
    assert pod.spec["terminationGracePeriodSeconds"] >= asleep + 5


def test_the_pod_is_restricted(pod: Pod) -> None:
    for each in pod.containers:
        context = each["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
    assert pod.spec["automountServiceAccountToken"] is False
    assert pod.spec["enableServiceLinks"] is False


def test_images_are_those_of_the_other_manifests(applied: Cluster, pod: Pod) -> None:
    others = {each["image"] for other in applied.pods() for each in other.containers}
    assert {each["image"] for each in pod.containers} <= others


def test_only_the_way_in_and_prometheus_reach_it(applied: Cluster, pod: Pod) -> None:
    reached = {
        (namespace, name)
        for namespace in ("istio-system", "monitoring", "kube-system", "default")
        for name, port in pod.ports.items()
        if may_enter(applied, pod, Peer(namespace, {}), port)
    }
    assert reached == {
        ("istio-system", "http"),
        ("istio-system", "grpc"),
        ("monitoring", "metrics"),
    }
    for other in applied.pods():
        assert not any(may_leave(applied, pod, peer(other), port) for port in other.ports.values())


def test_every_mount_has_its_volume(pod: Pod) -> None:
    mounted = {mount["name"] for each in pod.containers for mount in each["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod.spec["volumes"]}
    secrets: list[Any] = [each["secret"] for each in pod.spec["volumes"] if "secret" in each]
    assert [each["secretName"] for each in secrets] == ["tfgate-keys"]


@needs_client("kserve")
def test_both_objects_are_what_kserve_publishes(service: Manifest, runtime: Manifest) -> None:
    assert objections([service, runtime]) == []

    runtime, service = copy.deepcopy(runtime), copy.deepcopy(service)
    runtime["spec"]["containers"][0]["startupProb"] = {}
    runtime["spec"]["protocolVersions"] = "v2"
    service["spec"]["predictor"]["minReplicas"] = "2"
    service["spec"]["predictor"]["model"]["storageURI"] = "pvc://a"
    del service["spec"]["predictor"]["model"]["modelFormat"]
    assert len(objections([service, runtime])) == 5


def objections(manifests: list[Manifest]) -> list[str]:
    """Ask the classes that are generated from KServe's schemas; its package has an own place."""
    done = subprocess.run(
        [environment_of("kserve").python, Path(__file__).with_name("kserve_schemas.py")],
        input=json.dumps(manifests),
        capture_output=True,
        text=True,
        check=True,
        timeout=RUN_SECONDS,
    )
    return done.stdout.splitlines()
