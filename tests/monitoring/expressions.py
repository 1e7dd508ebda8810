"""Every PromQL expression that the project ships, with the place where it stands."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser
import yaml

from tests import stack
from tests.monitoring.prometheus_server import MONITORING

DASHBOARD = MONITORING / "grafana/dashboards/tfgate.json"
RUNBOOK = stack.ROOT / "docs/runbook.md"
# What Grafana puts in place of its variables while everything is selected.
_VARIABLES = {"$__rate_interval": "1m", "$namespace": ".*", "$model": ".*", "$version": ".*"}


@dataclass(frozen=True)
class Expression:
    """A query, and what a failed test calls it."""

    place: str
    promql: str

    def metrics(self) -> set[str]:
        """Return the names of the metrics that it reads."""
        return {selector.name for selector in self._selectors() if selector.name is not None}

    def matched_labels(self) -> set[tuple[str, str]]:
        """Return each label by which it chooses among a metric's series, beside the metric."""
        return {
            (selector.name or "", matcher.name)
            for selector in self._selectors()
            for matcher in selector.matchers.matchers
        }

    def _selectors(self) -> list[promql_parser.VectorSelector]:
        found: list[promql_parser.VectorSelector] = []

        def visit(node: promql_parser.Expr) -> None:
            if isinstance(node, promql_parser.MatrixSelector):
                node = node.vector_selector
            if isinstance(node, promql_parser.VectorSelector):
                found.append(node)

        promql_parser.walk(promql_parser.parse(self.promql), visit)
        return found


def rules() -> list[dict[str, Any]]:
    """Return every rule of every file."""
    files = [yaml.safe_load(path.read_text()) for path in sorted(MONITORING.glob("rules/*.yml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Return the rules that alert."""
    return [rule for rule in rules() if "alert" in rule]


def recorded() -> set[str]:
    """Return the names that the other rules record."""
    return {rule["record"] for rule in rules() if "record" in rule}


def dashboard() -> dict[str, Any]:
    """Return Grafana's dashboard."""
    document: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return document


def of_rules() -> Iterator[Expression]:
    """Yield the expressions of the rules."""
    for rule in rules():
        yield Expression(rule.get("alert") or rule["record"], rule["expr"])


def of_dashboard() -> Iterator[Expression]:
    """Yield the expressions of the dashboard's panels, with all variables filled in."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            promql = target["expr"]
            for variable, value in _VARIABLES.items():
                promql = promql.replace(variable, value)
            yield Expression(f"{panel['title']} {target['refId']}", promql)


def of_runbook() -> Iterator[Expression]:
    """Yield the expressions that the runbook tells people to ask, one a line."""
    for block in re.findall(r"```promql\n(.*?)```", RUNBOOK.read_text(), re.DOTALL):
        for line in block.splitlines():
            yield Expression(f"runbook: {line}", line)


def shipped() -> Iterator[Expression]:
    """Yield every expression."""
    yield from of_rules()
    yield from of_dashboard()
    yield from of_runbook()
