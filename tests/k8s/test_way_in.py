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


def test_another_ingress_leads_grpc_to_its_port(gateway_ports: dict[str, int]) -> None:
    grpc = cluster("ingress").named("Ingress", "gateway-grpc")
    [rule] = grpc["spec"]["rules"]
    [path] = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": "gateway", "port": {"name": "grpc"}}
    assert "grpc" in gateway_ports
    assert [rule["host"]] == grpc["spec"]["tls"][0]["hosts"]
    annotations = grpc["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/backend-protocol"] == "GRPC"
    assert annotations["nginx.ingress.kubernetes.io/proxy-body-size"] == "0"


def test_a_route_of_its_own_leads_grpc_to_its_port(gateway_ports: dict[str, int]) -> None:
    applied = cluster("http-route")
    http, grpc = applied.named("HTTPRoute", "gateway"), applied.named("GRPCRoute", "gateway")
    assert grpc["apiVersion"] == http["apiVersion"]
    assert grpc["spec"] == {
        "parentRefs": http["spec"]["parentRefs"],
        "hostnames": ["grpc.tfgate.example.com"],
        "rules": [{"backendRefs": [{"name": "gateway", "port": gateway_ports["grpc"]}]}],
    }
    assert not set(http["spec"]["hostnames"]) & set(grpc["spec"]["hostnames"])


def test_proxies_are_told_that_the_port_is_http_2() -> None:
    ports = cluster("overlays/cpu").named("Service", "gateway")["spec"]["ports"]
    told = {port["name"]: port.get("appProtocol") for port in ports}
    assert told == {"http": None, "metrics": None, "grpc": "kubernetes.io/h2c"}


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
