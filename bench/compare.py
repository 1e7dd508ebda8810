"""Two revisions of the gateway against each other: in turns, so that both meet the same machine."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
from rich.console import Console
from rich.table import Table

from bench.dialects import TFGATE
from bench.load import Target, put_load
from bench.model_server import model_server
from bench.revisions import Gateway, gateway
from bench.workloads import WORKLOADS

CONNECTIONS = 32
NUM_AT_ONCE = 128  # batches of 100 houses: what a gateway's memory is judged by
BEFORE, NOW = "before", "now"


@dataclass(frozen=True)
class Comparison:
    """What is compared: two folders of code, on some workloads, so many rounds long."""

    before: Path
    now: Path
    workloads: list[str]
    rounds: int
    seconds: int
    connections: int = CONNECTIONS


@dataclass(frozen=True)
class Turn:
    """What one gateway did in one round; processor time is that of the gateway alone."""

    gateway: str
    workload: str
    per_second: float
    cpu_milliseconds: float  # a request
    failures: int


@dataclass(frozen=True)
class Memory:
    """A gateway's resident memory."""

    gateway: str
    after_load_mb: float
    after_burst_mb: float
    num_answered: int  # of the burst


def compare(comparison: Comparison, scratch: Path, console: Console) -> None:
    """Measure both, and print what came out.

    Raises:
        WrongRevision: a folder's code cannot be run as it is.
        Ended: a program ended by itself.
        TimeoutError: one did not start.
    """
    with (
        model_server(scratch) as server,
        gateway(BEFORE, comparison.before, server.address, scratch) as before,
        gateway(NOW, comparison.now, server.address, scratch) as now,
    ):
        for name in comparison.workloads:
            turns = _measure(name, [before, now], comparison, scratch)
            console.print(f"\n{WORKLOADS[name].title}, {comparison.connections} connections")
            console.print(speed_table(turns))
        console.print(memory_table([_weigh(each) for each in (before, now)]))


def _measure(
    name: str, gateways: list[Gateway], comparison: Comparison, scratch: Path
) -> list[Turn]:
    """Let them take turns; who begins changes from round to round."""
    requests = TFGATE.write_questions(WORKLOADS[name], scratch / "requests")
    targets = {
        each.name: Target(each.url, TFGATE.path(WORKLOADS[name]), requests) for each in gateways
    }
    for each in gateways:
        put_load(targets[each.name], connections=comparison.connections, seconds=1)
    return [
        _turn(name, each, targets[each.name], comparison)
        for number in range(comparison.rounds)
        for each in gateways[:: 1 if number % 2 == 0 else -1]
    ]


def _turn(name: str, asked: Gateway, target: Target, comparison: Comparison) -> Turn:
    began = asked.program.cpu_seconds()
    load = put_load(target, connections=comparison.connections, seconds=comparison.seconds)
    used = asked.program.cpu_seconds() - began
    asked.program.check()
    return Turn(
        gateway=asked.name,
        workload=name,
        per_second=load.good_per_second,
        cpu_milliseconds=1e3 * used / max(1, load.answers),
        failures=load.failures,
    )


def _weigh(asked: Gateway) -> Memory:
    after_load = sum(asked.program.resident_bytes())
    num_answered = asyncio.run(_ask_at_once(asked.url))
    after_burst = sum(asked.program.resident_bytes())
    return Memory(asked.name, after_load / 1e6, after_burst / 1e6, num_answered)


async def _ask_at_once(url: str) -> int:
    """Send all the batches before any answer is awaited; count the good answers."""
    workload = WORKLOADS["houses"]
    questions = TFGATE.questions(workload)[:NUM_AT_ONCE]
    limits = httpx.Limits(max_connections=NUM_AT_ONCE)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        path = TFGATE.path(workload)
        calls = (
            client.post(path, content=each.body, headers=dict(each.headers)) for each in questions
        )
        return sum(answer.is_success for answer in await asyncio.gather(*calls))


def speed_table(turns: list[Turn]) -> Table:
    """Show both, and how they compare: the middle of the rounds, with their extremes."""
    before = [turn for turn in turns if turn.gateway == BEFORE]
    now = [turn for turn in turns if turn.gateway == NOW]
    table = Table("", BEFORE, NOW, "now : before", "least", "most")

    def add(title: str, form: str, figure: Callable[[Turn], float]) -> None:
        ratios = [figure(b) / figure(a) for a, b in zip(before, now, strict=True)]
        middles = (median(map(figure, side)) for side in (before, now))
        spread = (median(ratios), min(ratios), max(ratios))
        table.add_row(
            title, *(format(each, form) for each in middles), *(f"{each:.3f}" for each in spread)
        )

    add("requests a second", ",.0f", lambda turn: turn.per_second)
    add("gateway's CPU, ms a request", ".3f", lambda turn: turn.cpu_milliseconds)
    failures = [sum(turn.failures for turn in side) for side in (before, now)]
    if any(failures):
        table.add_row("failures", *map(str, failures))
    return table


def memory_table(memories: list[Memory]) -> Table:
    """Show how much memory each holds."""
    batches = f"{NUM_AT_ONCE} batches of 100 houses at once"
    table = Table("resident memory", "after the load", f"after {batches}", "of them answered")
    for each in memories:
        table.add_row(
            each.gateway,
            f"{each.after_load_mb:.1f} MB",
            f"{each.after_burst_mb:.1f} MB",
            f"{each.num_answered}",
        )
    return table
