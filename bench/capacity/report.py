"""docs/capacity.md: `page.md` beside this file, with tables in the place of their names."""

from collections.abc import Callable
from pathlib import Path
from string import Template

from bench.capacity import charts, scenarios, tables
from bench.capacity.check import checks
from bench.capacity.measured import Measured
from bench.capacity.shipped import Rules, scaler
from bench.capacity.sizing import POD_SECONDS, Inputs, dns_answer_bytes, per_gateway, series
from bench.stack import ROOT

_TEMPLATE = Path(__file__).with_name("page.md")
_PAGE = ROOT / "docs" / "capacity.md"
_CHARTS = ROOT / "docs" / "benchmarks"
_UDP_BYTES, _TCP_BYTES = 512, 65_535  # of a DNS answer; gRPC's resolver offers no larger ones
_CALLS_AT_ONCE = 256  # grpc_max_threads of serving/tf_serving/entrypoint.sh


def write_report(measured: Measured, progress: Callable[[str, float], None]) -> Path:
    """Simulate everything, draw it, and write the page; gives its path."""

    def of(name: str) -> Callable[[float], None]:
        return lambda percent: progress(name, percent)

    batching = scenarios.batching(measured, of("more gateways"))
    incidents = scenarios.incidents(measured, of("incidents"))
    hours = scenarios.hours(measured, of("autoscaling"))
    charts.draw_batching(batching, _CHARTS / "capacity-gateways.svg")
    charts.draw_incidents(incidents, _CHARTS / "capacity-incidents.svg")
    charts.draw_hours(hours, _CHARTS / "capacity-autoscaling.svg")
    values = {
        "machine": measured.machine,
        "costs": tables.costs(measured),
        "check": tables.check(checks(measured)),
        "inputs": tables.inputs(),
        "needs_house": tables.needs(measured, "house"),
        "needs_review": tables.needs(measured, "review200"),
        "sizes": tables.runs(scenarios.sizes(measured, of("sizes")), "fleet"),
        "batching": tables.runs(batching, "times as many gateways"),
        "balancing": tables.runs(scenarios.balancing(measured, of("balancing")), "way"),
        "incidents": tables.incidents(incidents),
        "hours": tables.hours(hours),
        "workers": tables.workers(scenarios.workers(measured, of("workers"))),
        **_figures(measured),
    }
    _PAGE.write_text(Template(_TEMPLATE.read_text()).substitute(values))
    return _PAGE.relative_to(ROOT)


def _figures(measured: Measured) -> dict[str, str]:
    """Give the single numbers that the text names."""
    inputs, rules = Inputs(), Rules()
    gateway, server = scaler("gateway"), scaler("model-server")
    each = per_gateway(measured.costs["house"], rules, gateway.targets["cpu"])
    calls = rules.max_calls * inputs.models * inputs.versions
    servers_by = {
        name: (size - dns_answer_bytes(0)) // (dns_answer_bytes(1) - dns_answer_bytes(0))
        for name, size in (("udp", _UDP_BYTES), ("tcp", _TCP_BYTES))
    }
    return {
        "most_gateways": str(gateway.most),
        "most_servers": str(server.most),
        "per_gateway": f"{each:,.0f}",
        "most_rate": f"{gateway.most * each:,.0f}",
        "calls_at_once": str(_CALLS_AT_ONCE),
        "calls_each": str(calls),
        "threads_gateways": str(_CALLS_AT_ONCE // calls),
        "udp_servers": str(servers_by["udp"]),
        "tcp_servers": f"{servers_by['tcp']:,}",
        "series_each": f"{series(measured, inputs):,}",
        "scrape_kb": f"{1e-3 * series(measured, inputs) * measured.series.line_bytes:,.0f}",
        "series_gateways": f"{1e6 / series(measured, inputs):,.0f}",
        "gateway_kb": f"{1e-3 * measured.connections.gateway_bytes:.0f}",
        "server_kb": f"{1e-3 * measured.connections.server_bytes:.0f}",
        "rollout_gateways": f"{_an_hour(measured.gateway.start_seconds):,.0f}",
        "rollout_servers": f"{_an_hour(measured.server.start_seconds):,.0f}",
        "in_files": f"{measured.metrics_in_files:.0f}",
        "max_calls": str(rules.max_calls),
        "refusal": f"{measured.refusal:.0f}",
    }


def _an_hour(start_seconds: float) -> float:
    """Tell how many pods are replaced within an hour, one after the other."""
    return 3600 / (start_seconds + POD_SECONDS)
