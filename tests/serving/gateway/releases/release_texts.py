"""Releases of all kinds, and the files that say them."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel

from serving.gateway.releases.notation import Step
from serving.gateway.releases.release import Candidate, Cohort, Guard, Release, Releases, Shadow

GOOD = """\
[cohorts.staff]
keys = ["alice"]
headers = { X-Beta = ["yes"] }

[models.sentiment]
stable = 3
previous = 2

[models.sentiment.candidate]
version = 4
steps = [
  "1%/10m",
  "10%/30m",
]
started = 2026-11-29T12:00:00Z
cohorts = ["staff"]

[models.sentiment.guard]
window = "5m"
errors = 0.01
"""

NAMES = st.text("aZ0_.-é", min_size=1, max_size=4)
HEADERS = st.text("aZ0!#$%&'*+.^_`|~-", min_size=1, max_size=4)
HEADER_VALUES = st.text("aZ0\"'\\#=[]{}é😀", max_size=4)
VERSIONS = st.integers(1, 2**63 - 1)
DURATIONS = st.integers(1, 366 * 24 * 3600).map(lambda seconds: timedelta(seconds=seconds))
SHARES = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC))
STEPS = st.lists(st.tuples(SHARES, DURATIONS), min_size=1, max_size=5).map(
    lambda steps: tuple(
        Step(share, lasts)
        for share, (_, lasts) in zip(sorted(share for share, _ in steps), steps, strict=True)
    )
)


NAME_LISTS = st.lists(NAMES, max_size=3).map(tuple)
HEADER_LISTS = st.dictionaries(
    HEADERS, st.lists(HEADER_VALUES, min_size=1, max_size=3).map(tuple), max_size=1
)


@st.composite
def cohorts(draw: st.DrawFn) -> dict[str, Cohort]:
    """Draw cohorts that have nobody in common: each has its own number in every name."""
    return {
        name: Cohort(
            keys=(f"k{number}", *(f"{number}{key}" for key in draw(NAME_LISTS))),
            headers={
                header: tuple(f"{number}{value}" for value in values)
                for header, values in draw(HEADER_LISTS).items()
            },
        )
        for number, name in enumerate(draw(st.lists(NAMES, unique=True, max_size=2)))
    }


@st.composite
def candidates(draw: st.DrawFn, version: int, known: list[str]) -> Candidate:
    """Draw a candidate that may name cohorts that are known."""
    started = draw(TIMES)
    share: dict[str, Any] = draw(
        st.one_of(
            st.fixed_dictionaries({"percent": SHARES, "started": st.sampled_from([None, started])}),
            st.fixed_dictionaries({"steps": STEPS, "started": st.just(started)}),
        )
    )
    return Candidate(
        version=version,
        keys=draw(NAME_LISTS),
        headers=draw(HEADER_LISTS),
        by=draw(st.sampled_from(["release-key", "api-key", "request-id"])),
        cohorts=tuple(draw(st.lists(st.sampled_from(known), unique=True))) if known else (),
        compare=draw(SHARES),
        **share,
    )


@st.composite
def guards(draw: st.DrawFn, candidate: Candidate) -> Guard:
    """Draw a guard of any rules that a candidate can be held to, but one at the least."""
    parts = st.floats(0, 1, exclude_max=True)
    rules = {
        **dict.fromkeys(("errors", "disagreement", "accuracy_drop"), parts),
        **dict.fromkeys(("p99_ratio", "rmse_ratio"), st.floats(1, 1e9)),
        "drift": st.floats(0, 10, exclude_min=True),
    }
    there = sorted(rules if candidate.compare else rules.keys() - {"disagreement"})
    chosen = draw(st.lists(st.sampled_from(there), min_size=1, unique=True))
    return Guard(
        window=draw(DURATIONS),
        least_requests=draw(VERSIONS),
        tolerance=draw(st.floats(0, 1e9)),
        **{name: draw(rules[name]) for name in chosen},
    )


@st.composite
def release(draw: st.DrawFn, known: list[str]) -> Release:
    """Draw the release of a model."""
    stable, previous, tried, shadow = draw(st.lists(VERSIONS, min_size=4, max_size=4, unique=True))
    candidate = draw(st.none() | candidates(tried, known))
    return Release(
        stable=stable,
        previous=draw(st.sampled_from([None, previous])),
        candidate=candidate,
        shadow=draw(st.none() | st.builds(Shadow, version=st.just(shadow), percent=SHARES)),
        guard=None if candidate is None else draw(st.none() | guards(candidate)),
    )


@st.composite
def all_releases(draw: st.DrawFn) -> Releases:
    """Draw what a file may say."""
    known = draw(cohorts())
    names = st.text('aZ0. -é"😀', min_size=1, max_size=4)
    return Releases(
        cohorts=known, models=draw(st.dictionaries(names, release(list(known)), max_size=2))
    )


def toml_of(releases: Releases) -> str:
    """Write the file that says what the releases are."""
    return "".join(f"{line}\n" for line in _lines([], _tables(releases)))


def _tables(model: BaseModel) -> dict[str, Any]:
    values = ((name, getattr(model, name)) for name in type(model).model_fields)
    return {name: value for name, value in values if value not in (None, (), {})}


def _lines(path: list[str], table: Mapping[str, Any]) -> Iterator[str]:
    if path:
        yield f"[{'.'.join(path)}]"
    parts = {
        name: _tables(value) if isinstance(value, BaseModel) else value
        for name, value in table.items()
    }
    for name, value in parts.items():
        if not isinstance(value, Mapping):
            yield f"{_text(name)} = {_value(value)}"
    for name, value in parts.items():
        if isinstance(value, Mapping):
            yield from _lines([*path, _text(name)], value)


def _value(value: object) -> str:
    match value:
        case Step():
            return f'"{value.percent}%/{_value(value.lasts)[1:]}'
        case tuple():
            return f"[{', '.join(_value(each) for each in value)}]"
        case timedelta():
            return f'"{value.total_seconds():.0f}s"'
        case datetime():
            return value.isoformat()
    return _text(value) if isinstance(value, str) else str(value)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
