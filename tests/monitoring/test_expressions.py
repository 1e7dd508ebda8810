"""Every shipped expression, asked of a real Prometheus that watches a real gateway."""

from contextlib import suppress
from functools import cache

from tests import stack
from tests.monitoring import expressions
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


def test_expressions_read_metrics_and_labels_that_exist(watched: Prometheus) -> None:
    """A rate is there once a target has been scraped twice, and the rules have been evaluated."""
    with suppress(TimeoutError):
        stack.wait_until(lambda: not missing(watched), "every metric")

    assert missing(watched) == []


def missing(watched: Prometheus) -> list[tuple[str, ...]]:
    names = watched.names()
    labels = cache(watched.labels_of)
    elsewhere = ELSEWHERE | {ALERTS}
    found: list[tuple[str, ...]] = []
    for each in expressions.shipped():
        found += [(each.place, metric) for metric in each.metrics() - elsewhere - names]
        found += [
            (each.place, metric, label)
            for metric, label in each.matched_labels()
            if metric not in elsewhere and label not in FROM_KUBERNETES | labels(metric)
        ]
    return found


def test_expressions_can_be_evaluated(watched: Prometheus) -> None:
    for each in expressions.shipped():
        watched.query(each.promql)


def test_every_panel_shows_something(watched: Prometheus) -> None:
    here = [each for each in expressions.of_dashboard() if not each.metrics() & ELSEWHERE]

    assert [each.place for each in here if not watched.query(each.promql)] == []


def test_every_recording_rule_records(watched: Prometheus) -> None:
    assert [name for name in expressions.recorded() if not watched.query(name)] == []


def test_no_rule_fails_and_no_alarm_is_raised_about_a_healthy_stack(watched: Prometheus) -> None:
    def raised() -> set[str]:
        names = {alert["labels"]["alertname"] for alert in watched.alerts()}
        # How fast this machine is today is not the question.
        return names - {"TfgateLatencyBudgetBurn"}

    # The gateway looks at its models every few seconds, and may have started before they did.
    stack.wait_until(lambda: not raised(), "silence")
    assert watched.broken_rules() == {}
