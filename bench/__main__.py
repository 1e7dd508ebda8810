"""`python -m bench COMMAND`: what `make bench` runs, one command a step."""

import json
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import breakdown, environments
from bench import drift as drift_alerts
from bench import guard as releases_guard
from bench.compare import CONNECTIONS, Comparison
from bench.compare import compare as compare_revisions
from bench.dialect_report import write_dialect_report
from bench.drift_cost import measure_cost
from bench.load import NoLoadGenerator
from bench.machine import describe_session
from bench.measure import Matrix, Measurement
from bench.operating_points import measure_operating_points
from bench.overload import OVERLOAD_WORKLOADS, measure_overload
from bench.report import write_report
from bench.results import Cell, OverloadPoint, Piece, Results
from bench.revisions import WrongRevision, keep, unpacked
from bench.shadow import measure_shadow
from bench.stack import ROOT
from bench.systems import DIALECTS, EARLIER_REVISION, IN_FRONT, System, installed_systems
from bench.turns import measure_in_turns
from bench.workloads import WORKLOADS
from training.errors import TrainingError

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(width=None if sys.stdout.isatty() else 120)

ResultsFile = Annotated[
    Path, typer.Option("--results", help="lines are added; what it holds is not measured again")
]
DialectResultsFile = Annotated[Path, typer.Option("--results", help="lines are added")]
RESULTS = environments.BUILD / "results.jsonl"
DIALECT_RESULTS = environments.BUILD / "dialects.jsonl"
SCRATCH = environments.BUILD


@app.command()
def install(
    peers: Annotated[str, typer.Option(help="names, with commas")] = ",".join(environments.NAMES),
) -> None:
    """Make the virtual environments of the peers: minutes and gigabytes, once.

    Beside them is unpacked what tfgate was before.
    """
    for peer in _chosen(peers, environments.NAMES):
        installed = environments.environment_of(peer).install()
        console.print(f"{peer}: {'installed' if installed else 'is there'}")
    try:
        keep(EARLIER_REVISION)
    except WrongRevision as error:
        console.print(f"tfgate of revision {EARLIER_REVISION} is left out: {error}")


@app.command()
def run(
    systems: Annotated[str, typer.Option(help="names, with commas; all without")] = "",
    workloads: Annotated[str, typer.Option(help="names, with commas; all without")] = "",
    rounds: Annotated[int, typer.Option(min=1, help="how often everything is measured")] = 2,
    seconds: Annotated[int, typer.Option(min=1, help="of each measurement")] = 3,
    warmup: Annotated[int, typer.Option(min=1, help="seconds before each workload")] = 1,
    results_file: ResultsFile = RESULTS,
) -> None:
    """Measure every system with every workload, and the limits, in interleaved rounds."""
    left_out = (*DIALECTS, *IN_FRONT)
    known = {name: each for name, each in installed_systems().items() if name not in left_out}
    chosen = [known[name] for name in _chosen(systems, list(known))]
    matrix = Matrix(
        systems=chosen,
        workloads=_chosen(workloads, list(WORKLOADS)),
        rounds=rounds,
        seconds=seconds,
        warmup=warmup,
    )
    measurement = Measurement(matrix, _begin(results_file, chosen), SCRATCH, console)
    measurement.run()
    for failure in measurement.failures:
        console.print(failure, style="red", markup=False)
    if measurement.failures:
        raise typer.Exit(1)


@app.command()
def dialects(
    rounds: Annotated[int, typer.Option(min=1, help="how often each is asked")] = 10,
    seconds: Annotated[int, typer.Option(min=1, help="of each turn")] = 1,
    results_file: DialectResultsFile = DIALECT_RESULTS,
) -> None:
    """Measure tfgate's dialects against its typed API and those who speak them, in turns."""
    known = installed_systems()
    chosen = [known[name] for name in ("tfgate", *DIALECTS, "mlserver", "kserve")]
    results = _begin(results_file, chosen)
    measure_in_turns(chosen, results, SCRATCH, console, rounds=rounds, seconds=seconds)
    console.print(f"written: {write_dialect_report(results)}")


@app.command()
def overload(
    systems: Annotated[str, typer.Option(help="names, with commas")] = ",".join(
        ("tfgate", *IN_FRONT, "fastapi_grpc")
    ),
    seconds: Annotated[int, typer.Option(min=1, help="of each rate")] = 4,
    results_file: ResultsFile = RESULTS,
) -> None:
    """Offer constant rates up to three times of what saturates a system."""
    known = installed_systems()
    chosen = [known[name] for name in _chosen(systems, list(known))]
    results = _begin(results_file, chosen)
    measured = {(point.system, point.workload) for point in results.all(OverloadPoint)}
    for system in chosen:
        for workload in OVERLOAD_WORKLOADS:
            if (system.name, workload) in measured:
                console.print(f"{system.name}, {workload}: overload measured before")
                continue
            measure_overload(
                system, WORKLOADS[workload], results, SCRATCH, console, seconds=seconds
            )


@app.command(name="breakdown")
def break_down(results_file: ResultsFile = RESULTS) -> None:
    """Time each piece of the request path by itself."""
    results = _begin(results_file, [])
    if results.all(Piece):
        console.print("pieces: measured before")
        return
    for piece in breakdown.measure_pieces(SCRATCH):
        results.add(piece)
        console.print(f"{piece.workload:<10} {piece.name:<50} {piece.microseconds:9.1f} µs")


@app.command()
def versions(
    earlier: Annotated[Path, typer.Argument(help="folder of a version, such as models/image/1")],
    later: Annotated[Path, typer.Argument(help="the same, or that of another version")],
    bfloat16: Annotated[
        bool, typer.Option("--bfloat16", help="let the later one compute so, if the processor can")
    ] = False,
) -> None:
    """Compare what the graphs of two versions cost, on one thread: half a minute."""
    from bench.versions import compare  # noqa: PLC0415  # the other commands need no TensorFlow

    numbers = " in bfloat16" if bfloat16 else ""
    table = Table("batch", f"{earlier}, ms", f"{later}{numbers}, ms", "times faster")
    for timing in compare(earlier, later, bfloat16=bfloat16):
        times = f"{timing.earlier:.2f}", f"{timing.later:.2f}"
        table.add_row(timing.batch, *times, f"{timing.earlier / timing.later:.2f}")
    console.print(table)


@app.command()
def compare(
    revision: Annotated[str, typer.Argument(help="what is compared with this tree")] = "HEAD",
    folder: Annotated[Path | None, typer.Option(help="where its files are already")] = None,
    workloads: Annotated[str, typer.Option(help="names, with commas")] = (
        "house,houses,picture,review200"
    ),
    rounds: Annotated[int, typer.Option(min=1, help="how often each is asked")] = 5,
    seconds: Annotated[int, typer.Option(min=1, help="of each turn")] = 3,
    connections: Annotated[int, typer.Option(min=1, help="that ask at once")] = CONNECTIONS,
) -> None:
    """Measure this tree's gateway against that of another revision, in turns."""
    with ExitStack() as stack:
        before = folder or stack.enter_context(unpacked(revision))
        chosen = _chosen(workloads, list(WORKLOADS))
        comparison = Comparison(before, ROOT, chosen, rounds, seconds, connections)
        compare_revisions(comparison, SCRATCH, console)


@app.command()
def shadow(
    rounds: Annotated[int, typer.Option(min=1, help="how often each is asked")] = 5,
    seconds: Annotated[int, typer.Option(min=1, help="of each turn")] = 3,
) -> None:
    """Measure what a shadow that is asked everything costs the callers, in turns."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    measure_shadow(SCRATCH, console, rounds=rounds, seconds=seconds)


@app.command()
def report(results_file: ResultsFile = RESULTS) -> None:
    """Write docs/benchmarks.md and its charts from the results."""
    results = Results(results_file)
    if not results.all(Cell):
        message = f"{results_file} holds no measurement: run 'python -m bench run' first"
        raise typer.BadParameter(message)
    console.print(f"written: {write_report(results)}")


@app.command()
def simulate() -> None:
    """Simulate which calls and rows are chosen over model servers of every kind: two minutes."""
    lines = measure_operating_points()
    table = Table(*next(lines))
    for line in lines:
        table.add_row(*line)
    console.print(table)


@app.command()
def guard(
    hours: Annotated[int, typer.Option(min=1, help="of each healthy candidate and traffic")] = 10,
    runs: Annotated[int, typer.Option(min=1, help="of each bad candidate and traffic")] = 5,
) -> None:
    """Simulate a release's guard: false alarms, and how soon bad candidates are found: minutes.

    Two tables in Markdown for docs/releases.md.
    """
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("simulated", total=releases_guard.num_steps(hours, runs))
        advance = partial(progress.advance, task)
        tables = [
            list(releases_guard.false_alarms(hours, advance)),
            list(releases_guard.found_after(runs, advance)),
        ]
    typer.echo(releases_guard.certainty())
    for head, *rows in tables:
        _echo_table(head, rows)


@app.command()
def drift(
    data: Annotated[
        Path | None, typer.Option(help="folder of the data sets; fetched without")
    ] = None,
    months: Annotated[int, typer.Option(min=1, help="of each traffic without drift")] = 3,
    runs: Annotated[int, typer.Option(min=1, help="of each change and traffic")] = 10,
    results: Annotated[Path | None, typer.Option("--json", help="file for all figures")] = None,
) -> None:
    """Simulate the alerts of drift: false alarms, and how soon changes are found: minutes.

    Two tables in Markdown for docs/drift.md, and what counting costs a request.
    """
    from bench.drift_inputs import CHANGES, measure_inputs  # noqa: PLC0415  # heavy: TensorFlow

    with Progress(console=Console(stderr=True)) as progress:
        measured = progress.track(
            measure_inputs(data), total=len(CHANGES), description="models measured"
        )
        models = list(measured)
        task = progress.add_task("simulated", total=drift_alerts.num_steps(models))
        advance = partial(progress.advance, task)
        alarms = list(drift_alerts.false_alarms(models, months, advance))
        changes = list(drift_alerts.found_after(models, runs, advance))
    cost = measure_cost()
    if results is not None:
        document = drift_alerts.as_document(alarms, changes) | {"microseconds": cost._asdict()}
        results.write_text(json.dumps(document, indent=2) + "\n")
    for head, *rows in (drift_alerts.false_alarm_table(alarms), drift_alerts.change_table(changes)):
        _echo_table(head, rows)
    typer.echo()
    typer.echo(f"{cost.on_its_way:.2f} µs on a request's way, {cost.beside_it:.0f} µs beside it")


def _echo_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    typer.echo()
    for row in (head, ["---"] * len(head), *rows):
        typer.echo(f"| {' | '.join(row)} |")


def _begin(file: Path, systems: list[System]) -> Results:
    results = Results(file)
    results.add(describe_session(systems))
    return results


def _chosen(names: str, known: list[str]) -> list[str]:
    """Split a list of names; none means all.

    Raises:
        BadParameter: a name is unknown.
    """
    chosen = [name for name in names.split(",") if name] or known
    unknown = [name for name in chosen if name not in known]
    if unknown:
        message = f"unknown: {', '.join(unknown)}; there are {', '.join(known)}"
        raise typer.BadParameter(message)
    return chosen


if __name__ == "__main__":
    # As Ctrl-C does, SIGTERM must end what was started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except (NoLoadGenerator, TrainingError, WrongRevision) as error:
        sys.exit(f"bench: {error}")
