"""The two ways in from outside, an ingress and a route: each leads to the gateway alone."""

import pytest

from serving.gateway.settings import Settings
from tests.k8s.cluster import Cluster, Manifest, cluster, name_of
from tests.programs import needs

pytestmark = needs("kubectl", package="kubernetes-client")


@pytest.fixture(scope="module")
def gateway_ports() -> dict[str, int]:
    service = cluster("overlays/cpu").named("Service", "gateway")
    return {port["name"]: port["port"] for port in service["spec"]["ports"]}


@pytest.fixture(scope="module")
def ingress() -> Manifest:
    return cluster("ingress").named("Ingress", "gateway")


def test_the_ingress_leads_to_the_gateway(ingress: Manifest, gateway_ports: dict[str, int]) -> None:
    for rule in ingress["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            service = path["backend"]["service"]
            assert service == {"name": "gateway", "port": {"name": "http"}}
            assert "http" in gateway_ports


def test_every_host_of_the_ingress_has_a_certificate(ingress: Manifest) -> None:
    hosts = {rule["host"] for rule in ingress["spec"]["rules"]}
    assert hosts == {host for each in ingress["spec"]["tls"] for host in each["hosts"]}


def test_the_ingress_lets_through_what_the_gateway_accepts(ingress: Manifest) -> None:
    annotations = ingress["metadata"]["annotations"]
    megabytes = annotations["nginx.ingress.kubernetes.io/proxy-body-size"].removesuffix("m")
    assert int(megabytes) * 2**20 >= Settings.model_fields["max_body_bytes"].default


def test_the_route_leads_to_the_gateway(gateway_ports: dict[str, int]) -> None:
    # No package has the published schema of a route, so it is read here field by field.
    route = cluster("http-route").named("HTTPRoute", "gateway")
    assert route["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert route["spec"].keys() == {"parentRefs", "hostnames", "rules"}
    for parent in route["spec"]["parentRefs"]:
        assert parent.keys() == {"name", "namespace", "sectionName"}
    assert route["spec"]["rules"] == [
        {
            "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
            "backendRefs": [{"name": "gateway", "port": gateway_ports["http"]}],
        }
    ]


def test_both_are_for_the_same_host(ingress: Manifest) -> None:
    route = cluster("http-route").named("HTTPRoute", "gateway")
    assert route["spec"]["hostnames"] == [rule["host"] for rule in ingress["spec"]["rules"]]


def test_the_route_admits_the_namespace_of_its_proxies() -> None:
    applied = cluster("http-route")
    route = applied.named("HTTPRoute", "gateway")
    policy = applied.named("NetworkPolicy", "http-route")["spec"]
    admitted = [
        each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for rule in policy["ingress"]
        for each in rule["from"]
    ]
    assert admitted == [parent["namespace"] for parent in route["spec"]["parentRefs"]]


def test_without_a_way_in_nobody_outside_is_let_in() -> None:
    policies = Cluster(cluster("overlays/cpu").of_kind("NetworkPolicy"))
    assert {name_of(each) for each in policies.objects} == {
        *("deny-all", "allow-dns", "gateway", "model-server")
    }
