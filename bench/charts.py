"""The figures as pictures: SVG files, the same for the same figures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

from bench.figures import Figure, Figures
from bench.systems import System
from bench.workloads import WORKLOADS, Workload

CONNECTIONS = 32
OURS, _PEERS, GRID = "#1f6feb", "#9aa4b2", "#dfe3e8"
_LINES = [OURS, "#d1632a", "#6b7280"]
STYLE: dict[str, Any] = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 9,
    "legend.frameon": False,
    # Text stays text, and names inside the file are the same in every run.
    "svg.fonttype": "none",
    "svg.hashsalt": "tfgate",
}


def draw_throughput(figures: Figures, systems: list[System], file: Path) -> None:
    """Draw good answers a second over 32 connections, one panel a workload."""
    _draw_bars(figures, systems, file, "answers / s", lambda figure: figure.good_per_second)


def draw_tails(figures: Figures, systems: list[System], file: Path) -> None:
    """Draw the 99th percentile over 32 connections, one panel a workload."""
    _draw_bars(figures, systems, file, "p99, ms", lambda figure: figure.p99_ms)


def draw_overload(figures: Figures, systems: list[System], workload: Workload, file: Path) -> None:
    """Draw goodput, and the p99 of accepted requests, over the load offered."""
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=(9, 3.6), layout="constrained")
        goodput, tail = canvas.subplots(1, 2)
        for color, system in zip(_LINES, systems, strict=False):
            points = sorted(figures.overload(system.name, workload.name).items())
            shares = [100 * share for share, _ in points]
            good = [
                100 * point.outcome.good_per_second / point.saturation_per_second
                for _, point in points
            ]
            tails = [
                accepted.p99_ms if (accepted := point.outcome.statuses.get(200)) else None
                for _, point in points
            ]
            goodput.plot(shares, good, marker="o", color=color, label=system.title)
            tail.plot(shares, tails, marker="o", color=color)
        goodput.set_ylabel("answers 200 in time, % of saturation")
        goodput.set_ylim(bottom=0)
        canvas.legend(loc="outside upper center", ncols=len(systems))
        tail.set_ylabel("p99 of accepted requests, ms")
        tail.set_yscale("log")
        for axes in (goodput, tail):
            axes.set_xlabel("offered load, % of saturation")
            axes.grid(visible=True, color=GRID)
        save(canvas, file)


def _draw_bars(
    figures: Figures,
    systems: list[System],
    file: Path,
    label: str,
    value: Callable[[Figure], float],
) -> None:
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=(9, 10), layout="constrained")
        panels = iter(canvas.subplots(3, 2).ravel())
        for workload in WORKLOADS.values():
            # Beside what no model slows down, bars of systems with one could not be told apart.
            bars = [
                (system, value(figure))
                for system in reversed(systems)
                if not system.is_limit
                and (figure := figures.of(system.name, workload.name, CONNECTIONS)) is not None
            ]
            if bars:
                axes = next(panels)
                _draw_panel(axes, workload.title, bars)
                axes.set_xlabel(f"{label}, {CONNECTIONS} connections")
        for axes in panels:
            axes.set_axis_off()
        save(canvas, file)


def _draw_panel(axes: Any, title: str, bars: list[tuple[System, float]]) -> None:
    drawn = axes.barh(
        [system.title for system, _ in bars],
        [number for _, number in bars],
        color=[_color(system) for system, _ in bars],
    )
    axes.bar_label(drawn, fmt=lambda number: f"{number:,.0f}", padding=3)
    axes.margins(x=0.18)
    axes.set_title(title, loc="left", fontweight="bold")


def _color(system: System) -> str:
    return OURS if system.name.startswith("tfgate") else _PEERS


def save(canvas: Canvas, file: Path) -> None:
    """Write a picture that is the same in every run."""
    file.parent.mkdir(parents=True, exist_ok=True)
    canvas.savefig(file, format="svg", metadata={"Date": None})
    # Matplotlib leaves spaces at the ends of lines.
    file.write_text("\n".join(line.rstrip() for line in file.read_text().splitlines()) + "\n")
