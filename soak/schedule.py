"""How long a soak lasts, what happens to the model server meanwhile, and what is then accepted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """Times are seconds; `max_growth` is a share of the memory at the end of the warm-up.

    Predictions may take `deadline_seconds`, the gateway's default; a client knows of it at most
    `slack_seconds` later. Errors may begin until `recovery_seconds` after the model server's first
    answer.
    """

    seconds: float
    swap_seconds: float = 20
    num_kills: int = 2
    warm_up_seconds: float = 60
    max_growth: float = 0.05
    deadline_seconds: float = 5
    slack_seconds: float = 1
    recovery_seconds: float = 2

    @property
    def kill_times(self) -> list[float]:
        """When the model server is killed: two kills come after a third and after two thirds."""
        parts = self.num_kills + 1
        return [self.seconds * number / parts for number in range(1, parts)]

    @property
    def swap_times(self) -> list[float]:
        """When a version is published."""
        num_swaps = int(self.seconds / self.swap_seconds)
        return [self.swap_seconds * number for number in range(1, num_swaps + 1)]


def short(seconds: float, *, swap_seconds: float, num_kills: int) -> Schedule:
    """Plan a run of less than a few minutes.

    Its memory is compared with that after a sixth of the time, when Python and its libraries have
    not yet allocated what they then keep: what grows by 5 % in ten minutes may grow by 20 % here.
    """
    return Schedule(seconds, swap_seconds, num_kills, seconds / 6, 0.2)
