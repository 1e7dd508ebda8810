"""What became of simulated requests: each ends once, in one of four ways."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Outcome:
    """Counts, and the latencies of good answers; what arrived before `since` is counted apart."""

    since: float = 0.0
    arrived: int = 0
    early: int = 0
    refused: int = 0  # 429
    timed_out: int = 0  # 504
    unavailable: int = 0  # 503
    calls: int = 0
    rows: int = 0
    waited_seconds: float = 0.0  # of all requests, until their call left
    most_at_a_server: int = 0
    latencies: list[float] = field(default_factory=list)
    finished: list[float] = field(default_factory=list)

    def answer(self, arrived: float, when: float) -> None:
        """Count a good answer."""
        if arrived < self.since:
            self.early += 1
        else:
            self.latencies.append(when - arrived)
            self.finished.append(when)

    @property
    def ended(self) -> int:
        """How many requests have ended, in any way."""
        bad = self.refused + self.timed_out + self.unavailable
        return len(self.latencies) + self.early + bad

    @property
    def rows_per_call(self) -> float:
        """How many requests shared a call."""
        return self.rows / max(1, self.calls)

    def milliseconds(self, percent: float) -> float:
        """Give a percentile of the good answers' latency."""
        if not self.latencies:
            return 0.0
        return 1e3 * float(np.percentile(self.latencies, percent))

    def good_per_second(self, begin: float, end: float) -> float:
        """Count good answers within a time, by the second."""
        finished = np.array(self.finished)
        return float(np.count_nonzero((finished >= begin) & (finished < end))) / (end - begin)
