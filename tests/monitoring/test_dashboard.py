"""The dashboard as Grafana reads it; test_expressions.py asks its queries."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.monitoring import expressions
from tests.monitoring.expressions import DASHBOARD
from tests.monitoring.prometheus_server import MONITORING

PROVISIONING = MONITORING / "grafana/provisioning"
COLUMNS = 24


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = expressions.dashboard()["panels"]
    return found


def test_grafanas_own_types_know_every_field() -> None:
    register_default_plugins()
    dashboard = expressions.dashboard()

    understood = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(dashboard)))

    assert list(misunderstood(dashboard, understood)) == []


def misunderstood(written: Any, read: Any, path: str = "") -> Iterator[str]:
    """Name each value that is not what was written; what was only added are defaults."""
    if isinstance(written, dict) and isinstance(read, dict):
        for key, value in written.items():
            yield from misunderstood(value, read.get(key), f"{path}.{key}")
    elif isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        for index, pair in enumerate(zip(written, read, strict=True)):
            yield from misunderstood(*pair, f"{path}.{index}")
    elif written != read:
        yield path


def test_every_variable_that_a_query_uses_is_defined() -> None:
    defined = {variable["name"] for variable in expressions.dashboard()["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", DASHBOARD.read_text()))

    # The two with underscores are Grafana's own.
    assert {name for name in used if not name.startswith("__")} == defined


def test_panels_do_not_overlap_and_can_be_told_apart() -> None:
    assert len({panel["id"] for panel in panels()}) == len(panels())
    assert len({panel["title"] for panel in panels()}) == len(panels())
    places = [panel["gridPos"] for panel in panels()]
    for place in places:
        assert place["x"] + place["w"] <= COLUMNS
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, f"{one} {other}"


def test_grafana_finds_the_dashboard_and_its_data() -> None:
    [source] = yaml.safe_load((PROVISIONING / "datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    [chosen] = [
        variable
        for variable in expressions.dashboard()["templating"]["list"]
        if variable["type"] == "datasource"
    ]
    assert (source["type"], source["uid"]) == (chosen["query"], chosen["current"]["value"])
    compose = yaml.safe_load((MONITORING.parent / "docker-compose.yml").read_text())
    mounted = dict(volume.split(":")[:2] for volume in compose["services"]["grafana"]["volumes"])
    [provider] = yaml.safe_load((PROVISIONING / "dashboards/tfgate.yml").read_text())["providers"]
    assert mounted["./monitoring/grafana/dashboards"] == provider["options"]["path"]
    assert mounted["./monitoring/grafana/provisioning"] == "/etc/grafana/provisioning"
    scraped = yaml.safe_load((MONITORING / "prometheus.yml").read_text())["global"]
    assert source["jsonData"]["timeInterval"] == scraped["scrape_interval"]
