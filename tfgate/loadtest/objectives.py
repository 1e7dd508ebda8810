"""What a load test must reach, as people write it: 'p99<250ms,failures<0.1%'."""

import re
from dataclasses import dataclass

from tfgate.loadtest.counts import ModelCounts
from tfgate.loadtest.errors import WrongOptions

_NUMBER = r"(\d+(?:\.\d+)?)"
_LATENCY = re.compile(rf"(?:p{_NUMBER}|max)<{_NUMBER}(ms|s)")
_FAILURES = re.compile(rf"failures<{_NUMBER}%")
_RATE = re.compile(rf"requests>{_NUMBER}/s")
_UNIT_MILLISECONDS = {"ms": 1, "s": 1000}


@dataclass(frozen=True)
class Latency:
    """A share of the right answers must take less than `bound` milliseconds."""

    text: str
    percent: float
    bound: float

    def miss(self, counts: ModelCounts, _seconds: float) -> str | None:
        """Say by how much it is missed."""
        reached = counts.percentile(self.percent)
        if reached is None:
            return "nothing was answered"
        if reached < self.bound:
            return None
        return f"{reached} ms, {reached - self.bound:g} ms too much"


@dataclass(frozen=True)
class Failures:
    """Less than `bound` percent of the requests may fail."""

    text: str
    bound: float

    def miss(self, counts: ModelCounts, _seconds: float) -> str | None:
        """Say by how much it is missed."""
        if counts.num_requests == 0:
            return "nothing was asked"
        reached = 100 * counts.num_failed / counts.num_requests
        if reached < self.bound:
            return None
        return f"{reached:.3g}%, {reached - self.bound:.3g} points too much"


@dataclass(frozen=True)
class Rate:
    """More than `bound` requests a second must get their right answer."""

    text: str
    bound: float

    def miss(self, counts: ModelCounts, seconds: float) -> str | None:
        """Say by how much it is missed."""
        reached = counts.num_answered / seconds
        if reached > self.bound:
            return None
        return f"{reached:.1f}/s answered, {self.bound - reached:.1f}/s too few"


Objective = Latency | Failures | Rate


def parse(text: str) -> list[Objective]:
    """Read objectives with commas between.

    Raises:
        WrongOptions: one is malformed.
    """
    return [_parse_one(part.replace(" ", "")) for part in text.split(",")]


def _parse_one(text: str) -> Objective:
    if found := _LATENCY.fullmatch(text):
        percent, bound, unit = found.groups()
        if percent is None or 0 < float(percent) <= 100:
            return Latency(text, float(percent or 100), float(bound) * _UNIT_MILLISECONDS[unit])
    if found := _FAILURES.fullmatch(text):
        return Failures(text, float(found[1]))
    if found := _RATE.fullmatch(text):
        return Rate(text, float(found[1]))
    forms = "p99<250ms, max<2s, failures<0.1% and requests>50/s"
    raise WrongOptions(f"{text!r} is no objective; these are, with commas between: {forms}.")
