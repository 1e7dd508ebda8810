"""How the number of users changes over a run; knows nothing of what they do."""

from collections.abc import Callable
from typing import Any

from locust import LoadTestShape

DEFAULT_SECONDS = 3600  # of a run that nobody gave a length: every run ends

# From the portion of the run that is over to the portion of the users that are there.
SHAPES: dict[str, Callable[[float], float]] = {
    # All of them, all the time.
    "steady": lambda _portion: 1,
    # One after the other until all are there, to see where answers become slow.
    "ramp": lambda portion: portion,
    # A tenth, but all of them in the middle fifth, to see how long the recovery takes.
    "spike": lambda portion: 1 if 0.4 <= portion < 0.6 else 0.1,
    # All of them but in the first and last tenth, to see what grows and does not shrink again.
    "soak": lambda portion: min(1, 10 * portion, 10 * (1 - portion)),
}


class Shape(LoadTestShape):
    """Follows the option --shape, up to --users, for --run-time."""

    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        """Say how many users there are to be now, and how many may come or go in a second."""
        # locust has set both before it asks.
        options: Any = self.runner.environment.parsed_options  # type: ignore[union-attr]
        portion = self.get_run_time() / (options.run_time or DEFAULT_SECONDS)
        if portion >= 1:
            return None
        users = max(1, round(options.num_users * SHAPES[options.shape](portion)))
        # Only where all come at once is it of use to let them come slowly.
        return users, options.spawn_rate if options.shape == "steady" else options.num_users
