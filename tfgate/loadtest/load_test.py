"""What a load test is to do, and the command line that makes locust do it."""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tfgate.ask import Gateway
from tfgate.loadtest.errors import WrongOptions

PACKAGES = Path(__file__).parents[2]  # the folder that tfgate is imported from
LOCUSTFILE = Path(__file__).parent / "users" / "locustfile.py"
COUNT_WRITER = Path(__file__).with_name("count_writer.py")
STOP_SECONDS = 35  # a little more than the users wait for an answer
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


@dataclass(frozen=True)
class LoadTest:
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
        WrongOptions: it is malformed, or nothing.
    """
    found = _DURATION.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    duration = 3600 * hours + 60 * minutes + seconds
    if duration == 0:
        message = f"{text!r} is no duration; 60s, 10m and 1h30m are."
        raise WrongOptions(message)
    return duration


def check_locust() -> None:
    """See that locust can be run, without importing it: it changes Python's own modules.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    if find_spec("locust") is None:
        raise ModuleNotFoundError(name="locust")


def check_report(html: Path) -> None:
    """See that the report can be written, before anybody waits for it.

    Raises:
        WrongOptions: it cannot.
    """
    try:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.touch()
    except OSError as error:
        message = f"cannot write {html}: {error.strerror}."
        raise WrongOptions(message) from error


def locust_command(test: LoadTest, models: Iterable[str]) -> list[str]:
    """Say how to run locust; its figures go to the pipe of `count_writer`, its words to stderr."""
    return [
        *(sys.executable, "-m", "locust", "--headless", "--only-summary"),
        *(f"--locustfile={LOCUSTFILE},{COUNT_WRITER}", f"--host={test.gateway.url.rstrip('/')}"),
        *(f"--users={test.users}", f"--spawn-rate={max(1, test.users / 10)}"),
        *(f"--run-time={test.seconds}", f"--stop-timeout={STOP_SECONDS}"),
        *(f"--shape={test.shape}", f"--html={test.html.resolve()}"),
        *(f"--model={model}" for model in models),
    ]
