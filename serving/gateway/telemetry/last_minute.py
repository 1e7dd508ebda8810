"""What came within the last minute: by how much counters have grown that only ever grow.

They are looked at every ten seconds, beside the requests, on whose way nothing more is counted.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serving.gateway.telemetry import metrics

_LOOK_SECONDS = 10
_NUM_LOOKS = 60 // _LOOK_SECONDS
_AFTER_SECONDS = 2 + len(metrics.SECONDS)  # where `_of_version` goes on


@dataclass(frozen=True)
class Minute:
    """What came to one model within the last `seconds`.

    `by_seconds` are requests by metrics.SECONDS, float64[bucket], `num_ok` of which were answered
    well; `by_rows` are answered calls by metrics.COUNTS, of `num_rows` in all. The last bucket is
    that of what is more. Requests that were `shed`, by metrics.SHED_REASONS, are left out of them.
    """

    seconds: float
    num_ok: int
    by_seconds: NDArray[np.float64]
    num_rows: int
    by_rows: NDArray[np.float64]
    shed: Mapping[str, int]


@dataclass(frozen=True)
class _Look:
    """How far counters were at a time of the clock: each version's, and each model's refusals."""

    at: float
    versions: Mapping[metrics.VersionMetrics, NDArray[np.float64]]
    shed: Mapping[tuple[str, str], float]


class LastMinute:
    """Of every model of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looks: deque[_Look] = deque(maxlen=_NUM_LOOKS)
        self.look()

    async def follow(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Note how far all counters are."""
        self._looks.append(self._look(list(metrics.SERIES.values())))

    def of(self, model: str) -> Minute:
        """Tell what came to a model since the oldest look: a minute ago, or at the start."""
        then = self._looks[0]
        now = self._look([each for each in metrics.SERIES.values() if each.labels[0] == model])
        # There is one at least, of the requests that no version has answered.
        grown = np.sum(
            [counts - then.versions.get(key, 0) for key, counts in now.versions.items()], axis=0
        )
        return Minute(
            seconds=now.at - then.at,
            num_ok=int(grown[0]),
            by_seconds=grown[1:_AFTER_SECONDS],
            num_rows=int(grown[_AFTER_SECONDS]),
            by_rows=grown[_AFTER_SECONDS + 1 :],
            shed={
                reason: int(number - then.shed.get((model, reason), 0))
                for (_, reason), number in now.shed.items()
            },
        )

    def _look(self, versions: list[metrics.VersionMetrics]) -> _Look:
        metrics.flush()
        models = {each.labels[0] for each in versions}
        return _Look(
            at=self._clock(),
            versions={each: _of_version(each) for each in versions},
            shed={
                (model, reason): metrics.counted(metrics.SHED.labels(model, reason))
                for model in models
                for reason in metrics.SHED_REASONS
            },
        )


def _of_version(series: metrics.VersionMetrics) -> NDArray[np.float64]:
    """Tell how far its counters are: answered well; requests by seconds; rows; calls by rows."""
    return np.array(
        [
            metrics.counted(series.ok),
            *series.seconds.counts(),
            series.call_rows.total(),
            *series.call_rows.counts(),
        ]
    )
