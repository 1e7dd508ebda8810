"""How much of everything a rate needs, on paper: from what one request and one call cost."""

from dataclasses import dataclass
from math import ceil

from bench.capacity.measured import Costs, Measured
from bench.capacity.shipped import Rules, scaler

_SECOND = 1e6  # in microseconds
_SCRAPES_PER_SECOND = 1 / 15  # k8s/base/gateway/service-monitor.yaml
_QUESTION_BYTES, _ADDRESS_BYTES = 56, 16  # RFC 1035: header and our name; an address in an answer
POD_SECONDS = 10  # to schedule a pod whose image is there, and to probe it: an assumption
_PING_SECONDS = 10  # serving/gateway/inference/channel.py: at most, on a connection with calls


@dataclass(frozen=True)
class Inputs:
    """What nobody measured here: replace it by your own.

    Prices are round figures, of the order of large clouds' lists, without discounts; a gigabyte is
    of memory.
    """

    processor_hour_usd: float = 0.04
    gigabyte_hour_usd: float = 0.005
    gpu_hour_usd: float = 0.80
    # Calls that a model server works on at once: k8s/base gives it four processors.
    server_parallel: int = 4
    # What a load may take of servers before they are made more; gateways have theirs in k8s/base.
    server_load: float = 0.6
    models: int = 3
    versions: int = 2
    # Source: robustperception.io, "How much RAM does Prometheus 2.x need for cardinality and
    # ingestion?", 2019: 2 GiB for a million series; as much again for queries, and for pods that
    # are gone but still in its head.
    prometheus_series_bytes: int = 4_000
    # Between gateway and model server, both ways; here they are on one machine. Microseconds.
    network: float = 250
    # A GPU in the place of those processors, which puts calls of all gateways together: a batch,
    # a row of it, and how long a batch may take; microseconds. Guessed.
    gpu_batch: float = 1_500
    gpu_row: float = 20
    gpu_longest: float = 5_000


@dataclass(frozen=True)
class Need:
    """What a rate needs."""

    per_second: int
    gateways: int
    servers: int
    gpus: int  # instead of those servers
    rows_per_call: float
    connections: int
    connections_mb: float  # of one gateway
    pings_per_second: float
    reconnects_per_second: float
    dns_per_second: float
    dns_answer_bytes: int
    memory_gb: float
    series: int
    scraped_mb_per_second: float
    prometheus_gb: float
    gateway_rollout_minutes: float  # one after the other, as k8s/base has it
    server_rollout_minutes: float
    usd_per_million: float
    usd_per_million_with_gpus: float


def network(costs: Costs) -> float:
    """Tell how long a call is on its way, both ways, in microseconds."""
    return max(costs.wire, Inputs().network)


def rows_per_call(costs: Costs, rules: Rules, per_gateway: float) -> float:
    """Tell how many requests share a call where so many a second come to a gateway.

    `max_calls` calls are out all the time once requests wait, so that within the time of one call
    as many others leave, and share what has come meanwhile. That time depends on the rows again.
    """
    rows = 1.0
    for _ in range(50):
        seconds = (network(costs) + costs.gateway_call + costs.server_call) / _SECOND
        seconds += rows * costs.server_row / _SECOND
        rows = min(rules.max_rows, max(1.0, per_gateway * seconds / rules.max_calls))
    return rows


def gateway_seconds(costs: Costs, rules: Rules, per_gateway: float) -> float:
    """Tell what share of its processor a gateway needs for so many requests a second."""
    call = costs.gateway_call / rows_per_call(costs, rules, per_gateway)
    return per_gateway * (costs.gateway_request + call) / _SECOND


def per_gateway(costs: Costs, rules: Rules, load: float) -> float:
    """Tell how many requests a second load a gateway's processor so much: by halving."""
    low, high = 0.0, _SECOND / costs.gateway_request
    for _ in range(50):
        middle = (low + high) / 2
        if gateway_seconds(costs, rules, middle) < load:
            low = middle
        else:
            high = middle
    return low


def need(measured: Measured, workload: str, per_second: int, inputs: Inputs | None = None) -> Need:
    """Work out what a rate of one workload needs."""
    inputs, costs, rules = inputs or Inputs(), measured.costs[workload], Rules.of(workload)
    gateways = max(
        2, ceil(per_second / per_gateway(costs, rules, scaler("gateway").targets["cpu"]))
    )
    rows = rows_per_call(costs, rules, per_second / gateways)
    calls = per_second / rows
    busy = calls * (costs.server_call + rows * costs.server_row) / _SECOND
    servers = max(2, ceil(busy / inputs.server_parallel / inputs.server_load))
    rows_of_gpu = (inputs.gpu_longest - inputs.gpu_batch) / inputs.gpu_row
    gpus = max(2, ceil(per_second * inputs.gpu_longest / _SECOND / rows_of_gpu))
    connections = gateways * servers
    num_series = gateways * series(measured, inputs)
    gateway_gb = (
        1e-3 * measured.gateway_loaded_mb + 1e-9 * servers * measured.connections.gateway_bytes
    )
    server_gb = (
        1e-3 * measured.server.resident_mb + 1e-9 * gateways * measured.connections.server_bytes
    )
    gateways_usd = gateways * (inputs.processor_hour_usd + gateway_gb * inputs.gigabyte_hour_usd)
    server_usd = (
        server_gb * inputs.gigabyte_hour_usd + inputs.server_parallel * inputs.processor_hour_usd
    )
    millions_an_hour = 3600 * per_second / 1e6
    return Need(
        per_second=per_second,
        gateways=gateways,
        servers=servers,
        gpus=gpus,
        rows_per_call=rows,
        connections=connections,
        connections_mb=1e-6 * servers * measured.connections.gateway_bytes,
        pings_per_second=connections / _PING_SECONDS,
        reconnects_per_second=connections / rules.connection_seconds,
        dns_per_second=gateways * min(1.0, servers / rules.connection_seconds),
        dns_answer_bytes=dns_answer_bytes(servers),
        memory_gb=gateways * gateway_gb + servers * server_gb,
        series=num_series,
        scraped_mb_per_second=1e-6 * num_series * measured.series.line_bytes * _SCRAPES_PER_SECOND,
        prometheus_gb=1e-9 * num_series * inputs.prometheus_series_bytes,
        gateway_rollout_minutes=gateways * (measured.gateway.start_seconds + POD_SECONDS) / 60,
        server_rollout_minutes=servers * (measured.server.start_seconds + POD_SECONDS) / 60,
        usd_per_million=(gateways_usd + servers * server_usd) / millions_an_hour,
        usd_per_million_with_gpus=(gateways_usd + gpus * (server_usd + inputs.gpu_hour_usd))
        / millions_an_hour,
    )


def dns_answer_bytes(servers: int) -> int:
    """Tell how long an answer with so many addresses is."""
    return _QUESTION_BYTES + servers * _ADDRESS_BYTES


def series(measured: Measured, inputs: Inputs) -> int:
    """Tell how many series one gateway process has."""
    counted = measured.series
    return counted.base + inputs.models * (counted.of_model + inputs.versions * counted.of_version)
