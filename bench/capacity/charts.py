"""The simulations as pictures, in the style of the benchmarks' own."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from bench.capacity.scenarios import BIN_SECONDS, Hour, Run
from bench.charts import GRID, OURS, STYLE, save

_COLORS = [OURS, "#d1632a", "#6b7280", "#2f9e6e", "#9b59b6", "#c0a030"]
_SHOWN_SECONDS = 15


def draw_batching(runs: list[Run], file: Path) -> None:
    """Draw what more gateways before the same load do to calls, processors and latency."""
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=(9, 3.2), layout="constrained")
        rows, loads, tails = canvas.subplots(1, 3)
        rates = [run.plan.per_second / run.plan.num_gateways for run in runs]
        rows.plot(rates, [run.outcome.rows_per_call for run in runs], marker="o", color=OURS)
        rows.set_ylabel("requests a call")
        gateways = [100 * run.gateway_load for run in runs]
        servers = [100 * run.server_load for run in runs]
        loads.plot(rates, gateways, marker="o", color=OURS, label="a gateway")
        loads.plot(rates, servers, marker="o", color=_COLORS[1], label="a model server")
        loads.set_ylabel("processor, % busy")
        loads.set_ylim(0, 100)
        loads.legend()
        for percent, color in ((50, OURS), (99, _COLORS[1])):
            values = [run.outcome.milliseconds(percent) for run in runs]
            tails.plot(rates, values, marker="o", color=color, label=f"p{percent}")
        tails.set_ylabel("ms")
        tails.set_yscale("log")
        tails.legend()
        for axes in (rows, loads, tails):
            axes.set_xlabel("requests/s of one gateway")
            axes.grid(visible=True, color=GRID)
        save(canvas, file)


def draw_incidents(incidents: dict[str, NDArray[np.float64]], file: Path) -> None:
    """Draw the share of good answers before, while and after something happens."""
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=(9, 5), layout="constrained")
        panels = canvas.subplots(3, 2, sharex=True, sharey=True).ravel()
        for axes, (name, shares) in zip(panels, incidents.items(), strict=True):
            times = (np.arange(len(shares)) + 0.5) * BIN_SECONDS
            axes.plot(times, 100 * shares, color=OURS)
            axes.set_title(name, loc="left", fontweight="bold")
            axes.grid(visible=True, color=GRID)
            axes.set_ylim(0, 115)
        for axes in panels[-2:]:
            axes.set_xlabel("seconds")
        panels[2].set_ylabel("good answers, % of requests offered")
        save(canvas, file)


def draw_hours(hours: list[Hour], file: Path) -> None:
    """Draw load, answers and pods over an hour, one row a fleet."""
    with mpl.rc_context(STYLE):
        canvas = Canvas(figsize=(9, 2 * len(hours)), layout="constrained")
        for (answers, pods), hour in zip(canvas.subplots(len(hours), 2), hours, strict=True):
            shown = hour.seconds[::_SHOWN_SECONDS]
            minutes = np.arange(len(shown)) * _SHOWN_SECONDS / 60
            offered = [each.offered for each in shown]
            answers.plot(minutes, offered, color=_COLORS[2], label="requests/s")
            answers.plot(minutes, [each.good for each in shown], color=OURS, label="good")
            answers.set_title(hour.name, loc="left", fontweight="bold")
            pods.plot(minutes, [each.gateways for each in shown], color=OURS)
            pods.plot(minutes, [each.servers for each in shown], color=_COLORS[1])
            pods.set_title("pods: gateways, model servers", loc="left")
            for axes in (answers, pods):
                axes.set_ylim(bottom=0)
                axes.grid(visible=True, color=GRID)
            answers.legend(loc="upper right")
            pods.set_xlabel("minutes")
        save(canvas, file)
