"""What people may demand of a load test, and what they are told when it is missed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfgate.loadtest.counts import Counts, ModelCounts
from tfgate.loadtest.errors import WrongOptions
from tfgate.loadtest.load_test import parse_duration
from tfgate.loadtest.objectives import parse

SECONDS = 10
# A hundred answers, in 1 ms, 2 ms and so on to 100 ms, and one refusal.
COUNTS = ModelCounts(answered=dict.fromkeys(range(1, 101), 1), failed={"shed": 1})


def misses(text: str, counts: ModelCounts = COUNTS) -> list[str | None]:
    return [objective.miss(counts, SECONDS) for objective in parse(text)]


@pytest.mark.parametrize(
    "text",
    ["p99<100ms", "p50<50.5ms", "max<0.101s", "failures<1%", "requests>9.9/s", "p99.9 < 101 ms"],
)
def test_an_objective_that_is_met_says_nothing(text: str) -> None:
    assert misses(text) == [None]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p99<99ms", "99 ms, 0 ms too much"),
        ("p99<90ms", "99 ms, 9 ms too much"),
        ("p50<0.01s", "50 ms, 40 ms too much"),
        ("max<50ms", "100 ms, 50 ms too much"),
        ("failures<0.5%", "0.99%, 0.49 points too much"),
        ("requests>12/s", "10.0/s answered, 2.0/s too few"),
    ],
)
def test_an_objective_that_is_missed_says_by_how_much(text: str, message: str) -> None:
    assert misses(text) == [message]


def test_several_are_held_one_by_one() -> None:
    assert misses("p99<1s, failures<0.1%,requests>5/s") == [
        None,
        "0.99%, 0.89 points too much",
        None,
    ]


def test_a_model_that_was_never_asked_misses_everything() -> None:
    assert misses("p99<1s,failures<100%,requests>0/s", ModelCounts()) == [
        "nothing was answered",
        "nothing was asked",
        "0.0/s answered, 0.0/s too few",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "p99<250",
        "p99>250ms",
        "p101<1s",
        "p0<1s",
        "failures<1",
        "requests>5",
        "mean<1s",
        "p99<1s,",
    ],
)
def test_a_malformed_objective_is_quoted_with_the_forms_that_exist(text: str) -> None:
    with pytest.raises(WrongOptions, match=r"is no objective.*p99<250ms"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("60s", 60), ("10m", 600), ("1h30m", 5400), ("1h1s", 3601)]
)
def test_a_duration_has_units(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "60", "0s", "-5s", "5 s", "1d", "10s5m"])
def test_a_malformed_duration_is_quoted_with_some_that_are_not(text: str) -> None:
    with pytest.raises(WrongOptions, match="is no duration; 60s"):
        parse_duration(text)


@given(
    st.dictionaries(st.integers(1, 10_000), st.integers(1, 1000), min_size=1),
    st.floats(0.1, 100),
)
def test_a_percentile_is_the_least_time_that_so_many_answers_took_at_most(
    answered: dict[int, int], percent: float
) -> None:
    counts = ModelCounts(answered=answered)
    reached = counts.percentile(percent)

    assert reached is not None
    enough = percent / 100 * counts.num_answered
    assert sum(n for time, n in answered.items() if time <= reached) >= enough * (1 - 1e-9)
    assert sum(n for time, n in answered.items() if time < reached) < enough * (1 + 1e-9)


def test_counts_survive_the_way_from_process_to_process() -> None:
    counts = Counts(seconds=1.5, users=3, starved=False, models={"housing": COUNTS})

    assert Counts.model_validate_json(counts.model_dump_json()) == counts


def test_the_total_adds_up_the_models() -> None:
    models = {"housing": COUNTS, "image": COUNTS}
    total = Counts(seconds=1, users=1, starved=False, models=models).total

    assert total.num_answered == 200
    assert total.failed == {"shed": 2}
