"""How values are written in a file of releases: shares, durations, steps, times and names.

Each is read with what it may be, so that what is wrong is said in words.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field

_DURATION = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)(?P<unit>s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_STEP = re.compile(r"(?P<percent>[0-9]+(\.[0-9]+)?)%/(?P<lasts>\S+)")
_NAME = re.compile(r"[\w.-]{1,64}")  # as keys are named in their file
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, 5.6.2
_LONGEST = timedelta(days=366)
_YEARS = range(1970, 3000)  # so that no sum of times is beyond what Python counts


class Step(NamedTuple):
    """A share of the traffic, and how long it lasts."""

    percent: float
    lasts: timedelta


def duration(value: object) -> timedelta:
    """Read a duration such as 30s, 10m, 1.5h or 2d.

    Raises:
        ValueError: it is none, or nothing, or longer than a year.
    """
    read = value if isinstance(value, timedelta) else _parse_duration(value)
    if not timedelta(0) < read <= _LONGEST:
        message = f"{value!r:.60}: a duration is more than 0s, and at most {_LONGEST.days}d"
        raise ValueError(message)
    return read


def _parse_duration(value: object) -> timedelta:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        message = f"{value!r:.60} is no duration; one is '30s', '10m', '1.5h' or '2d'"
        raise ValueError(message)
    try:
        return timedelta(**{_UNITS[found["unit"]]: float(found["number"])})
    except OverflowError:
        return timedelta.max


def step(value: object) -> Step:
    """Read a step such as 5%/30m.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, Step):
        return value
    found = _STEP.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        message = f"{value!r:.60} is no step; one is '5%/30m': five percent for thirty minutes"
        raise ValueError(message)
    percent = float(found["percent"])
    if percent > 100:
        message = f"{value!r:.60}: a share is at most 100%"
        raise ValueError(message)
    return Step(percent, duration(found["lasts"]))


def moment(value: object) -> datetime:
    """Take a time with its zone, as one in UTC.

    Raises:
        ValueError: it is none, or has no zone, or is from another century.
    """
    example = "one is 2026-11-29T12:00:00Z, without quotes"
    if not isinstance(value, datetime):
        message = f"{value!s:.60} is no time; {example}"
        raise ValueError(message)
    if value.tzinfo is None:
        message = f"{value.isoformat()} says no zone, so that it is another time in other places"
        raise ValueError(f"{message}; {example}")
    if value.year not in _YEARS:
        message = f"{value.isoformat()} is from another century; {example}"
        raise ValueError(message)
    return value.astimezone(UTC)


def _name(value: str) -> str:
    if _NAME.fullmatch(value) is None:
        # Not what was received: it may be a key itself, in place of its name.
        message = "is no name; one has letters, digits, dots, hyphens and underscores, at most 64"
        raise ValueError(message)
    return value


def _header(name: str) -> str:
    if _TOKEN.fullmatch(name) is None:
        message = f"{name!r:.60} is no name of a header; one has letters, digits and hyphens alone"
        raise ValueError(message)
    return name


def _header_value(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        message = (
            f"{value!r:.60} comes with no request: a header's value has no line breaks or tabs, "
            "and no spaces around it; leave them out"
        )
        raise ValueError(message)
    return value


Duration = Annotated[timedelta, BeforeValidator(duration)]
Moment = Annotated[datetime, BeforeValidator(moment)]
# Numbers are no texts, and neither are `true` and `false`.
Number = Annotated[float, Field(strict=True)]
Percent = Annotated[Number, Field(ge=0, le=100)]
WrittenStep = Annotated[Step, BeforeValidator(step)]
Version = Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)]
Name = Annotated[str, AfterValidator(_name)]
ModelName = Annotated[str, Field(min_length=1, max_length=255)]  # as of a folder
HeaderName = Annotated[str, AfterValidator(_header)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
