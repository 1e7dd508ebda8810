"""docs/benchmarks/dialects.md, written wholly from results and the notes beside this file."""

from pathlib import Path

from bench import report_tables
from bench.figures import DISTURBED, Figures
from bench.goals import DIALECT_GOALS
from bench.report import machine
from bench.results import Cell, Results
from bench.stack import ROOT
from bench.systems import all_systems
from bench.workloads import FOREIGN_WORKLOADS, WORKLOADS

_NOTES = Path(__file__).with_name("dialect_notes.md")
_PAGE = ROOT / "docs" / "benchmarks" / "dialects.md"


def write_dialect_report(results: Results) -> Path:
    """Write the page; gives its path."""
    figures = Figures(results)
    systems = all_systems()
    titles = {each.name: each.title for each in systems}
    sections = [
        _introduction(results),
        f"## Goals\n\n{report_tables.goals(figures, titles, DIALECT_GOALS)}",
        _NOTES.read_text(),
        *(
            f"## {each.heading}\n\n{report_tables.dialects(figures, systems, each)}"
            for each in (WORKLOADS["house"], *FOREIGN_WORKLOADS.values())
        ),
        machine(results),
    ]
    _PAGE.write_text("\n".join(sections))
    return _PAGE.relative_to(ROOT)


def _introduction(results: Results) -> str:
    rounds = max((cell.round for cell in results.all(Cell)), default=0)
    seconds = round(max((cell.load.seconds for cell in results.all(Cell)), default=0))
    return f"""# Benchmarks of the dialects

One gateway, asked in each of its languages, beside its typed API and others that speak them.
[The page of all benchmarks](../benchmarks.md) says what is asked and how answers are checked. All
servers are alive at once and are asked in turns of {seconds} s, {rounds} each, with 32 requests in
flight, so that what else the machine does meets all alike: `python -m bench dialects` does it.
gRPC is asked by `h2load` over four connections, with one and the same message. Own CPU is the
processor time of the system's own processes, without the model server's where it has one. Spread is
half the difference of the slowest and the fastest turn. † marks what was measured while other
programs used more than {DISTURBED:.0%} of the processors in every turn.
"""
