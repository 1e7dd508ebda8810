"""Who reaches whom: the policies are evaluated for every pair of pods and every port."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.k8s.cluster import Cluster, Manifest, Pod, in_every_overlay
from tests.programs import needs

pytestmark = needs("kubectl", package="kubernetes-client")

# Where the ingress controller and the proxies of the Gateway are.
WAYS_IN = ("ingress-nginx", "envoy-gateway-system")


@dataclass(frozen=True)
class Peer:
    """Who is at one end of a connection: a pod of ours, or somebody in another namespace."""

    namespace: str
    labels: dict[str, str]


def peer(pod: Pod) -> Peer:
    return Peer("tfgate", dict(pod.labels))


def matches(selector: Manifest, labels: dict[str, str]) -> bool:
    assert selector.keys() <= {"matchLabels"}, "this test knows no other selectors"
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def admits(rules: Iterable[Any], end: str, other: Peer, port: int) -> bool:
    """Tell whether a rule lets the other end through to a port."""
    return any(
        any(each["port"] == port for each in rule["ports"])
        and any(is_meant(each, other) for each in rule[end])
        for rule in rules
    )


def is_meant(selectors: Manifest, other: Peer) -> bool:
    if "ipBlock" in selectors:
        return False
    namespace = {"kubernetes.io/metadata.name": other.namespace}
    in_namespace = (
        matches(selectors["namespaceSelector"], namespace)
        if "namespaceSelector" in selectors
        else other.namespace == "tfgate"
    )
    return in_namespace and matches(selectors.get("podSelector", {}), other.labels)


def policies(applied: Cluster, pod: Pod, direction: str) -> Iterator[Manifest]:
    for policy in applied.of_kind("NetworkPolicy"):
        spec = policy["spec"]
        if direction in spec["policyTypes"] and matches(spec["podSelector"], dict(pod.labels)):
            yield spec


def may_enter(applied: Cluster, pod: Pod, source: Peer, port: int) -> bool:
    found = [each.get("ingress", []) for each in policies(applied, pod, "Ingress")]
    return not found or any(admits(rules, "from", source, port) for rules in found)


def may_leave(applied: Cluster, pod: Pod, target: Peer, port: int) -> bool:
    found = [each.get("egress", []) for each in policies(applied, pod, "Egress")]
    return not found or any(admits(rules, "to", target, port) for rules in found)


@in_every_overlay
def test_pods_reach_each_other_only_where_they_must(applied: Cluster) -> None:
    reached = {
        (source.workload, target.workload, port)
        for source in applied.pods()
        for target in applied.pods()
        for port in target.ports.values()
        if may_leave(applied, source, peer(target), port)
        and may_enter(applied, target, peer(source), port)
    }
    assert reached == {
        ("gateway", "model-server", 8500),
        ("gateway", "store", 6379),
        ("loadtest-workers", "gateway", 8000),
        ("loadtest-workers", "loadtest-master", 5557),
    }


@in_every_overlay
def test_other_namespaces_reach_only_what_is_theirs(applied: Cluster) -> None:
    reached = {
        (namespace, target.workload, port)
        for namespace in (*WAYS_IN, "monitoring", "kube-system", "default")
        for target in applied.pods()
        for port in target.ports.values()
        if may_enter(applied, target, Peer(namespace, {}), port)
    }
    assert reached == {
        *((namespace, "gateway", port) for namespace in WAYS_IN for port in (8000, 9000)),
        ("monitoring", "gateway", 8001),
        ("monitoring", "model-server", 8501),
    }


@in_every_overlay
def test_every_pod_may_ask_dns_and_nothing_else_in_its_namespace(applied: Cluster) -> None:
    dns = Peer("kube-system", {"k8s-app": "kube-dns"})
    for pod in applied.pods():
        assert may_leave(applied, pod, dns, 53)
        assert not may_leave(applied, pod, dns, 443)
        assert not may_leave(applied, pod, Peer("kube-system", {}), 53)


@in_every_overlay
def test_only_training_reaches_the_internet(applied: Cluster) -> None:
    reaching = {
        pod.workload
        for pod in applied.pods()
        for policy in policies(applied, pod, "Egress")
        if any("ipBlock" in each for rule in policy.get("egress", []) for each in rule["to"])
    }
    assert reaching == {"training"}
