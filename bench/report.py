"""docs/benchmarks.md and its charts, written wholly from results and the notes beside this file."""

from pathlib import Path

from bench import charts, report_tables
from bench.bare_call import BARE_WORKLOADS
from bench.figures import DISTURBED, Figures
from bench.overload import MAX_CONNECTIONS, OVERLOAD_WORKLOADS
from bench.results import Cell, Piece, Results, Session
from bench.stack import ROOT
from bench.systems import System, all_systems
from bench.workloads import NUM_BODIES, WORKLOADS

_NOTES = Path(__file__).with_name("notes.md")
_PAGE = ROOT / "docs" / "benchmarks.md"
_CHARTS = ROOT / "docs" / "benchmarks"


def write_report(results: Results) -> Path:
    """Write the page and the charts; gives the page's path."""
    figures = Figures(results)
    systems = [each for each in all_systems() if figures.ready_seconds(each.name) is not None]
    charts.draw_throughput(figures, systems, _CHARTS / "throughput.svg")
    charts.draw_tails(figures, systems, _CHARTS / "p99.svg")
    sections = [
        _introduction(results),
        "## Goals\n\n" + report_tables.goals(figures, {each.name: each.title for each in systems}),
        _NOTES.read_text(),
        _workloads(figures, systems),
    ]
    sections += [
        _overload(figures),
        _limits(figures),
        _pieces(results),
        _footprints(figures, systems),
    ]
    sections += [_configurations(systems), machine(results)]
    _PAGE.write_text("\n".join(section for section in sections if section))
    return _PAGE.relative_to(ROOT)


def _introduction(results: Results) -> str:
    rounds = max((cell.round for cell in results.all(Cell)), default=0)
    seconds = round(max((cell.load.seconds for cell in results.all(Cell)), default=0))
    return f"""# Benchmarks

`make bench` measures all of this anew and writes this page; nothing in it is written by hand but
the notes below the goals. Compare within this page: another machine, or another day, has other
numbers and much the same ratios.

tfgate is asked by its typed API here; [the page of its dialects](benchmarks/dialects.md) has the
others.

Every system serves the very same SavedModels and answers the same questions ({NUM_BODIES} different
ones a workload), each in its own protocol; its answers are compared with TensorFlow's before any
load. One system is alive at a time, with the model server if it needs one. The load generator,
`wrk` with one thread, shares the machine with it. All systems are measured once a round, in
{rounds} rounds of {seconds} seconds a cell, and the tables give the means. `wrk` corrects its
percentiles for coordinated omission. † marks a cell in which other programs used more than
{DISTURBED:.0%} of the processors in every round; rounds disturbed like that are left out otherwise.
"""


def _workloads(figures: Figures, systems: list[System]) -> str:
    parts = [
        "## Throughput and latency\n",
        "![throughput over 32 connections](benchmarks/throughput.svg)\n",
        "![p99 over 32 connections](benchmarks/p99.svg)\n",
        "c is the number of connections; /s counts good answers. Where some failed, for instance "
        "because they were shed, the latencies are of all answers.\n",
    ]
    for workload in WORKLOADS.values():
        parts += [f"### {workload.heading}\n", report_tables.workload(figures, systems, workload)]
    return "\n".join(parts)


def _overload(figures: Figures) -> str:
    parts = [
        "## Overload\n",
        "Requests at a constant rate, whatever comes back, over at most "
        f"{MAX_CONNECTIONS:,} connections; beyond them requests wait in line at the sender.\n"
        "Latency counts from the moment at which a request was due. Good are answers 200 within "
        "the time measured.\n"
        "100 % is the best throughput over 32 or 128 connections in a closed loop. ‡ marks rates "
        "that the sender could not keep, being late itself or out of connections.\n",
    ]
    for workload in (WORKLOADS[name] for name in OVERLOAD_WORKLOADS):
        systems = [each for each in all_systems() if figures.overload(each.name, workload.name)]
        if not systems:
            continue
        chart = f"overload-{workload.name}.svg"
        charts.draw_overload(figures, systems, workload, _CHARTS / chart)
        title = workload.heading
        parts.append(f"![{title}: goodput and p99 over the load offered](benchmarks/{chart})\n")
        for system in systems:
            parts.append(f"### {title}: {system.title}\n")
            parts.append(report_tables.overload(figures, system, workload))
    return "\n".join(parts) if len(parts) > 2 else ""


def _limits(figures: Figures) -> str:
    parts = ["## Limits\n"]
    bare = {name: figures.bare_call_p50_ms(name) for name in BARE_WORKLOADS}
    told = [f"{WORKLOADS[name].title} {p50:.2f} ms" for name, p50 in bare.items() if p50]
    if told:
        parts.append(
            "A bare gRPC call from a grpc.aio client to the same model server, one at a time, p50: "
            f"{', '.join(told)}. The echoes without a model are in the tables above.\n"
        )
    batches = figures.best_batches()
    if batches:
        parts += [
            "TensorFlow called in process by two threads, predictions a second:\n",
            report_tables.best_batches(batches),
        ]
    return "\n".join(parts)


def _pieces(results: Results) -> str:
    pieces = results.all(Piece)
    if not pieces:
        return ""
    return (
        "## Where one request's time goes\n\n"
        "Each piece by itself, in a loop, with the gateway's own classes; the rest is what remains "
        "of a whole request over one connection.\n\n" + report_tables.pieces(pieces)
    )


def _footprints(figures: Figures, systems: list[System]) -> str:
    return (
        "## Start and memory\n\n"
        "Resident memory after the load, without the model server. Gateways are started when the "
        "model server is ready.\n\n" + report_tables.footprints(figures, systems)
    )


def _configurations(systems: list[System]) -> str:
    rows = [[each.title, each.configuration] for each in systems if each.configuration]
    files = "Their servers are in `bench/peers/`, with their requirements.\n\n"
    head = ["system", "configuration"]
    return f"## Configurations\n\n{files}{report_tables.table(head, rows, num_texts=2)}"


def machine(results: Results) -> str:
    """Say on what, with which versions and by which commands all was measured."""
    sessions = results.all(Session)
    if not sessions:
        return ""
    about = sessions[-1].machine | {
        "revision of tfgate": ", ".join(dict.fromkeys(each.revision for each in sessions))
    }
    versions: dict[str, str] = {}
    for session in sessions:
        versions |= session.versions
    return (
        "## Machine, versions, commands\n\n"
        + report_tables.table(["what", ""], about.items(), num_texts=2)
        + "\n"
        + report_tables.table(["package", "version"], versions.items(), num_texts=2)
        + "\n```sh\nmake bench\n```\n"
        + "\n`.venv/bin/python -m bench --help` names the steps and their options. "
        "`bench compare REVISION` measures\nthe gateway of this tree against that of another "
        "revision, in turns: requests a second, processor time a\nrequest, and memory.\n"
    )
