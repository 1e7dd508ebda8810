"""How often the alerts of drift are wrong about a world that is as it was, and how soon right.

Simulated: rows that are counted by several gateways, added up over the windows of the rules and
compared as they do, every five minutes. Rows come at random from those of the test part, so that a
step's counts are multinomial: what is drawn is the same as by counting row after row.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import NamedTuple

import numpy as np
import yaml
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from bench.stack import ROOT
from serving.card import Histogram
from serving.gateway.drift.statistics import DRIFTED, LEAST_ROWS, compare

STEP_SECONDS = 300
HOUR, DAY, WEEK = (seconds // STEP_SECONDS for seconds in (3_600, 86_400, 604_800))
MONTH = DAY * 365 // 12
NUM_GATEWAYS = 3
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True)
class Quantity:
    """One of a model: the training's bins, and the shares of them that rows have, float64[bin].

    `same` are held-out rows as they are, `shifted` those that were changed.
    """

    histogram: Histogram
    same: NDArray[np.float64]
    shifted: NDArray[np.float64]


@dataclass(frozen=True)
class Inputs:
    """A model's quantities; `change` says what was done to the shifted rows."""

    model: str
    version: int
    change: str
    quantities: list[Quantity]


class Alert(NamedTuple):
    """How many steps it looks back, and for how many it waits."""

    window: int
    wait: int


class Limits(NamedTuple):
    """From which index on there is drift, and how many rows a bin are wanted for it."""

    drifted: float
    rows: int


@dataclass(frozen=True)
class Traffic:
    """Rows an hour in the middle of a day, and how often each of them comes.

    At noon there are nine times as many as at midnight, at weekends half as many.
    """

    rows: float
    repeated: int = 1

    @property
    def told(self) -> str:
        """Name it at the head of a line."""
        times = "" if self.repeated == 1 else f", each {self.repeated} times"
        return f"{self.rows:,.0f} rows/h{times}"

    def rates(self, num_steps: int) -> NDArray[np.float64]:
        """Give rows a step that are to be expected, float64[step], from a Monday's morning on."""
        steps = np.arange(num_steps)
        weekend = steps % WEEK >= 5 * DAY
        swing = 1 + 0.8 * np.sin(2 * np.pi * steps / DAY)
        rates: NDArray[np.float64] = self.rows / HOUR * swing * np.where(weekend, 0.5, 1)
        return rates


TRAFFIC = [Traffic(rows, repeated) for rows in (300, 3_000, 30_000) for repeated in (1, 10)]
SHIPPED = Limits(DRIFTED, LEAST_ROWS)
LIMITS = [
    Limits(drifted, rows)
    for drifted, rows in ((0.25, 100), (0.1, 100), (0.1, 200), (0.1, 300), (0.05, 300))
]

Advance = Callable[[], None]


def _steps(duration: str) -> int:
    return int(duration[:-1]) * _SECONDS[duration[-1]] // STEP_SECONDS


def _alerts() -> list[Alert]:
    """Read the windows and the waits of the alerts that are shipped."""
    rules = yaml.safe_load((ROOT / "monitoring/rules/alerts.yml").read_text())
    return [
        Alert(_steps(rule["labels"]["window"]), _steps(rule["for"]))
        for group in rules["groups"]
        for rule in group["rules"]
        if rule.get("alert") == "TfgateDrift"
    ]


ALERTS = _alerts()


def drawn(
    random: np.random.Generator,
    shares: NDArray[np.float64],
    rates: NDArray[np.float64],
    repeated: int,
) -> NDArray[np.int64]:
    """Give what all gateways count, int64[step, bin]."""
    each = np.broadcast_to(rates / NUM_GATEWAYS / repeated, (NUM_GATEWAYS, len(rates)))
    counted = random.multinomial(random.poisson(each), shares)  # [gateway, step, bin]
    added: NDArray[np.int64] = counted.sum(axis=0) * repeated
    return added


class Looks(NamedTuple):
    """What an alert sees of a quantity at each step: its index, and the rows a bin."""

    alert: Alert
    indices: NDArray[np.float64]
    rows: NDArray[np.float64]

    def fires(self, limits: Limits) -> NDArray[np.bool_]:
        """Tell at which steps the alert is raised, bool[step]."""
        holds = (self.indices > limits.drifted) & (self.rows >= limits.rows)
        before = np.pad(holds, (self.alert.wait, 0))
        waited = sliding_window_view(before, self.alert.wait + 1)  # [step, step of the wait]
        raised: NDArray[np.bool_] = np.asarray(waited.all(axis=1))
        return raised


def look(counted: NDArray[np.int64], quantity: Quantity, alert: Alert) -> Looks:
    """Compare all windows with the training, as the recording rules do."""
    histogram = quantity.histogram
    total = np.cumsum(np.pad(counted, ((alert.window, 0), (0, 0))), axis=0)
    live = total[alert.window :] - total[: -alert.window]  # [step, bin]
    some = live.any(axis=1)
    indices = np.zeros(len(live))
    if some.any():
        training = np.array(histogram.shares)
        found, by_chance, freedom = compare(live[some], training, histogram.count)
        indices[some] = found - freedom * by_chance
    return Looks(alert, indices, live.mean(axis=1))


class FalseAlarms(NamedTuple):
    """How many alerts a month were raised for nothing, of all quantities of all models."""

    traffic: Traffic
    limits: Limits
    a_month: float


def false_alarms(models: Sequence[Inputs], months: int, advance: Advance) -> Iterator[FalseAlarms]:
    """Simulate each traffic with the held-out rows as they are."""
    quantities = [each for model in models for each in model.quantities]
    for traffic in TRAFFIC:
        rates = traffic.rates(months * MONTH)
        raised = dict.fromkeys(LIMITS, 0)
        for seed, quantity in enumerate(quantities):
            random = np.random.default_rng(seed)
            counted = drawn(random, quantity.same, rates, traffic.repeated)
            for alert in ALERTS:
                looks = look(counted, quantity, alert)
                for limits in LIMITS:
                    fires = looks.fires(limits).astype(np.int8)
                    raised[limits] += int(np.count_nonzero(np.diff(fires, prepend=0) == 1))
            advance()
        for limits, number in raised.items():
            yield FalseAlarms(traffic, limits, number / months)


class Found(NamedTuple):
    """How soon a change was found, if it was: by which quantity, after how many rows and steps."""

    quantity: str
    rows: int
    steps: int


class Change(NamedTuple):
    """Simulations of a change; None are those in which it was not found within two days."""

    model: str
    change: str
    traffic: Traffic
    limits: Limits
    found: list[Found | None]


def num_steps(models: Sequence[Inputs]) -> int:
    """Count what `advance` is called for by both simulations."""
    return len(TRAFFIC) * sum(len(model.quantities) + 1 for model in models)


def found_after(models: Sequence[Inputs], runs: int, advance: Advance) -> Iterator[Change]:
    """Simulate the traffic of two days as it was, and then that of the shifted rows."""
    for model in models:
        for traffic in TRAFFIC:
            outcomes: dict[Limits, list[Found | None]] = {limits: [] for limits in LIMITS}
            for seed in range(runs):
                for limits, found in _found(model, traffic, seed).items():
                    outcomes[limits].append(found)
            advance()
            for limits, each in outcomes.items():
                yield Change(model.model, model.change, traffic, limits, each)


def _found(model: Inputs, traffic: Traffic, seed: int) -> dict[Limits, Found | None]:
    random = np.random.default_rng(seed)
    began = 2 * DAY + int(random.integers(DAY))  # at any hour of Wednesday
    rates = traffic.rates(began + 2 * DAY)
    first: dict[Limits, Found | None] = dict.fromkeys(LIMITS)
    for quantity in model.quantities:
        before = drawn(random, quantity.same, rates[:began], traffic.repeated)
        after = drawn(random, quantity.shifted, rates[began:], traffic.repeated)
        counted = np.concatenate([before, after])
        for looks in (look(counted, quantity, alert) for alert in ALERTS):
            for limits in LIMITS:
                [fires] = np.nonzero(looks.fires(limits)[began:])
                known = first[limits]
                if len(fires) and (known is None or fires[0] < known.steps):
                    rows = int(after[: fires[0] + 1].sum())
                    first[limits] = Found(quantity.histogram.quantity, rows, int(fires[0]))
    return first


def false_alarm_table(found: Sequence[FalseAlarms]) -> Iterator[Sequence[str]]:
    """Give a row for each traffic below the limits that were tried."""
    yield ["rows an hour", *map(_told, LIMITS)]
    for traffic in TRAFFIC:
        yield [traffic.told, *(f"{each.a_month:.1f}" for each in found if each.traffic == traffic)]


def change_table(found: Sequence[Change]) -> Iterator[Sequence[str]]:
    """Give a row for each change and traffic, with what the limits that are shipped find of it."""
    yield ["change", "rows an hour", "found", "first by", "rows until then", "hours"]
    for each in found:
        if each.limits != SHIPPED:
            continue
        times = [one for one in each.found if one is not None]
        often = f"{len(times)} of {len(each.found)}"
        if not times:
            yield [each.change, each.traffic.told, often, "", "", ""]
            continue
        names = sorted({one.quantity for one in times})
        rows = [one.rows for one in times]
        hours = [one.steps / HOUR for one in times]
        yield [
            *(each.change, each.traffic.told, often, ", ".join(names)),
            f"{median(rows):,.0f} (at most {max(rows):,})",
            f"{median(hours):.1f} (at most {max(hours):.1f})",
        ]


def as_document(alarms: Sequence[FalseAlarms], changes: Sequence[Change]) -> dict[str, object]:
    """Give all that was found, for JSON."""
    return {
        "shipped": SHIPPED._asdict(),
        "false_alarms": [_plain(each) for each in alarms],
        "changes": [
            {**_plain(each), "found": [one and one._asdict() for one in each.found]}
            for each in changes
        ],
    }


def _plain(found: FalseAlarms | Change) -> dict[str, object]:
    return {
        **found._asdict(),
        "traffic": asdict(found.traffic),
        "limits": found.limits._asdict(),
    }


def _told(limits: Limits) -> str:
    shipped = " (shipped)" if limits == SHIPPED else ""
    return f"{limits.drifted:g}, {limits.rows} rows a bin{shipped}"
