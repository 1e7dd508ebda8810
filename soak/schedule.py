"""How long a soak lasts, what happens to the model server meanwhile, and what is then accepted."""

from dataclasses import dataclass

# Predictions may take this long; the gateway's default.
DEADLINE_SECONDS = 5
SLACK_SECONDS = 1  # between a request's deadline and the moment at which its client knows
RECOVERY_SECONDS = 2  # from the model server's first answer on


@dataclass(frozen=True)
class Schedule:
    """Times are seconds; `max_growth` is a share of the memory at the end of the warm-up."""

    seconds: float
    swap_seconds: float = 20
    num_kills: int = 2
    warm_up_seconds: float = 60
    max_growth: float = 0.05

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
