"""The rules as promtool sees them: well formed, and alerts fire when they should, and only then."""

import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import yaml

from monitoring.prometheus_rule import MANIFEST, prometheus_rule
from serving.errors import InvalidRequest, Overloaded, all_errors
from serving.gateway.problems import status_of
from tests import stack
from tests.monitoring import expressions
from tests.monitoring.prometheus_server import MONITORING
from tests.programs import needs
from tests.promtool import promtool

SCENARIOS = sorted((stack.ROOT / "tests/monitoring/rules").glob("*.yml"))


@needs("promtool", package="prometheus")
def test_the_configuration_and_the_rules_that_it_names_are_valid() -> None:
    promtool("check", "config", "--lint=all", "--lint-fatal", str(MONITORING / "prometheus.yml"))


@needs("promtool", package="prometheus")
def test_rules_do_what_the_scenarios_say() -> None:
    promtool("test", "rules", *map(str, SCENARIOS))


def test_every_alert_has_a_scenario_in_which_it_fires_and_one_in_which_it_rests() -> None:
    checks = list(_checks_of_alerts())
    fires = {_alert(sample["labels"]) for check in checks for sample in check["exp_samples"]}
    rests = {_alert(check["expr"]) for check in checks if not check["exp_samples"]}

    for rule in expressions.alerts():
        name, window = rule["alert"], rule["labels"].get("window")
        assert (name, window) in fires
        assert {(name, window), (name, None)} & rests, f"{name} {window}"


def test_alerts_name_no_label_that_they_do_not_have() -> None:
    # Those that the rule itself adds can't be named: they are put on afterwards.
    for check in _checks_of_alerts():
        for sample in check["exp_samples"]:
            labels = _labels(sample["labels"])
            for rule in expressions.alerts():
                if rule["alert"] == labels["alertname"]:
                    named = re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))
                    assert set(named) <= labels.keys() - rule["labels"].keys()


def _checks_of_alerts() -> Iterator[dict[str, Any]]:
    for path in SCENARIOS:
        for scenario in yaml.safe_load(path.read_text())["tests"]:
            for check in scenario["promql_expr_test"]:
                if check["expr"].startswith("ALERTS{"):
                    yield check


def _alert(selector: str) -> tuple[str, str | None]:
    """Return the name and the window of the alert that a selector or a sample speaks of."""
    labels = _labels(selector)
    return labels["alertname"], labels.get("window")


def _labels(selector: str) -> dict[str, str]:
    parsed = promql_parser.parse(selector)
    assert isinstance(parsed, promql_parser.VectorSelector)
    return {matcher.name: matcher.value for matcher in parsed.matchers.matchers}


def test_availability_counts_what_the_operators_can_help() -> None:
    failed = next(
        rule
        for rule in expressions.rules()
        if rule.get("record") == "instance_model:tfgate_requests_failed:sum"
    )
    aggregation = promql_parser.parse(failed["expr"])
    assert isinstance(aggregation, promql_parser.AggregateExpr)
    assert isinstance(aggregation.expr, promql_parser.VectorSelector)
    [outcomes] = [matcher.value.split("|") for matcher in aggregation.expr.matchers.matchers]

    # A caller who is turned away for lack of room has no more of us than one who meets an error.
    ours = {
        error.code
        for error in all_errors()
        if error is Overloaded
        or (status_of(error) >= 500 and not issubclass(error, InvalidRequest))
    }
    assert set(outcomes) == ours


def test_alerts_say_how_urgent_they_are_and_what_callers_notice() -> None:
    for rule in expressions.alerts():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}


def test_kubernetes_is_given_the_same_rules() -> None:
    assert prometheus_rule() == MANIFEST.read_text(), "stale: run `make rules`"
