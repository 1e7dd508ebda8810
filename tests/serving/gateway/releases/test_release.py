"""What the types promise of a release, whoever makes one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from serving.gateway.releases.notation import Step, duration, step
from serving.gateway.releases.release import Candidate, Guard, Release, Shadow, Stage
from tests.serving.gateway.releases.release_texts import STEPS, TIMES

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("10m", 600), ("1.5h", 5400), ("2d", 172_800), ("0.5s", 0.5), ("366d", 31622400)],
)
def test_a_duration_is_a_number_with_its_unit(text: str, seconds: float) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "wrong",
    [
        *(
            "",
            "10",
            "m",
            "10 m",
            "10M",
            "-1m",
            "+1m",
            "1e3s",
            "1h30m",
            "1,5h",
            ".5h",
            "nans",
            "infs",
        ),
        *("0s", "0.0000000001s", "367d", "9" * 400 + "s", "99999999999d", "٣m", "10m\n"),
        *(timedelta(0), timedelta(seconds=-1), timedelta(days=367), 10, 1.5, True, None, ["10m"]),
    ],
)
def test_what_is_no_duration_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        duration(wrong)


def test_a_step_is_a_share_and_how_long_it_lasts() -> None:
    assert step("12.5%/1.5h") == Step(12.5, timedelta(hours=1.5))


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "5%", "5/10m", "5%10m", "5%/", "/10m", "-5%/10m", "5 %/10m", "5%/ 10m", "nan%/10m"),
        *("100.1%/10m", "101%/10m", "9" * 400 + "%/10m", "5%/0m", "5%/10", 5, None, ["5%/10m"]),
    ],
)
def test_what_is_no_step_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"step|share|duration"):
        step(wrong)


def growing() -> Candidate:
    steps = (step("1%/10m"), step("10%/30m"), step("50%/1h"))
    return Candidate(version=4, steps=steps, started=NOON)


@pytest.mark.parametrize(
    ("minutes", "stage"),
    [
        (-0.01, Stage(0, 0.0, NOON)),
        (0, Stage(1, 1.0, NOON + timedelta(minutes=10))),
        (9.99, Stage(1, 1.0, NOON + timedelta(minutes=10))),
        (10, Stage(2, 10.0, NOON + timedelta(minutes=40))),
        (39.99, Stage(2, 10.0, NOON + timedelta(minutes=40))),
        (40, Stage(3, 50.0, None)),
        (100_000, Stage(3, 50.0, None)),
    ],
)
def test_steps_follow_each_other_from_the_start_on(minutes: float, stage: Stage) -> None:
    assert growing().stage_at(NOON + timedelta(minutes=minutes)) == stage


def test_a_share_without_steps_holds_at_any_time() -> None:
    candidate = Candidate(version=4, percent=5, started=NOON)

    assert candidate.stage_at(NOON - timedelta(days=1)) == Stage(1, 5.0, None)


def test_who_is_named_needs_no_share() -> None:
    assert Candidate(version=4, keys=("alice",)).percent_at(NOON) == 0


@given(STEPS, TIMES, st.lists(st.integers(0, 10**9), min_size=1))
def test_a_share_only_grows_and_is_that_of_a_step(
    steps: tuple[Step, ...], started: datetime, seconds: list[int]
) -> None:
    candidate = Candidate(version=4, steps=steps, started=started)

    shares = [candidate.percent_at(started + timedelta(seconds=each)) for each in sorted(seconds)]

    assert shares == sorted(shares)
    assert set(shares) <= {each.percent for each in steps}


@given(STEPS, TIMES, st.integers(0, 10**9))
def test_until_a_stage_ends_it_stays_and_then_the_next_begins(
    steps: tuple[Step, ...], started: datetime, seconds: int
) -> None:
    candidate = Candidate(version=4, steps=steps, started=started)

    stage = candidate.stage_at(started + timedelta(seconds=seconds))

    if stage.until is None:
        assert stage.number == len(steps)
    else:
        assert candidate.stage_at(stage.until - timedelta(microseconds=1)) == stage
        assert candidate.stage_at(stage.until).number == stage.number + 1


def test_a_candidate_that_starts_anew_is_another_one_to_all_gateways() -> None:
    in_tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    first, same, later = (
        Release(stable=3, candidate=Candidate(version=4, percent=5, started=started))
        for started in (NOON, in_tokyo, NOON + timedelta(seconds=1))
    )

    assert first.identity("sentiment") == "sentiment/4/2026-11-29T12:00:00+00:00"
    assert same.identity("sentiment") == first.identity("sentiment")
    assert later.identity("sentiment") != first.identity("sentiment")


def test_what_has_no_candidate_has_no_identity() -> None:
    assert Release(stable=3, shadow=Shadow(version=4)).identity("sentiment") is None


def test_all_versions_that_are_named_are_kept() -> None:
    candidate = Candidate(version=4, percent=5)

    assert Release(stable=3).versions == {3}
    assert Release(
        stable=3, previous=2, candidate=candidate, shadow=Shadow(version=5)
    ).versions == {2, 3, 4, 5}


WRONG: list[Callable[[], object]] = [
    lambda: Candidate(version=4),
    lambda: Candidate(version=4, percent=5, steps=(step("5%/1m"),), started=NOON),
    lambda: Candidate(version=4, steps=(step("5%/1m"),)),
    lambda: Candidate(version=4, steps=(step("5%/1m"), step("4%/1m")), started=NOON),
    lambda: Candidate(version=4, steps=(), started=NOON),
    lambda: Candidate(version=4, percent=5, started=datetime(2026, 11, 29)),
    lambda: Release(stable=3, previous=3),
    lambda: Release(stable=3, candidate=Candidate(version=3, percent=5)),
    lambda: Release(stable=3, shadow=Shadow(version=3)),
    lambda: Release(stable=3, guard=Guard(errors=0.1)),
    lambda: Release(stable=3, candidate=Candidate(version=4, percent=5), guard=Guard()),
]


@pytest.mark.parametrize("make", WRONG)
def test_what_makes_no_sense_cannot_be_made(make: Callable[[], object]) -> None:
    with pytest.raises(ValidationError):
        make()


def test_steps_may_stay_at_a_share() -> None:
    steps = (step("5%/1m"), step("5%/2m"))

    assert Candidate(version=4, steps=steps, started=NOON).steps == steps
