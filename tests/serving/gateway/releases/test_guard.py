"""A guard judges a candidate: the bad are found within the window, the healthy never."""

import math
from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.guard import HEALTHY, HOUR, Simulation, Traffic
from serving.gateway.releases.guard import GuardJudge, Side, false_alarms, level_of
from serving.gateway.releases.release import Guard
from tests.serving.gateway.releases.watched import Behaviour, Watched

RULES = {
    "errors": 0.01,
    "p99_ratio": 1.5,
    "disagreement": 0.1,
    "drift": 0.2,
    "accuracy_drop": 0.02,
    "rmse_ratio": 1.1,
}
ALL = Guard.model_validate({"window": "5m", **RULES})
NONE = Behaviour(a_second=0)


def errors(watched: Watched, route: str, errors: NDArray[np.float64]) -> None:
    sums = float((errors**2).sum()), float((errors**4).sum())
    watched.judge.observe_squared_errors(route, len(errors), *sums)


def guard(**rules: object) -> Guard:
    return Guard.model_validate({"window": "5m", **rules})


def test_a_healthy_candidate_is_left_alone() -> None:
    watched = Watched(ALL)

    def answers() -> None:
        for route in ("stable", "candidate"):
            for _ in range(20):
                label = int(watched.random.random() < 0.3)
                watched.judge.observe_answers(route, [label])
            watched.judge.observe_truths(route, 20, int(watched.random.binomial(20, 0.9)))
            errors(watched, route, watched.random.standard_t(5, 20))
        watched.judge.observe_comparison(4, int(watched.random.random() < 0.1))

    assert watched.traffic(900, candidate=Behaviour(a_second=3), also=answers) is None
    assert {each.says for each in watched.judge.figures().verdicts} == {"holds"}


def test_a_candidate_at_the_limit_is_left_alone() -> None:
    watched = Watched(guard(errors=0.01, p99_ratio=1.5))

    assert watched.traffic(900, candidate=Behaviour(20, failing=0.015, slower=1.49)) is None


@pytest.mark.parametrize(
    ("candidate", "rule", "within"),
    [
        (Behaviour(failing=1), "errors", 15),
        (Behaviour(a_second=5, failing=1), "errors", 45),
        (Behaviour(failing=0.05), "errors", 120),
        (Behaviour(slower=10), "p99_ratio", 60),
        (Behaviour(a_second=5, slower=10), "p99_ratio", 60),
        (Behaviour(slower=2), "p99_ratio", 120),
    ],
)
def test_a_bad_candidate_is_found_within_the_window(
    candidate: Behaviour, rule: str, within: int
) -> None:
    broken = Watched(ALL).traffic(within, candidate=candidate)

    assert broken is not None
    assert broken.startswith(f"{rule}: ")


def test_a_broken_rule_is_told_with_both_figures() -> None:
    watched = Watched(guard(errors=0.01))
    broken = watched.traffic(
        300, stable=Behaviour(a_second=100, failing=0), candidate=Behaviour(10, failing=1)
    )

    assert broken is not None
    figures = watched.judge.figures()
    assert broken.startswith(
        f"errors: 100 % of {figures.candidate.requests} requests failed, "
        f"of stable's 0 % of {figures.stable.requests:,}: "
        "more than 1 point above, by at least "
    )
    assert broken.endswith(" points (sure at 2e-07)")


def test_a_failing_stable_is_no_reason_to_take_the_candidate_back() -> None:
    bad = Behaviour(failing=0.5)

    assert Watched(ALL).traffic(300, stable=bad, candidate=bad) is None
    assert Watched(ALL).traffic(300, stable=bad) is None


def test_what_is_all_within_one_slice_is_never_enough() -> None:
    """Five seconds in which everything of the candidate's fails, over a border of two slices."""
    watched = Watched(guard(errors=0.001))
    assert watched.traffic(303) is None
    assert watched.traffic(5, candidate=Behaviour(failing=1)) is None

    assert watched.says("errors")[0] == "broken"  # by the whole window
    assert watched.traffic(310) is None
    assert watched.says("errors")[0] == "holds"


def test_the_window_forgets() -> None:
    watched = Watched(guard(errors=0.01))
    assert watched.traffic(14, candidate=Behaviour(failing=1)) is None  # before the third slice

    watched.now += 300
    assert watched.judge.figures().candidate == Side()


def test_showing_figures_takes_no_look_away() -> None:
    """A page that is looked at as often as the judge looks."""
    watched = Watched(guard(errors=0.01))

    def show() -> None:
        watched.now += 1
        watched.judge.figures()

    assert watched.traffic(10, candidate=Behaviour(failing=1), also=show) is not None


def test_fewer_than_the_least_requests_are_not_judged() -> None:
    watched = Watched(guard(errors=0.01, least_requests=1000))
    for second in range(60):
        watched.requests("candidate", Behaviour(failing=1), 16)
        watched.requests("stable", Behaviour(failing=0), 16)
        watched.now += 1
        assert watched.judge.judge() is None, second
    assert watched.says("errors") == ("not judged", "960 requests, it takes 1,000")

    assert watched.traffic(30, candidate=Behaviour(16, failing=1)) is not None


def test_without_stable_traffic_errors_are_held_against_none_and_the_rest_is_not_judged() -> None:
    watched = Watched(ALL)
    assert watched.traffic(300, stable=NONE, candidate=Behaviour(failing=0.005)) is None

    assert watched.says("errors")[1].endswith(
        "requests failed, held against none as stable has hardly any requests"
    )
    for rule in ("p99_ratio", "drift", "accuracy_drop", "rmse_ratio"):
        assert watched.says(rule)[0] == "not judged"
    assert watched.says("p99_ratio")[1] == "0 answered requests of stable's, it takes 100"
    broken = watched.traffic(300, stable=NONE, candidate=Behaviour(failing=0.05))
    assert broken is not None
    assert "held against none" in broken


def test_a_p99_of_few_is_not_judged() -> None:
    watched = Watched(guard(p99_ratio=1.5))
    slow = Behaviour(slower=100)
    assert watched.traffic(300, stable=Behaviour(5), candidate=slow) is None

    says, words = watched.says("p99_ratio")
    assert says == "not judged"
    assert words.endswith(" answered requests of stable's, a p99 is sure from 1,855 on")


def test_failed_requests_have_no_latency() -> None:
    """Those that time out are errors; those that fail at once would make a version look quick."""
    watched = Watched(ALL)
    watched.judge.observe("candidate", failed=True, seconds=1e-4)
    watched.judge.observe("candidate", failed=False, seconds=0.2)

    side = watched.judge.figures().candidate
    assert (side.requests, side.failed) == (2, 1)
    assert side.p50_seconds == pytest.approx(0.2, rel=0.02)


def test_disagreeing_rows_of_one_request_count_as_one() -> None:
    """Rows fare alike: 200 requests of 50 rows tell as much as 200 rows."""
    watched = Watched(guard(disagreement=0.1))
    both = iter(range(10_000))

    def compare() -> None:
        watched.judge.observe_comparison(50, 50 if next(both) % 5 == 0 else 0)

    assert watched.traffic(200, also=compare) is None
    side = watched.judge.figures().candidate
    assert (side.compared, side.compared_rows, side.disagreeing_rows) == (200, 10_000, 2_000)


def test_disagreement_is_found() -> None:
    watched = Watched(guard(disagreement=0.1))
    broken = watched.traffic(120, also=lambda: watched.judge.observe_comparison(4, 2))

    assert broken is not None
    assert broken.startswith("disagreement: 50 % of the rows of 110 compared requests disagree: ")
    assert "more than 10 %, by at least " in broken


def answering(watched: Watched, route: str, share: float) -> None:
    for _ in range(20):
        watched.judge.observe_answers(route, [str(watched.random.random() < share)])


@pytest.mark.parametrize(("share", "found"), [(0.3, False), (0.4, False), (0.9, True)])
def test_labels_that_drift_are_found(share: float, *, found: bool) -> None:
    watched = Watched(guard(drift=0.2))

    def answers() -> None:
        answering(watched, "stable", 0.3)
        answering(watched, "candidate", share)

    broken = watched.traffic(120, stable=NONE, candidate=NONE, also=answers)
    assert (broken or "").startswith("drift: the answers to ") == found


@pytest.mark.parametrize(("factor", "found"), [(1.0, False), (1.5, True)])
def test_numbers_that_drift_are_found(factor: float, *, found: bool) -> None:
    watched = Watched(guard(drift=0.2))

    def answers() -> None:
        for route, times in (("stable", 1.0), ("candidate", factor)):
            for _ in range(10):
                prices = times * watched.random.lognormal(1, 0.4, 3)
                watched.judge.observe_answers(route, prices.tolist())

    broken = watched.traffic(120, stable=NONE, candidate=NONE, also=answers)
    assert (broken or "").startswith("drift: the answers to ") == found
    mean = watched.judge.figures().candidate.mean_answer
    assert mean == pytest.approx(factor * math.exp(1.08), rel=0.1)


def test_what_noise_gives_is_no_drift() -> None:
    """A hundred answers with ten labels are as far from even, one time in ten."""
    watched = Watched(guard(drift=0.2))
    for label, num in enumerate((19, 3, 16, 5, 14, 6, 12, 8, 10, 7)):
        for _ in range(10):
            watched.judge.observe_answers("stable", [label])
        for _ in range(num):
            watched.judge.observe_answers("candidate", [label])

    assert watched.says("drift") == (
        "holds",
        "the answers to 100 requests have a population stability index of 0.23 to stable's to 100",
    )


def test_numbers_wait_until_stables_have_shown_where_they_lie() -> None:
    watched = Watched(guard(drift=0.2))
    watched.judge.observe_answers("candidate", [5.0] * 1000)
    watched.judge.observe_answers("stable", [5.0] * 199)
    assert watched.judge.figures().candidate.answers == 0

    watched.judge.observe_answers("stable", [5.0])
    assert watched.judge.figures().candidate.answers == 1
    assert watched.judge.figures().stable.answers == 2


@pytest.mark.parametrize(("accuracy", "found"), [(0.9, False), (0.89, False), (0.5, True)])
def test_a_drop_of_accuracy_is_found(accuracy: float, *, found: bool) -> None:
    watched = Watched(guard(accuracy_drop=0.02))

    def truths() -> None:
        for route, right in (("stable", 0.9), ("candidate", accuracy)):
            watched.judge.observe_truths(route, 10, int(watched.random.binomial(10, right)))

    broken = watched.traffic(120, stable=NONE, candidate=NONE, also=truths)
    assert (broken or "").startswith("accuracy_drop: ") == found
    if broken:
        assert "answers were right, of stable's " in broken
        assert "more than 2 points below, by at least" in broken


@pytest.mark.parametrize(("factor", "found"), [(1.0, False), (1.1, False), (2.0, True)])
def test_greater_errors_are_found(factor: float, *, found: bool) -> None:
    watched = Watched(guard(rmse_ratio=1.1))

    def truths() -> None:
        for route, times in (("stable", 1.0), ("candidate", factor)):
            errors(watched, route, watched.random.normal(0, times, 10))

    broken = watched.traffic(120, stable=NONE, candidate=NONE, also=truths)
    assert (broken or "").startswith("rmse_ratio: ") == found


def test_truths_that_come_all_at_once_are_judged() -> None:
    """Labels of a day come in one piece: that is no hiccup."""
    watched = Watched(guard(accuracy_drop=0.02, rmse_ratio=1.1))
    watched.judge.observe_truths("stable", 2000, 1800)
    watched.judge.observe_truths("candidate", 2000, 1000)
    watched.now += 5
    assert (watched.judge.judge() or "").startswith("accuracy_drop: ")

    watched = Watched(guard(rmse_ratio=1.1))
    errors(watched, "stable", watched.random.normal(0, 1, 2000))
    errors(watched, "candidate", watched.random.normal(0, 2, 2000))
    watched.now += 5
    assert (watched.judge.judge() or "").startswith("rmse_ratio: ")


def test_few_slips_in_the_truths_do_not_take_a_candidate_back() -> None:
    watched = Watched(guard(rmse_ratio=1.1))
    errors(watched, "stable", watched.random.normal(0, 1, 2000))
    errors(watched, "candidate", np.append(watched.random.normal(0, 1, 2000), [1e5, 1e5, 1e5]))
    watched.now += 5

    assert watched.judge.judge() is None
    assert watched.says("rmse_ratio") == (
        "not judged",
        "3 of candidate's 2,003 errors make most of their sum, it takes 30",
    )


def test_figures_show_both_sides() -> None:
    watched = Watched(guard())
    judge = watched.judge
    judge.observe("stable", failed=False, seconds=0.1)
    judge.observe_answers("stable", ["positive", "positive", "negative", "neutral"])
    judge.observe_truths("stable", 2, 1)
    errors(watched, "candidate", np.array([3.0, -4.0]))

    sides = judge.figures()

    assert sides.stable.requests == 1
    assert sides.stable.labels == {"positive": 0.5, "negative": 0.25, "neutral": 0.25}
    assert (sides.stable.truths, sides.stable.accuracy, sides.stable.rmse) == (2, 0.5, None)
    assert (sides.candidate.truths, sides.candidate.rmse) == (2, math.sqrt(12.5))
    assert sides.verdicts == ()  # no rule has a limit


def test_nothing_seen_is_nothing_to_judge() -> None:
    watched = Watched(ALL)
    watched.judge.observe_answers("stable", [])
    watched.judge.observe_comparison(0, 0)
    watched.judge.observe_squared_errors("candidate", 1, 1e200, math.inf)
    watched.judge.observe_squared_errors("candidate", 1, math.nan, math.nan)

    assert watched.judge.figures().stable == watched.judge.figures().candidate == Side()
    watched.now += 1e6
    assert watched.judge.judge() is None
    assert {each.says for each in watched.judge.figures().verdicts} == {"not judged"}


def test_other_routes_are_nobodys() -> None:
    judge = GuardJudge(ALL)
    judge.observe("pinned", failed=True, seconds=1.0)

    assert judge.figures().stable == judge.figures().candidate == Side()


@pytest.mark.parametrize("window", ["10s", "5m", "1d"])
@pytest.mark.parametrize("num_rules", [1, 6])
def test_there_is_one_false_alarm_a_year_at_most(window: str, num_rules: int) -> None:
    judged = Guard.model_validate({"window": window, **dict(list(RULES.items())[:num_rules])})

    assert false_alarms(judged, timedelta(days=365.25)) == pytest.approx(1)
    assert false_alarms(judged, timedelta(hours=1), gateways=2) == pytest.approx(2 / 8766)


def test_a_level_is_what_looks_and_rules_leave_of_one_false_alarm() -> None:
    looks = 365.25 * 24 * 3600 / 5  # a slice of five minutes is five seconds

    assert level_of(ALL) == pytest.approx(1 / looks / 6)
    assert false_alarms(guard(), timedelta(days=1)) == 0


@pytest.mark.parametrize(
    ("healthy", "by_truths"),
    [("as good as stable", "accuracy_drop"), ("as good, prices", "rmse_ratio")],
)
def test_a_healthy_candidate_is_left_alone_for_an_hour_of_noise_and_hiccups(
    healthy: str, by_truths: str
) -> None:
    simulation = Simulation(Traffic(20, 0.3), HEALTHY[healthy], seed=1)

    assert simulation.run(HOUR) is None
    assert simulation.judged() == {"errors", "p99_ratio", "disagreement", "drift", by_truths}
