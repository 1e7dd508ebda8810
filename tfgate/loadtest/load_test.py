"""What a load test is to do, and the command line that makes locust do it."""

import re
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tfgate.ask import Gateway
from tfgate.loadtest.errors import WrongPlan

CHECKOUT = Path(__file__).parents[2]
LOCUSTFILE = CHECKOUT / "tests" / "load" / "locustfile.py"
COUNTING = Path(__file__).with_name("counting.py")
STOP_SECONDS = 35  # a little more than the users wait for an answer
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


@dataclass(frozen=True)
class Plan:
    """Who asks whom, for how long; `model` alone, or all if None."""

    gateway: Gateway
    users: int
    seconds: int
    shape: str
    model: str | None
    html: Path


def parse_duration(text: str) -> int:
    """Read a duration such as 60s, 10m or 1h30m; return its seconds.

    Raises:
        WrongPlan: it is malformed, or nothing.
    """
    found = _DURATION.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    duration = 3600 * hours + 60 * minutes + seconds
    if duration == 0:
        message = f"{text!r} is no duration; 60s, 10m and 1h30m are."
        raise WrongPlan(message)
    return duration


def check_locust() -> None:
    """See that locust can be run, without importing it: it changes Python's own modules.

    Raises:
        ModuleNotFoundError: it is not installed.
        WrongPlan: its users are not here.
    """
    if find_spec("locust") is None:
        raise ModuleNotFoundError(name="locust")
    if not LOCUSTFILE.is_file():
        message = (
            f"there is no {LOCUSTFILE}: the users of a load test are no part of the package. "
            "Clone the repository, and install it there with pip install --editable '.[load]'."
        )
        raise WrongPlan(message)


def check_report(html: Path) -> None:
    """See that the report can be written, before anybody waits for it.

    Raises:
        WrongPlan: it cannot.
    """
    try:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.touch()
    except OSError as error:
        message = f"cannot write {html}: {error.strerror}."
        raise WrongPlan(message) from error


def locust_command(plan: Plan) -> list[str]:
    """Say how to run locust; its figures go to `counting`'s pipe, its words to stderr."""
    users = [] if plan.model is None else [f"{plan.model.capitalize()}User"]
    return [
        *(sys.executable, "-m", "locust", "--headless", "--only-summary"),
        *(f"--locustfile={LOCUSTFILE},{COUNTING}", f"--host={plan.gateway.url.rstrip('/')}"),
        *(f"--users={plan.users}", f"--spawn-rate={max(1, plan.users / 10)}"),
        *(f"--run-time={plan.seconds}", f"--stop-timeout={STOP_SECONDS}"),
        *(f"--shape={plan.shape}", f"--html={plan.html.resolve()}", *users),
    ]
