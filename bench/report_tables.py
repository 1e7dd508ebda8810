"""Markdown tables of the figures; one function a table, nothing computed but ratios."""

from collections.abc import Iterable, Sequence

from bench.figures import Figure, Figures
from bench.goals import GOALS, Goal
from bench.measure import CONNECTIONS
from bench.ratios import TFGATE
from bench.results import Costs, Piece
from bench.systems import System
from bench.workloads import Workload


def table(head: Sequence[str], rows: Iterable[Sequence[str]], num_texts: int = 1) -> str:
    """Set a table whose first columns are text and whose others are numbers."""
    rules = ["---" if index < num_texts else "---:" for index in range(len(head))]
    lines = [head, rules, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def goals(figures: Figures, titles: dict[str, str], asked: Sequence[Goal] = GOALS) -> str:
    """Say of every goal what was measured and whether it is met."""
    rows = []
    for goal in asked:
        measured = goal.measure(figures)
        if measured is None:
            rows.append((goal.what, str(goal), "not measured", "", ""))
            continue
        value, against = measured
        verdict = "met" if goal.is_met(value) else "**missed**"
        rows.append(
            (goal.what, str(goal), f"{value:.2f}{goal.unit}", titles.get(against, against), verdict)
        )
    return table(["what", "goal", "measured", "against", ""], rows, num_texts=5)


def workload(figures: Figures, systems: list[System], asked: Workload) -> str:
    """Give throughput and latencies of every system, and its throughput as a share of tfgate's."""
    head = ["system"]
    for connections in CONNECTIONS:
        head += [f"c = {connections}: /s", "p50 ms", "p99 ms"]
    ours = figures.of(TFGATE, asked.name, 32)
    rows = []
    for system in systems:
        cells = [figures.of(system.name, asked.name, connections) for connections in CONNECTIONS]
        if any(cells):
            numbers = [text for figure in cells for text in _figure(figure)]
            rows.append([system.title, *numbers, _ratio(ours, cells[CONNECTIONS.index(32)])])
    return table([*head, "tfgate / it, c = 32"], rows)


def dialects(figures: Figures, systems: list[System], asked: Workload) -> str:
    """Give throughput, latency and own processor time of 32 requests at once."""
    rows = [
        [
            system.title,
            *_figure(figure),
            f"{figure.cpu_ms:.3f}",
            f"±{figure.spread:.0%}",
        ]
        for system in systems
        if (figure := figures.of(system.name, asked.name, 32))
    ]
    return table(["system", "/s", "p50 ms", "p99 ms", "own CPU, ms an answer", "spread"], rows)


def _figure(figure: Figure | None) -> list[str]:
    if figure is None:
        return ["", "", ""]
    failed = f" ({figure.failures:,} failed)" if figure.failures else ""
    disturbed = " †" if figure.disturbed else ""
    rate = f"{figure.good_per_second:,.0f}{disturbed}{failed}"
    return [rate, f"{figure.p50_ms:.2f}", f"{figure.p99_ms:.1f}"]


def _ratio(ours: Figure | None, theirs: Figure | None) -> str:
    if ours is None or theirs is None or not theirs.good_per_second:
        return ""
    return f"{ours.good_per_second / theirs.good_per_second:.2f}"


def overload(figures: Figures, system: System, workload: Workload) -> str:
    """Say what became of the requests at each rate."""
    head = [
        *("offered, % of saturation", "offered /s", "sent /s", "good /s", "good / peak", "at most"),
        *("p50 of accepted, ms", "p99 of accepted, ms", "other outcomes"),
    ]
    points = sorted(figures.overload(system.name, workload.name).items())
    peak = max(point.outcome.good_per_second for _, point in points)
    rows = []
    for share, point in points:
        outcome = point.outcome
        accepted = outcome.statuses.get(200)
        kept = "" if outcome.kept_rate else " ‡"
        rows.append(
            [
                f"{share:.0%}",
                f"{outcome.offered_per_second:,.0f}",
                f"{outcome.sent_per_second:,.0f}{kept}",
                f"{outcome.good_per_second:,.0f}",
                f"{outcome.good_per_second / peak:.2f}",
                f"{point.costs.bound(share):.2f}" if point.costs else "",
                f"{accepted.p50_ms:.2f}" if accepted else "",
                f"{accepted.p99_ms:.1f}" if accepted else "",
                _other_outcomes(point.outcome.outcomes()),
            ]
        )
    told = _costs(points[0][1].costs)
    return told + table(head, rows)


def _costs(costs: Costs | None) -> str:
    if costs is None:
        return ""
    return (
        f"An accepted request costs {costs.accepted_us:.0f} µs of the system's own processor "
        f"time, a refused one {costs.refused_us:.0f} µs; *at most* is what that leaves of the "
        "peak.\n\n"
    )


def _other_outcomes(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in outcomes.items() if name != "200")


def footprints(figures: Figures, systems: list[System]) -> str:
    """Give start-up time and memory of every system."""
    rows = []
    for system in systems:
        seconds, sizes = figures.ready_seconds(system.name), figures.resident_mb(system.name)
        if seconds is None or not sizes:
            continue
        largest, total = f"{sizes[0]:,.0f}", f"{sum(sizes):,.0f}"
        rows.append([system.title, f"{seconds:.1f}", str(len(sizes)), largest, total])
    head = ["system", "seconds to the first good answer", "processes", "largest, MB", "all, MB"]
    return table(head, rows)


def best_batches(batches: dict[str, dict[int, float]]) -> str:
    """Give TensorFlow's own predictions a second for each size of batch."""
    sizes = sorted({size for rates in batches.values() for size in rates})
    rows = [[model, *(f"{rates[size]:,.0f}" for size in sizes)] for model, rates in batches.items()]
    return table(["model", *(f"batches of {size}" for size in sizes)], rows)


def pieces(measured: list[Piece]) -> str:
    """Say where one request's time goes, piece by piece."""
    workloads = list(dict.fromkeys(piece.workload for piece in measured))
    names = list(dict.fromkeys(piece.name for piece in measured))
    times = {(piece.name, piece.workload): f"{piece.microseconds:,.1f}" for piece in measured}
    rows = [[name, *(times.get((name, each), "") for each in workloads)] for name in names]
    return table(["piece, µs", *workloads], rows)
