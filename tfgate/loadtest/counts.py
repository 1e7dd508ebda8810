"""What a load test has counted so far, model by model; knows neither locust nor objectives.

locust's process writes a `Counts` a second, each a line of JSON, and this program reads them.
"""

import math
from itertools import accumulate

from pydantic import BaseModel, ConfigDict

PIPE_VARIABLE = "TFGATE_LOADTEST_PIPE"  # the number of the open file that the lines go to


class ModelCounts(BaseModel):
    """The requests of one model.

    `answered` is the number of answers by the milliseconds that they took, rounded up; `failed` is
    the number of requests without a right answer, by the kind of failure.
    """

    model_config = ConfigDict(frozen=True)

    answered: dict[int, int] = {}
    failed: dict[str, int] = {}

    @property
    def num_answered(self) -> int:
        """Right answers."""
        return sum(self.answered.values())

    @property
    def num_failed(self) -> int:
        """Everything else."""
        return sum(self.failed.values())

    @property
    def num_requests(self) -> int:
        """All that were sent and have ended."""
        return self.num_answered + self.num_failed

    def percentile(self, percent: float) -> int | None:
        """Return the milliseconds that this share of the right answers took at most.

        A refusal is quicker than an answer, so failures are left out. None: there is no answer.
        """
        rank = max(1, math.ceil(percent / 100 * self.num_answered))
        times = sorted(self.answered)
        ranks = accumulate(self.answered[time] for time in times)
        return next((time for time, last in zip(times, ranks, strict=True) if last >= rank), None)


class Counts(BaseModel):
    """Everything up to a moment, `seconds` after the first user came.

    `starved` says that locust itself lacked processor time, so that part of the time that it
    measured is its own.
    """

    model_config = ConfigDict(frozen=True)

    seconds: float
    users: int
    starved: bool
    models: dict[str, ModelCounts]

    @property
    def total(self) -> ModelCounts:
        """The requests of all models."""
        answered: dict[int, int] = {}
        failed: dict[str, int] = {}
        for counts in self.models.values():
            for time, times in counts.answered.items():
                answered[time] = answered.get(time, 0) + times
            for kind, times in counts.failed.items():
                failed[kind] = failed.get(kind, 0) + times
        return ModelCounts(answered=answered, failed=failed)
