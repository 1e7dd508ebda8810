"""The store that gateways share: it is found, wants a password, and forgets what it may forget."""

import re

import yaml

from serving.gateway.settings import Settings
from tests.k8s.cluster import Cluster, Manifest, cluster, in_every_overlay, megabytes
from tests.programs import needs
from tests.stack import ROOT

pytestmark = needs("kubectl", package="kubernetes-client")

GUIDE = (ROOT / "docs/deploy.md").read_text()


def store(applied: Cluster) -> Manifest:
    found: Manifest = applied.pod("store").containers[0]
    return found


def options(words: list[str]) -> dict[str, str]:
    """Read valkey-server's options, each of which has a value."""
    assert words[0] == "valkey-server"
    return dict(zip(words[1::2], words[2::2], strict=True))


@in_every_overlay
def test_gateways_find_it_by_a_secret_if_there_is_one(applied: Cluster) -> None:
    variables = {each["name"]: each for each in applied.pod("gateway").containers[0]["env"]}
    secret = {"name": "tfgate-store", "key": "url", "optional": True}
    assert variables["TFGATE_STORE"]["valueFrom"] == {"secretKeyRef": secret}
    [url] = re.findall(r"--from-literal=url=(\S+)", GUIDE)
    port = applied.named("Service", "store")["spec"]["ports"][0]["port"]
    assert url == f"redis://:$PASSWORD@store:{port}/0"
    assert Settings(allow_anonymous=True, store=url.replace("$PASSWORD", "secret"))


@in_every_overlay
def test_it_takes_nobody_without_the_password(applied: Cluster) -> None:
    variables = {each["name"]: each for each in store(applied)["env"]}
    secret = {"name": "tfgate-store", "key": "password"}
    assert options(store(applied)["args"])["--requirepass"] == "$(STORE_PASSWORD)"
    assert variables["STORE_PASSWORD"]["valueFrom"] == {"secretKeyRef": secret}
    assert "--from-literal=password=$PASSWORD" in GUIDE


@in_every_overlay
def test_it_gives_up_what_expires_before_it_is_killed_for_its_memory(applied: Cluster) -> None:
    given = options(store(applied)["args"])
    limit = megabytes(store(applied)["resources"]["limits"]["memory"])
    assert given["--maxmemory-policy"] == "volatile-ttl"
    assert megabytes(given["--maxmemory"].replace("mb", "Mi")) <= 0.75 * limit
    assert given["--appendonly"] == "yes"


def test_docker_compose_runs_the_same_with_its_profile() -> None:
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["store"]
    given = options(store(cluster("store"))["args"])
    del given["--requirepass"]  # nobody else is in its network
    assert options(composed["command"]) == given
    assert composed["profiles"] == ["store"]
    assert "ports" not in composed
