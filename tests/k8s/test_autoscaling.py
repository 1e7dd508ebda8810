"""What the autoscalers ask for is what the adapter gives, from what the gateway really exposes."""

import re
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests import in_process
from tests.k8s.cluster import MANIFESTS, Cluster, in_every_overlay
from tests.programs import needs
from tests.promtool import try_queries

RULES: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (MANIFESTS / "prometheus-adapter/values.yaml").read_text()
)["rules"]
CUSTOM, EXTERNAL = RULES["custom"], RULES["external"]


@needs("kubectl", package="kubernetes-client")
@in_every_overlay
def test_the_adapter_gives_what_the_autoscalers_ask_for(applied: Cluster) -> None:
    metrics = [
        metric
        for scaler in applied.of_kind("HorizontalPodAutoscaler")
        for metric in scaler["spec"]["metrics"]
    ]
    of_pods = {each["pods"]["metric"]["name"] for each in metrics if each["type"] == "Pods"}
    external = {
        each["external"]["metric"]["name"] for each in metrics if each["type"] == "External"
    }
    resources = {each["resource"]["name"] for each in metrics if each["type"] == "Resource"}
    assert of_pods == {rule["name"]["as"] for rule in CUSTOM}
    assert external == {rule["name"]["as"] for rule in EXTERNAL}
    assert resources == {"cpu"}


@needs("kubectl", package="kubernetes-client")
@in_every_overlay
def test_processors_are_requested_where_their_use_counts(applied: Cluster) -> None:
    # A utilization is one of the request: without it, the autoscaler knows none.
    assert all("cpu" in each["resources"]["requests"] for each in applied.pod("gateway").containers)


def test_the_gateway_exposes_what_the_adapter_reads() -> None:
    with in_process.gateway() as gateway:
        exposed = gateway.client.get("/metrics").text
    samples = [
        sample for family in text_string_to_metric_families(exposed) for sample in family.samples
    ]
    for rule in (*CUSTOM, *EXTERNAL):
        name, labels = _series(rule["seriesQuery"])
        assert any(
            sample.name == name and labels.items() <= sample.labels.items() for sample in samples
        ), rule["name"]["as"]


def _series(query: str) -> tuple[str, dict[str, str]]:
    """Take a series query apart; what Prometheus itself adds, namespace and pod, is left out."""
    found = re.fullmatch(r"(\w+)\{(.*)\}", query)
    assert found is not None
    return found[1], dict(re.findall(r'(\w+)="(.+?)"', found[2]))


def _query(rule: dict[str, Any]) -> str:
    """Fill in a rule's query as the adapter does."""
    query: str = rule["metricsQuery"]
    name, _ = _series(rule["seriesQuery"])
    values = {"Series": name, "LabelMatchers": 'namespace="tfgate"', "GroupBy": "pod"}
    for key, value in values.items():
        query = query.replace(f"<<.{key}>>", value)
    assert "<<" not in query
    return query


@needs("promtool", package="prometheus")
def test_queries_count_requests_in_flight_and_predictions_that_wait(tmp_path: Path) -> None:
    in_flight, waiting = _query(CUSTOM[0]), _query(EXTERNAL[0])
    one = 'namespace="tfgate",pod="one"'
    try_queries(
        tmp_path,
        {
            "interval": "15s",
            "input_series": [
                _input(f'tfgate_requests_in_flight{{model="image",{one}}}', "8+0x20"),
                _input(f'tfgate_requests_in_flight{{model="housing",{one}}}', "2+0x20"),
                # Each second, three seconds were waited in one pod and two in another.
                _input(f'tfgate_stage_seconds_sum{{stage="queue",{one}}}', "0+45x20"),
                _input(
                    'tfgate_stage_seconds_sum{stage="queue",namespace="tfgate",pod="two"}',
                    "0+30x20",
                ),
                _input(f'tfgate_stage_seconds_sum{{stage="rpc",{one}}}', "0+150x20"),
            ],
            "promql_expr_test": [
                _expected(in_flight, '{pod="one"}', 10),
                _expected(waiting, "{}", 5),
            ],
        },
    )


def _input(series: str, values: str) -> dict[str, str]:
    return {"series": series, "values": values}


def _expected(query: str, labels: str, value: float) -> dict[str, Any]:
    return {
        "expr": query,
        "eval_time": "4m",
        "exp_samples": [{"labels": labels, "value": value}],
    }
