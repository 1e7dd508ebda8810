"""What objects name is there: pods, ports, volumes, config maps, accounts, secrets."""

import re

from tests.k8s.cluster import Cluster, identity, in_every_overlay, name_of
from tests.programs import needs
from tests.stack import ROOT

pytestmark = needs("kubectl", package="kubernetes-client")

# They are made by hand, for nothing secret is in the repository; docs/deploy.md says how.
SECRETS = {"tfgate-keys", "tfgate-tls", "tfgate-loadtest-key", "tfgate-store"}
# Made by hand as well: applying an overlay must not undo a release.
BY_HAND = {"tfgate-releases"}


@in_every_overlay
def test_deployments_select_their_own_pods_and_no_others(applied: Cluster) -> None:
    for deployment in applied.of_kind("Deployment"):
        selected = applied.selected(deployment["spec"]["selector"]["matchLabels"])
        assert [pod.workload for pod in selected] == [name_of(deployment)]


@in_every_overlay
def test_services_lead_to_ports_of_pods(applied: Cluster) -> None:
    for service in applied.of_kind("Service"):
        pods = applied.selected(service["spec"]["selector"])
        assert len(pods) == 1, identity(service)
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in pods[0].ports, (identity(service), port)


@in_every_overlay
def test_autoscalers_and_budgets_are_for_all_deployments(applied: Cluster) -> None:
    deployments = {name_of(each) for each in applied.of_kind("Deployment")}
    targets = [
        scaler["spec"]["scaleTargetRef"] for scaler in applied.of_kind("HorizontalPodAutoscaler")
    ]
    assert {target["name"] for target in targets} == deployments
    assert {target["apiVersion"] for target in targets} == {"apps/v1"}
    budgets = applied.of_kind("PodDisruptionBudget")
    protected = [applied.selected(each["spec"]["selector"]["matchLabels"]) for each in budgets]
    assert {pod.workload for pods in protected for pod in pods} == deployments


@in_every_overlay
def test_each_mount_has_its_volume_and_each_volume_its_mount(applied: Cluster) -> None:
    for pod in applied.pods():
        mounted = {mount["name"] for each in pod.containers for mount in each["volumeMounts"]}
        claimed = {name_of(each) for each in applied.claims_of(pod)}
        volumes = {volume["name"] for volume in pod.spec.get("volumes", [])}
        assert mounted == volumes | claimed, pod.workload


@in_every_overlay
def test_volumes_name_what_is_there(applied: Cluster) -> None:
    for pod in applied.pods():
        for volume in pod.spec.get("volumes", []):
            match volume:
                case {"configMap": {"name": name, "optional": True}}:
                    assert name in BY_HAND
                case {"configMap": {"name": name}}:
                    # The name ends in a hash of the content: pods change when it does.
                    assert re.search(r"-[a-z0-9]{10}$", name)
                    applied.named("ConfigMap", name)
                case {"persistentVolumeClaim": {"claimName": name}}:
                    applied.named("PersistentVolumeClaim", name)
                case {"secret": {"secretName": name}}:
                    assert name in SECRETS
                case _:
                    assert "sizeLimit" in volume["emptyDir"]


@in_every_overlay
def test_what_is_made_by_hand_is_explained_and_never_here(applied: Cluster) -> None:
    assert not applied.of_kind("Secret")
    assert not BY_HAND & {name_of(each) for each in applied.of_kind("ConfigMap")}
    guide = (ROOT / "docs/deploy.md").read_text()
    for secret in SECRETS:
        assert re.search(rf"create secret \w+ {secret}\b", guide), secret
    for config_map in BY_HAND:
        assert re.search(rf"create configmap {config_map}\b", guide), config_map
    for pod in applied.pods():
        for container in pod.containers:
            for variable in container.get("env", []):
                if "valueFrom" in variable:
                    assert variable["valueFrom"]["secretKeyRef"]["name"] in SECRETS


@in_every_overlay
def test_what_is_mounted_changes_while_pods_run(applied: Cluster) -> None:
    # What is mounted with a subPath keeps its first content.
    for pod in applied.pods():
        for container in pod.containers:
            assert not any("subPath" in mount for mount in container["volumeMounts"])


@in_every_overlay
def test_each_workload_has_an_account_and_each_account_a_workload(applied: Cluster) -> None:
    used = {pod.spec["serviceAccountName"] for pod in applied.pods()}
    assert used == {name_of(each) for each in applied.of_kind("ServiceAccount")}


@in_every_overlay
def test_probes_ask_ports_of_their_container(applied: Cluster) -> None:
    for server in applied.of_kind("Deployment", "StatefulSet"):
        pod = applied.pod(name_of(server))
        for container in pod.spec["containers"]:
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                probe = container[kind]
                asked = probe.get("httpGet") or probe.get("tcpSocket")
                if asked is not None:
                    assert asked["port"] in pod.ports
                else:
                    assert probe["grpc"]["port"] in pod.ports.values()
