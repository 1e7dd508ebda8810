"""The tables of docs/capacity.md, from what was measured and simulated."""

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from bench.capacity.check import Check
from bench.capacity.measured import Measured
from bench.capacity.scenarios import BIN_SECONDS, RATES, Hour, Run
from bench.capacity.sizing import Inputs, need
from bench.report_tables import table

_FULL = 0.9  # of the requests: below this a half second counts as short


def costs(measured: Measured) -> str:
    """What a request and a call cost."""
    rows = [
        ("a gateway's processor, for a request", "gateway_request"),
        ("the same, for a call", "gateway_call"),
        ("a model server's processor, for a call", "server_call"),
        ("the same, for a row in it", "server_row"),
        ("the load generator's, for a request", "client_request"),
    ]
    return table(
        ["µs", *measured.costs],
        [
            [title, *(f"{getattr(each, name):,.0f}" for each in measured.costs.values())]
            for title, name in rows
        ],
    )


def check(checks: list[Check]) -> str:
    """The closed loops, measured and simulated."""
    return table(
        ["workload", "connections", *_PAIRS],
        [
            [
                each.workload,
                str(each.measured.connections),
                *(
                    _pair(getattr(each.measured, name), getattr(each.simulated, name))
                    for name in _PAIRS.values()
                ),
            ]
            for each in checks
        ],
    )


_PAIRS = {
    "requests/s": "per_second",
    "p50, ms": "p50_ms",
    "p99, ms": "p99_ms",
    "requests a call": "rows_per_call",
}


def _pair(measured: float, simulated: float) -> str:
    return f"{measured:,.4g} → {simulated:,.4g} ({simulated / measured - 1:+.0%})"


def needs(measured: Measured, workload: str) -> str:
    """What each rate needs: a column a rate."""
    found = [need(measured, workload, rate) for rate in RATES]
    lines: list[tuple[str, list[float], str]] = [
        ("gateways", [each.gateways for each in found], ",.0f"),
        ("model servers, 4 processors each", [each.servers for each in found], ",.0f"),
        ("or GPUs in their place", [each.gpus for each in found], ",.0f"),
        ("connections between them", [each.connections for each in found], ",.0f"),
        ("memory of those in one gateway, MB", [each.connections_mb for each in found], ",.1f"),
        ("pings/s, at most", [each.pings_per_second for each in found], ",.0f"),
        ("new connections/s, by age", [each.reconnects_per_second for each in found], ",.0f"),
        ("DNS lookups/s", [each.dns_per_second for each in found], ",.0f"),
        ("bytes of one DNS answer", [each.dns_answer_bytes for each in found], ",.0f"),
        ("memory of all pods, GB", [each.memory_gb for each in found], ",.0f"),
        ("series in Prometheus", [each.series for each in found], ",.0f"),
        ("scraped, MB/s", [each.scraped_mb_per_second for each in found], ",.1f"),
        ("Prometheus' memory for them, GB", [each.prometheus_gb for each in found], ",.1f"),
        (
            "a rollout of gateways, minutes",
            [each.gateway_rollout_minutes for each in found],
            ",.0f",
        ),
        ("one of model servers", [each.server_rollout_minutes for each in found], ",.0f"),
        ("$ a million predictions", [each.usd_per_million for each in found], ".3f"),
        ("the same with GPUs", [each.usd_per_million_with_gpus for each in found], ".3f"),
    ]
    return table(
        ["requests/s", *(f"{rate:,}" for rate in RATES)],
        [[title, *(format(value, form) for value in values)] for title, values, form in lines],
    )


def inputs() -> str:
    """What a reader replaces."""
    return table(
        ["input", "value"],
        [[f"`{each.name}`", f"{each.default:,}"] for each in fields(Inputs)],
    )


def runs(found: list[Run], title: str) -> str:
    """Fleets at rest."""
    return table(
        [title, "gateways", "servers", "requests", "a call", *_LATENCIES, *_LOADS],
        [_run(each) for each in found],
    )


_LATENCIES = ("p50, ms", "p99, ms", "refused")
_LOADS = ("gateway, % busy", "server, % busy", "most calls in a server")


def _run(each: Run) -> list[str]:
    outcome = each.outcome
    return [
        each.name,
        f"{each.plan.num_gateways:,}",
        f"{each.plan.num_servers:,}",
        f"{outcome.arrived:,}",
        f"{outcome.rows_per_call:.1f}",
        f"{outcome.milliseconds(50):.1f}",
        f"{outcome.milliseconds(99):.1f}",
        f"{outcome.refused / outcome.arrived:.1%}",
        f"{100 * each.gateway_load:.0f}",
        f"{100 * each.server_load:.0f}",
        str(outcome.most_at_a_server),
    ]


def incidents(found: dict[str, NDArray[np.float64]]) -> str:
    """How long answers are missing, and how many of them."""
    return table(
        ["what happens to one of ten model servers", "worst half second", "seconds short", "lost"],
        [
            [
                name,
                f"{max(0.0, shares.min()):.0%}",
                f"{BIN_SECONDS * np.count_nonzero(shares < _FULL):.1f}",
                f"{BIN_SECONDS * (1 - shares[shares < _FULL]).sum():.1f} s of the load",
            ]
            for name, shares in found.items()
        ],
    )


def hours(found: list[Hour]) -> str:
    """What autoscalers made of an hour."""
    return table(
        ["peak, and rules", "seconds short", "lost", "most gateways", "most servers"],
        [
            [
                each.name,
                f"{each.seconds_short:,}",
                f"{each.lost:.1%}",
                f"{max(second.gateways for second in each.seconds):,}",
                f"{max(second.servers for second in each.seconds):,}",
            ]
            for each in found
        ],
    )


def workers(found: list[tuple[int, float]]) -> str:
    """What more workers bring."""
    alone = found[0][1]
    return table(
        ["workers", "requests/s", "/ one worker"],
        [[str(number), f"{rate:,.0f}", f"{rate / alone:.2f}"] for number, rate in found],
    )
