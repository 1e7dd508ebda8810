"""What a soak counts as a failure, judged by findings that were made up."""

import pytest

from soak.clients import Outcome
from soak.known_answers import KnownAnswers
from soak.questions import Question
from soak.schedule import Schedule, short
from soak.summary import Findings, Outage, Summary, summarise
from soak.tally import Tally

SCHEDULE = Schedule(600)
QUESTION = Question("housing", [])
OUTAGE = Outage(killed=100, back=110)


def outcome(status: int, started: float, ended: float, *, retry_after: str | None = "1") -> Outcome:
    document = {"code": "unavailable", "detail": "away", "version": 1, "prediction": {}}
    return Outcome(QUESTION, started, ended, status, retry_after, document)


def judged(*outcomes: Outcome, memory: tuple[float, float] = (100, 100)) -> Summary:
    findings = Findings(Tally(KnownAnswers([])), {("housing", 1)}, [OUTAGE], *memory)
    findings.tally.versions.add(("housing", 1))
    for each in outcomes:
        findings.tally.hear(each)
    return summarise(SCHEDULE, findings)


@pytest.mark.parametrize(
    "error",
    [
        outcome(503, 99, 104),
        outcome(503, 112, 112.1),
        outcome(504, 105, 110.9, retry_after=None),
        outcome(429, 105, 105),
    ],
)
def test_an_error_that_an_outage_explains_is_none(error: Outcome) -> None:
    assert judged(error).failures == []


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (outcome(500, 105, 105), "an error that no outage excuses: 500 unavailable: away"),
        (outcome(503, 98, 99), "an error outside the 2 seconds after an outage"),
        (outcome(503, 112.1, 112.2), "an error outside the 2 seconds after an outage"),
        (outcome(503, 105, 105, retry_after=None), "an error without Retry-After"),
        (outcome(504, 103, 109.1), "an error after its deadline"),
    ],
)
def test_any_other_error_is_a_failure(error: Outcome, failure: str) -> None:
    (found,) = judged(error).failures

    assert failure in found


def test_like_errors_are_counted_in_one_line() -> None:
    (failure,) = judged(outcome(500, 1, 2), outcome(500, 3, 4)).failures

    assert failure.startswith("2 x ")


def test_an_answer_that_is_not_that_of_its_version_is_a_failure() -> None:
    summary = judged(outcome(200, 1, 2))

    assert summary.wrong_answers == 1
    assert "wrong answer, version 1 of housing" in summary.failures[0]


def test_a_version_that_never_answers_is_a_failure() -> None:
    findings = Findings(Tally(KnownAnswers([])), {("housing", 2)}, [], 100, 100)

    assert summarise(SCHEDULE, findings).failures == ["version 2 of housing never answered"]


def test_memory_may_grow_by_a_twentieth_and_in_a_short_run_by_a_fifth() -> None:
    assert judged(memory=(100, 104.9)).failures == []
    assert "has grown by 6.0%" in judged(memory=(100, 106)).failures[0]
    assert short(60, swap_seconds=20, num_kills=2).max_growth == 0.2


def test_a_kill_is_told_with_what_it_cost() -> None:
    (kill,) = judged(outcome(503, 105, 108), outcome(503, 111, 111.5)).kills

    assert kill.away_seconds == 10
    assert kill.errors == {"unavailable": 2}
    assert kill.longest_error_seconds == 3
    assert kill.outage_seconds == 1.5
