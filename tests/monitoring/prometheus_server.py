"""A real Prometheus with the project's own configuration and rules, started for a test."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests import stack

MONITORING = stack.ROOT / "monitoring"
_INTERVAL = "1s"  # instead of 15, in which a test would wait for each scrape


@dataclass(frozen=True)
class Sample:
    """One element of a query's result."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Prometheus:
    """A running server, asked through its HTTP API."""

    http: httpx.Client

    def query(self, promql: str) -> list[Sample]:
        """Evaluate an expression at this moment; it must be a vector or a scalar."""
        data = self._get("query", query=promql)
        if data["resultType"] == "scalar":
            return [Sample({}, float(data["result"][1]))]
        return [Sample(each["metric"], float(each["value"][1])) for each in data["result"]]

    def names(self) -> set[str]:
        """List every metric that was scraped or recorded."""
        return set(self._get("label/__name__/values"))

    def labels_of(self, metric: str) -> set[str]:
        """List the labels that any series of a metric has."""
        selector = f'{{__name__="{metric}"}}'
        return set(self._get("labels", **{"match[]": selector}))

    def targets(self) -> dict[str, str]:
        """Return the health of each job's target: up, down or unknown."""
        active = self._get("targets")["activeTargets"]
        return {target["labels"]["job"]: target["health"] for target in active}

    def alerts(self) -> list[dict[str, Any]]:
        """List the alerts that are pending or firing."""
        alerts: list[dict[str, Any]] = self._get("alerts")["alerts"]
        return alerts

    def broken_rules(self) -> dict[str, str]:
        """Return the last error of each rule that has one."""
        rules = [rule for group in self._get("rules")["groups"] for rule in group["rules"]]
        return {rule["name"]: rule["lastError"] for rule in rules if rule.get("lastError")}

    def _get(self, path: str, **parameters: str) -> Any:
        answer = self.http.get(f"/api/v1/{path}", params=parameters).json()
        assert answer["status"] == "success", f"{parameters}: {answer.get('error')}"
        return answer["data"]


@contextmanager
def prometheus(
    targets: Mapping[str, str], scratch: Path, *, alertmanagers: Sequence[str] = ()
) -> Iterator[Prometheus]:
    """Run Prometheus over monitoring/prometheus.yml, with each job's target replaced."""
    config = scratch / "prometheus.yml"
    config.write_text(yaml.safe_dump(_configuration(targets, alertmanagers)))
    address = f"127.0.0.1:{stack.free_port()}"
    command = [
        *("prometheus", "--log.level=warn", f"--web.listen-address={address}"),
        *(f"--config.file={config}", f"--storage.tsdb.path={scratch / 'data'}"),
    ]
    with stack.process(command):
        url = f"http://{address}"
        stack.wait_until(lambda: stack.answers(f"{url}/-/ready"), "readiness of Prometheus")
        # One client for hundreds of questions: each new one would load the system's certificates.
        with httpx.Client(base_url=url, timeout=30) as http:
            yield Prometheus(http)


def _configuration(targets: Mapping[str, str], alertmanagers: Sequence[str]) -> dict[str, Any]:
    configuration: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    configuration["global"] = {"scrape_interval": _INTERVAL, "evaluation_interval": _INTERVAL}
    configuration["rule_files"] = [str(MONITORING / file) for file in configuration["rule_files"]]
    for job in configuration["scrape_configs"]:
        job["static_configs"] = [{"targets": [targets[job["job_name"]]]}]
    for manager in configuration["alerting"]["alertmanagers"]:
        manager["static_configs"] = [{"targets": list(alertmanagers)}]
    return configuration
