"""Prometheus scrapes the same as in docker compose, under the names that its rules know."""

from typing import Any

import yaml

from tests.k8s.cluster import Cluster, in_every_overlay, name_of
from tests.programs import needs
from tests.stack import ROOT

pytestmark = needs("kubectl", package="kubernetes-client")


@in_every_overlay
def test_monitors_scrape_as_prometheus_does_in_docker_compose(applied: Cluster) -> None:
    configuration: dict[str, Any] = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text())
    composed = {
        job["job_name"]: (job.get("metrics_path", "/metrics"), job["static_configs"][0]["targets"])
        for job in configuration["scrape_configs"]
    }
    scraped = {}
    for monitor in applied.of_kind("ServiceMonitor"):
        spec = monitor["spec"]
        service = _service(applied, spec["selector"]["matchLabels"])
        ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
        job = service["metadata"]["labels"][spec["jobLabel"]]
        endpoint = spec["endpoints"][0]
        scraped[job] = (endpoint["path"], [f"{name_of(service)}:{ports[endpoint['port']]}"])
    assert scraped == composed


def _service(applied: Cluster, labels: dict[str, str]) -> dict[str, Any]:
    found = [
        service
        for service in applied.of_kind("Service")
        if labels.items() <= service["metadata"]["labels"].items()
    ]
    assert len(found) == 1
    return found[0]
