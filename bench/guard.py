"""How often a release's guard is wrong about a healthy candidate, and how soon it finds a bad one.

Simulated: the gateway's own judge, told of requests that come at random, a second at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import median

import numpy as np

from serving.gateway.releases.guard import GuardJudge, level_of
from serving.gateway.releases.release import Guard

GUARD = Guard(
    errors=0.01,
    p99_ratio=1.5,
    disagreement=0.1,
    drift=0.2,
    accuracy_drop=0.02,
    rmse_ratio=1.1,
)
HOUR = 3600
_MINUTE = timedelta(minutes=1)
_COMPARED, _KNOWN = 0.1, 0.1  # of the candidate's requests, and of all whose truth comes back
_ROUTES = ("stable", "candidate")


@dataclass(frozen=True)
class Version:
    """How one version answers; unchanged, as the stable one does."""

    failing: float = 0.005
    times_slower: float = 1.0  # 18 ms is its median, lognormal: a p99 of 59 ms
    seconds_slower: float = 0.0
    disagreeing: float = 0.03
    positive: float = 0.6  # of its labels
    right: float = 0.9
    bias: float = 0.0  # of its prices, which are about 2.7, lognormal, with an error of 0.3
    scatter: float = 0.3
    prices: bool = False  # instead of labels


STABLE = Version()
AT_THE_LIMITS = Version(
    failing=0.015,
    times_slower=1.5,
    disagreeing=0.1,
    positive=0.8,  # an index of 0.196
    right=0.88,
)
HEALTHY = {
    "as good as stable": STABLE,
    "at every limit": AT_THE_LIMITS,
    "as good, prices": Version(prices=True),
    "at every limit, prices": Version(prices=True, disagreeing=0.1, scatter=0.33),
}
BAD = {
    "answers NaN: every request fails": Version(failing=1),
    "fails 3 % of its requests": Version(failing=0.03),
    "takes ten times as long": Version(times_slower=10),
    "sleeps for a second": Version(seconds_slower=1),
    "was trained on shuffled labels": Version(disagreeing=0.5, right=0.5),
    "has other labels: 95 % positive, not 60 %": Version(positive=0.95, right=0.65),
    "has prices 10 % too high": Version(prices=True, disagreeing=0.95, bias=0.1),
    "has errors of twice the size": Version(prices=True, scatter=0.6),
}


@dataclass(frozen=True)
class Traffic:
    """Requests a second, the candidate's share of them, and whether there are hiccups.

    The rate swings by half within twenty minutes. A hiccup comes every ten minutes or so and lasts
    three seconds: a fifth of all requests fails, the rest takes ten times as long; every other one
    meets the candidate alone.
    """

    rate: float
    share: float
    hiccups: bool = True
    window: timedelta = GUARD.window

    @property
    def told(self) -> str:
        """Name it at the head of a column or row."""
        window = "" if self.window == GUARD.window else f", window {self.window / _MINUTE:g} m"
        return f"{self.rate:g}/s, {self.share:.0%}{window}"


@dataclass(frozen=True)
class Found:
    """When a candidate was taken back, by which rule, and what it had answered until then."""

    rule: str
    seconds: int
    requests: int
    failed: int


class Simulation:
    """One candidate, watched from its first request on."""

    def __init__(self, traffic: Traffic, candidate: Version, seed: int) -> None:
        self._now = 0
        self._traffic = traffic
        stable = replace(STABLE, prices=candidate.prices)
        self._versions = dict(zip(_ROUTES, (stable, candidate), strict=True))
        self._random = np.random.default_rng(seed)
        guard = GUARD.model_copy(update={"window": traffic.window})
        self._judge = GuardJudge(guard, clock=lambda: self._now)
        self._requests = self._failed = 0  # the candidate's
        self._hiccup_ends = dict.fromkeys(_ROUTES, 0)

    def run(self, seconds: int) -> Found | None:
        """Go on until the candidate is taken back, or so much time has passed."""
        for _ in range(seconds):
            self._have_hiccups()
            swing = 1 + 0.5 * np.sin(2 * np.pi * self._now / 1200)
            shares = (1 - self._traffic.share, self._traffic.share)
            for route, share in zip(_ROUTES, shares, strict=True):
                num = int(self._random.poisson(self._traffic.rate * swing * share))
                self._answer(route, self._versions[route], num)
            self._now += 1
            broken = self._judge.judge()
            if broken:
                rule = broken.partition(":")[0]
                return Found(rule, self._now, self._requests, self._failed)
        return None

    def judged(self) -> set[str]:
        """Return the rules that had enough to go by, at the end."""
        return {each.rule for each in self._judge.figures().verdicts if each.says != "not judged"}

    def _have_hiccups(self) -> None:
        if self._traffic.hiccups and self._random.random() < 1 / 600:
            for route in _ROUTES if self._random.random() < 0.5 else _ROUTES[1:]:
                self._hiccup_ends[route] = self._now + 3

    def _answer(self, route: str, version: Version, num: int) -> None:
        hiccup = self._now < self._hiccup_ends[route]
        failing = max(version.failing, 0.2) if hiccup else version.failing
        failed = self._random.random(num) < failing
        slower = version.times_slower * (10 if hiccup else 1)
        seconds = version.seconds_slower + slower * self._random.lognormal(-4, 0.5, num)
        for each_failed, each_seconds in zip(failed.tolist(), seconds.tolist(), strict=True):
            self._judge.observe(route, failed=each_failed, seconds=each_seconds)
        num_answered = num - int(failed.sum())
        self._tell_answers(route, version, num_answered)
        if route == "candidate":
            self._requests += num
            self._failed += int(failed.sum())
            num_compared = self._random.binomial(num_answered, _COMPARED)
            for differs in self._random.random(num_compared) < version.disagreeing:
                self._judge.observe_comparison(1, int(differs))

    def _tell_answers(self, route: str, version: Version, num: int) -> None:
        num_known = self._random.binomial(num, _KNOWN)
        if version.prices:
            truths = self._random.lognormal(1, 0.4, num)
            errors = truths * version.bias + self._random.normal(0, version.scatter, num)
            for price in (truths + errors).tolist():
                self._judge.observe_answers(route, (price,))
            squared = errors[:num_known] ** 2
            sums = float(squared.sum()), float((squared**2).sum())
            self._judge.observe_squared_errors(route, num_known, *sums)
        else:
            for label in (self._random.random(num) < version.positive).tolist():
                self._judge.observe_answers(route, (label,))
            num_correct = self._random.binomial(num_known, version.right)
            self._judge.observe_truths(route, num_known, num_correct)


# Called after each simulated hour or candidate.
Advance = Callable[[], None]

_RATES, _SHARES = (1.0, 20.0, 500.0), (0.01, 0.05, 0.5)
_HEALTHY_TRAFFIC = [Traffic(rate, share) for rate in _RATES for share in _SHARES]
_BAD_TRAFFIC = [
    Traffic(1, 0.5, hiccups=False, window=60 * _MINUTE),
    Traffic(20, 0.05, hiccups=False, window=60 * _MINUTE),
    Traffic(20, 0.05, hiccups=False),
    Traffic(20, 0.5, hiccups=False),
    Traffic(500, 0.01, hiccups=False),
    Traffic(500, 0.05, hiccups=False),
    Traffic(500, 0.5, hiccups=False),
]


def num_steps(hours: int, runs: int) -> int:
    """Count what `advance` is called for by both tables."""
    return len(HEALTHY) * len(_HEALTHY_TRAFFIC) * hours + len(BAD) * len(_BAD_TRAFFIC) * runs


def false_alarms(hours: int, advance: Advance) -> Iterator[Sequence[str]]:
    """Give a row for each traffic below the names of the columns: false alarms of healthy hours."""
    yield ["requests/s, share", "hours of each", "rules judged", *HEALTHY]
    for traffic in _HEALTHY_TRAFFIC:
        alarms: list[str] = []
        judged: set[str] = set()
        for version in HEALTHY.values():
            found = 0
            for seed in range(hours):
                simulation = Simulation(traffic, version, seed)
                found += simulation.run(HOUR) is not None
                judged |= simulation.judged()
                advance()
            alarms.append(f"{found}")
        rules = ", ".join(sorted(judged)) or "none: too few requests"
        yield [traffic.told, f"{hours}", rules, *alarms]


def found_after(runs: int, advance: Advance) -> Iterator[Sequence[str]]:
    """Give a row for each bad candidate: by what it is found, after how long, how many failed."""
    yield ["candidate", *(traffic.told for traffic in _BAD_TRAFFIC)]
    for name, version in BAD.items():
        cells: list[str] = []
        for traffic in _BAD_TRAFFIC:
            outcomes: list[Found | None] = []
            for seed in range(runs):
                outcomes.append(Simulation(traffic, version, seed).run(HOUR))
                advance()
            cells.append(_summed_up(outcomes))
        yield [name, *cells]


def certainty() -> str:
    """Say how sure the guard of the tables is."""
    return f"{level_of(GUARD):.1e} is the level of a rule at one look, every 5 s of a window of 5 m"


def _summed_up(outcomes: Sequence[Found | None]) -> str:
    found = [each for each in outcomes if each is not None]
    if not found:
        return "not in an hour"
    seconds, requests, failed = (
        median(getattr(each, name) for each in found) for name in ("seconds", "requests", "failed")
    )
    rules = "/".join(sorted({each.rule for each in found}))
    often = "" if len(found) == len(outcomes) else f" ({len(found)} of {len(outcomes)})"
    return f"{rules}{often}: {seconds:,.0f} s, {requests:,.0f} requests, {failed:,.0f} failed"
