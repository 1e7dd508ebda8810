"""Until when a key is good, as people write and read it."""

import re
from datetime import UTC, date, datetime, time, timedelta

_SPAN = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>[hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_SOON = timedelta(days=14)


def parse_expiry(text: str, now: datetime) -> datetime:
    """Read 90d, 12h or 2w, the last day as 2027-01-31, or a time with its zone.

    Raises:
        ValueError: it is none of these, or has passed.
    """
    try:
        expires = _parse(text, now)
    except (ValueError, OverflowError) as error:
        message = (
            f"{text!r} says not how long a key is good; give 90d, 12h or 2w, the last day as "
            "2027-01-31, or a time with its zone as 2027-01-31T18:00+01:00"
        )
        raise ValueError(message) from error
    if expires <= now:
        message = f"{text!r} has passed already; it is {now:%Y-%m-%d %H:%M %Z}"
        raise ValueError(message)
    return expires


def tell_expiry(expires: datetime | None, now: datetime) -> str:
    """Say until when a key is good, and how soon that is where somebody should see to it."""
    if expires is None:
        return "never"
    when = f"{expires.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    left = expires - now
    if left <= timedelta():
        return f"[red]{when}, expired[/]"
    if left > _SOON:
        return when
    days = left // timedelta(days=1)
    soon = f"in {days} day{'' if days == 1 else 's'}" if days else "within a day"
    return f"[yellow]{when}, {soon}[/]"


def _parse(text: str, now: datetime) -> datetime:
    if span := _SPAN.fullmatch(text):
        return (now + int(span["number"]) * _UNITS[span["unit"]]).replace(microsecond=0)
    if len(text) == len("2027-01-31"):
        # The whole of that day, as the world's clock has it.
        return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=1)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        message = "it has no zone"
        raise ValueError(message)
    return moment.astimezone(UTC)
