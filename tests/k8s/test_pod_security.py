"""Every pod is restricted, as Kubernetes' Pod Security Standards have it, and a little more."""

from tests.k8s.cluster import Cluster, in_every_overlay
from tests.programs import needs

pytestmark = needs("kubectl", package="kubernetes-client")

ALLOWED_VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image"),
    *("persistentVolumeClaim", "projected", "secret"),
}


@in_every_overlay
def test_the_namespace_admits_only_restricted_pods(applied: Cluster) -> None:
    labels = applied.named("Namespace", "tfgate")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@in_every_overlay
def test_pods_are_no_root_and_share_nothing_with_their_node(applied: Cluster) -> None:
    for pod in applied.pods():
        context = pod.spec["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["runAsUser"] > 0
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & pod.spec.keys()
        for volume in pod.spec.get("volumes", []):
            assert volume.keys() - {"name"} <= ALLOWED_VOLUMES


@in_every_overlay
def test_containers_can_neither_gain_rights_nor_change_their_image(applied: Cluster) -> None:
    for pod in applied.pods():
        for container in pod.containers:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert all("hostPort" not in port for port in container.get("ports", []))


@in_every_overlay
def test_no_pod_has_a_token_of_the_cluster(applied: Cluster) -> None:
    for pod in applied.pods():
        assert pod.spec["automountServiceAccountToken"] is False
    for account in applied.of_kind("ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


@in_every_overlay
def test_no_pod_has_variables_of_services(applied: Cluster) -> None:
    # A service called tfgate would set TFGATE_PORT, and the gateway would not start.
    for pod in applied.pods():
        assert pod.spec["enableServiceLinks"] is False
