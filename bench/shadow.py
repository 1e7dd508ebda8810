"""What a shadow costs the callers of the stable version: a gateway with one against one without.

Both stand before a model server that computes nothing, and take turns at the same load: one that
leaves the gateway time to spare, and one that does not. A machine of two processors has one for
the gateway, and one for the load and the model server.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console
from rich.table import Table

from bench.dialects import TFGATE
from bench.load import Target, put_load
from bench.open_loop import compile_generator, offer
from bench.processes import Program, running
from bench.stack import ROOT, free_port, has_every_model, wait_until
from bench.workloads import WORKLOADS

# Of what saturates the gateway without a shadow.
SHARES = (0.25, 0.5)
CONNECTIONS = (4, 32, 128)
_WORKLOAD = WORKLOADS["house"]
_RELEASE = "[models.housing]\nstable = 1\n"
_SHADOW = "[models.housing.shadow]\nversion = 2\npercent = 100\n"


@dataclass(frozen=True)
class Turn:
    """What one gateway did with a load."""

    per_second: float
    p99_ms: float
    cpu_microseconds: float  # an answer
    copied: float  # of the answers


@dataclass(frozen=True)
class _Gateway:
    program: Program
    target: Target

    def copies(self) -> float:
        """Count the copies that came back."""
        text = httpx.get(f"{self.target.url}/metrics").text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "tfgate_copies_total" and sample.labels["outcome"] == "ok"
        )


def measure_shadow(scratch: Path, console: Console, *, rounds: int, seconds: int) -> None:
    """Measure both, and print what came out.

    Raises:
        Ended: a program ended by itself.
        TimeoutError: one did not start.
        NoLoadGenerator: what sends the requests is not installed.
    """
    generator = compile_generator(scratch / "bin")
    with (
        _model_server(scratch) as address,
        _gateway("stable", _RELEASE, address, scratch) as without,
        _gateway("shadow", _RELEASE + _SHADOW, address, scratch) as shadowed,
    ):
        sides = (without, shadowed)
        for side in sides:
            put_load(side.target, connections=32, seconds=1)
        saturated = put_load(without.target, connections=32, seconds=seconds).good_per_second
        table = Table("load", "without", "shadow", "throughput", "p99", "CPU µs", "copied")
        for connections in CONNECTIONS:
            turns = [_closed(side, connections, seconds) for side in _in_turns(sides, rounds)]
            table.add_row(f"{connections} at once", *_figures(turns, rounds))
        for share in SHARES:
            rate = share * saturated
            turns = [_open(side, generator, rate, seconds) for side in _in_turns(sides, rounds)]
            table.add_row(f"{share:.0%}: {rate:,.0f}/s", *_figures(turns, rounds))
        console.print(table)


def _in_turns(sides: tuple[_Gateway, _Gateway], rounds: int) -> Iterator[_Gateway]:
    for number in range(rounds):
        yield from sides[:: 1 if number % 2 == 0 else -1]


def _figures(turns: list[Turn], rounds: int) -> Iterator[str]:
    """Show the middle of the rounds; of the ratios, with their extremes."""
    pairs = [turns[2 * n : 2 * n + 2][:: 1 if n % 2 == 0 else -1] for n in range(rounds)]
    yield f"{median(one.per_second for one, _ in pairs):,.0f}/s"
    yield f"{median(two.per_second for _, two in pairs):,.0f}/s"
    for name in ("per_second", "p99_ms", "cpu_microseconds"):
        ratios = [getattr(two, name) / getattr(one, name) for one, two in pairs]
        yield f"{median(ratios):.3f} ({min(ratios):.2f}-{max(ratios):.2f})"
    yield f"{median(two.copied for _, two in pairs):.0%}"


def _closed(side: _Gateway, connections: int, seconds: int) -> Turn:
    copies, began = side.copies(), side.program.cpu_seconds()
    load = put_load(side.target, connections=connections, seconds=seconds)
    used, copied = side.program.cpu_seconds() - began, side.copies() - copies
    return Turn(load.good_per_second, load.p99_ms, 1e6 * used / load.answers, copied / load.answers)


def _open(side: _Gateway, generator: Path, rate: float, seconds: int) -> Turn:
    copies, began = side.copies(), side.program.cpu_seconds()
    load = offer(generator, side.target, rate=rate, seconds=seconds, warmup=0.5, connections=64)
    used, copied = side.program.cpu_seconds() - began, side.copies() - copies
    answers = rate * (seconds + 0.5)
    p99 = load.statuses[200].p99_ms
    return Turn(load.good_per_second, p99, 1e6 * used / answers, copied / answers)


@contextmanager
def _model_server(scratch: Path) -> Iterator[str]:
    port = str(free_port())
    command = [sys.executable, "-m", "bench.constant_server"]
    with running(command, {"PORT": port}, scratch / "logs" / "constant_server.log"):
        yield f"127.0.0.1:{port}"


@contextmanager
def _gateway(name: str, releases: str, model_server: str, scratch: Path) -> Iterator[_Gateway]:
    port = free_port()
    file = scratch / f"{name}-releases.toml"
    file.write_text(releases)
    environment = {
        "TFGATE_PORT": str(port),
        "TFGATE_MODEL_SERVER": model_server,
        "TFGATE_DRAIN_SECONDS": "0",
        "TFGATE_RELEASES": str(file),
    }
    command = [sys.executable, "-m", "serving.gateway"]
    with running(command, environment, scratch / "logs" / f"gateway-{name}.log", ROOT) as program:
        url = f"http://127.0.0.1:{port}"

        def ready() -> bool:
            program.check()
            return has_every_model(url)

        wait_until(ready, f"readiness of the gateway with {file}")
        requests = TFGATE.write_questions(_WORKLOAD, scratch / "requests")
        yield _Gateway(program, Target(url, TFGATE.path(_WORKLOAD), requests))
