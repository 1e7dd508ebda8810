"""Every shipped expression, asked of a real Prometheus that watches a real gateway."""

import pytest

from tests import stack
from tests.monitoring import expressions
from tests.monitoring.expressions import Expression
from tests.monitoring.prometheus_server import Prometheus
from tests.programs import needs

pytestmark = needs("prometheus", package="prometheus")

# What exporters of others expose, where there is a GPU or Kubernetes.
# Source: etc/default-counters.csv of NVIDIA/dcgm-exporter; docs/storage/prometheus.md of cAdvisor.
ELSEWHERE = {
    "DCGM_FI_DEV_GPU_UTIL",
    "DCGM_FI_DEV_FB_USED",
    "DCGM_FI_DEV_POWER_USAGE",
    "DCGM_FI_DEV_GPU_TEMP",
    "container_memory_working_set_bytes",
    "container_spec_memory_limit_bytes",
}
# Prometheus writes this one itself, from the first alert on.
ALERTS = "ALERTS"
# Labels that a target has in Kubernetes only.
FROM_KUBERNETES = {"namespace"}


def test_the_gateway_and_the_model_server_are_scraped(watched: Prometheus) -> None:
    assert watched.targets() == {"tfgate-gateway": "up", "tfgate-model-server": "up"}


@expressions.parametrize(
    expressions.of_rules(), expressions.of_dashboard(), expressions.of_runbook()
)
def test_an_expression_reads_metrics_and_labels_that_exist(
    watched: Prometheus, expression: Expression
) -> None:
    names = watched.names()

    for metric in expression.metrics() - ELSEWHERE - {ALERTS}:
        assert metric in names
    for metric, label in expression.matched_labels():
        if metric not in ELSEWHERE | {ALERTS} and label not in FROM_KUBERNETES:
            assert label in watched.labels_of(metric)


@expressions.parametrize(
    expressions.of_rules(), expressions.of_dashboard(), expressions.of_runbook()
)
def test_an_expression_can_be_evaluated(watched: Prometheus, expression: Expression) -> None:
    watched.query(expression.promql)


@expressions.parametrize(expressions.of_dashboard())
def test_a_panel_shows_something(watched: Prometheus, expression: Expression) -> None:
    if not expression.metrics() & ELSEWHERE:
        assert watched.query(expression.promql)


@pytest.mark.parametrize("name", sorted(expressions.recorded()))
def test_a_recording_rule_records(watched: Prometheus, name: str) -> None:
    assert watched.query(name)


def test_no_rule_fails_and_no_alarm_is_raised_about_a_healthy_stack(watched: Prometheus) -> None:
    def raised() -> set[str]:
        names = {alert["labels"]["alertname"] for alert in watched.alerts()}
        # How fast this machine is today is not the question.
        return names - {"TfgateLatencyBudgetBurn"}

    # The gateway looks at its models every few seconds, and may have started before they did.
    stack.wait_until(lambda: not raised(), "silence")
    assert watched.broken_rules() == {}
