"""When a candidate is taken back: a rule is surely broken by what was seen within the window.

Knows neither requests nor clocks of its own. What is seen on a request's way is only put aside;
once a second it is counted (`window.py`), and whenever a slice of the window is over every rule is
asked (`rules.py`). Nothing here ever raises a share.

False alarms. A look asks R rules, and there is one whenever a slice ends, W/60 of a window W; so
there are at most Y / (W/60) of them in a year Y. Each rule at each look is wrong about a healthy
candidate, one exactly at a rule's limit, with at most the probability

    level = (W/60) / (Y R)

and by the union bound all of them together at most once in a year of looking, whatever the window
and the rules; in an hour, 1 in 8,766. One that is as good as stable is far from its limits, and is
safer by orders of magnitude. Each process that looks for itself counts: with G gateways, G.

That is proven for independent requests. Some are not: a hiccup of a second fails all that meet it.
So a rule must be broken whichever two neighbouring slices are left out of the window: what is all
within a stretch of W/60 is never enough. Hence three slices, with traffic in each, are the least.
Truths are exempt: when they come says nothing of when was asked, and many may come at once.

A key that is always on one side can be told apart from its version by no statistics: let few heavy
callers be split by the request's id, or let their requests be compared.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from serving.gateway.releases.answer_bins import LEARNED_FROM, AnswerBins, Answers, are_numbers
from serving.gateway.releases.bounds import EDGES
from serving.gateway.releases.release import Guard
from serving.gateway.releases.rules import BY_TRUTHS, Verdict, rules_of, seconds_at, verdicts
from serving.gateway.releases.window import SLICES, Pair, Tally, Window

ONE_FALSE_ALARM = timedelta(days=365.25)  # of looking at candidates that are at their limits
_SIDES = Pair._fields
_MOST_PUT_ASIDE = 100_000  # observations of a kind between two looks; the oldest are forgotten


@dataclass(frozen=True)
class Side:
    """What was seen of one side within the window."""

    requests: int = 0
    failed: int = 0
    p50_seconds: float | None = None
    p99_seconds: float | None = None
    answers: int = 0  # requests whose answers were looked at
    mean_answer: float | None = None
    labels: Mapping[str, float] = field(default_factory=dict)
    compared: int = 0
    compared_rows: int = 0
    disagreeing_rows: int = 0
    truths: int = 0
    accuracy: float | None = None
    rmse: float | None = None


@dataclass(frozen=True)
class Sides:
    """Both sides, and what each rule that has a limit says."""

    stable: Side = Side()
    candidate: Side = Side()
    verdicts: tuple[Verdict, ...] = ()


def level_of(guard: Guard) -> float:
    """Return how probable one rule is wrong at one look, at most: see the module."""
    return guard.window / SLICES / ONE_FALSE_ALARM / max(1, len(rules_of(guard)))


def false_alarms(guard: Guard, period: timedelta, *, gateways: int = 1) -> float:
    """Bound how many false alarms there are in a period, for a candidate at every limit."""
    looks = period / (guard.window / SLICES)
    return gateways * looks * len(rules_of(guard)) * level_of(guard)


class GuardJudge:
    """Judges the candidate of one release by what it is told."""

    def __init__(self, guard: Guard, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._guard = guard
        self._level = level_of(guard)
        self._rules = rules_of(guard)
        self._window = Window(guard.window.total_seconds(), clock)
        self._num_looked_at = 0  # slices
        self._bins = AnswerBins()
        self._requests: deque[tuple[str, bool, float | None]] = deque(maxlen=_MOST_PUT_ASIDE)
        self._answers: deque[tuple[str, Answers]] = deque(maxlen=_MOST_PUT_ASIDE)
        self._comparisons: deque[tuple[int, int]] = deque(maxlen=_MOST_PUT_ASIDE)
        self._labels: deque[tuple[str, int, int]] = deque(maxlen=_MOST_PUT_ASIDE)
        self._squared_errors: deque[tuple[str, int, float, float]] = deque(maxlen=_MOST_PUT_ASIDE)

    def observe(self, route: str, *, failed: bool, seconds: float | None) -> None:
        """See a request that was answered, or failed, by "stable" or "candidate".

        An explanation has no seconds: it takes longer than answers do.
        """
        self._requests.append((route, failed, seconds))

    def observe_answers(self, route: str, answers: Answers) -> None:
        """See the answers to the rows of one request: labels (str, int) or numbers (float)."""
        if len(answers):
            self._answers.append((route, answers))

    def observe_comparison(self, num_rows: int, num_disagreeing: int) -> None:
        """See how many rows of one request the candidate answers otherwise than stable."""
        if num_rows:
            self._comparisons.append((num_rows, num_disagreeing))

    def observe_truths(self, route: str, num: int, num_correct: int) -> None:
        """See how many of so many labels were right."""
        self._labels.append((route, num, num_correct))

    def observe_squared_errors(self, route: str, num: int, total: float, squares: float) -> None:
        """See what the squared errors of so many numbers add up to, and what their squares do."""
        if math.isfinite(total) and math.isfinite(squares):  # what is added up must stay numbers
            self._squared_errors.append((route, num, total, squares))

    def judge(self) -> str | None:
        """Return the broken rule in words, if a slice of the window has ended and one is broken.

        To be called once a second, or once a slice if that is longer.
        """
        self._take_up()
        if self._window.num_over == self._num_looked_at:
            return None
        self._num_looked_at = self._window.num_over
        return self._broken()

    def figures(self) -> Sides:
        """Show both sides' figures over the window, and what the rules say of them."""
        self._take_up()
        total = self._window.total()
        return Sides(
            stable=self._side(total.stable),
            candidate=self._side(total.candidate),
            verdicts=tuple(verdicts(self._guard, self._rules, total, self._level)),
        )

    def _broken(self) -> str | None:
        total = self._window.total()
        broken = self._broken_rules(self._rules, total)
        for rest in self._window.without_neighbours(total) if broken else ():
            still = BY_TRUTHS.union(self._broken_rules(broken, rest))
            broken = {rule: words for rule, words in broken.items() if rule in still}
            if not broken:
                return None
        return next((f"{rule}: {words}" for rule, words in broken.items()), None)

    def _broken_rules(self, rules: Iterable[str], pair: Pair) -> dict[str, str]:
        return {
            each.rule: each.words
            for each in verdicts(self._guard, rules, pair, self._level)
            if each.says == "broken"
        }

    def _take_up(self) -> None:
        self._take_up_requests()
        self._take_up_answers()
        while self._comparisons:
            num_rows, num_disagreeing = self._comparisons.popleft()
            tally = self._window.open.candidate
            tally.compared += 1
            tally.disagreement += num_disagreeing / num_rows
            tally.compared_rows += num_rows
            tally.disagreeing_rows += num_disagreeing
        while self._labels:
            route, num, num_correct = self._labels.popleft()
            tally = self._open(route)
            tally.labels_known += num
            tally.wrong += num - num_correct
        while self._squared_errors:
            route, num, squared_errors, squares = self._squared_errors.popleft()
            tally = self._open(route)
            tally.numbers_known += num
            tally.squared_errors += squared_errors
            tally.squares_of_those += squares
        self._window.move()

    def _take_up_requests(self) -> None:
        requests = list(self._requests)
        self._requests.clear()
        for route in _SIDES:
            tally = self._open(route)
            seen = [(failed, lasted) for side, failed, lasted in requests if side == route]
            tally.requests += len(seen)
            tally.failed += sum(failed for failed, _ in seen)
            seconds = [lasted for failed, lasted in seen if not failed and lasted is not None]
            bins = np.searchsorted(EDGES, seconds)
            tally.seconds += np.bincount(bins, minlength=len(EDGES) + 1)

    def _take_up_answers(self) -> None:
        if self._answers and not self._bins.can_place(self._answers[0][1]):
            self._learn_bins()
        if not self._answers or not self._bins.can_place(self._answers[0][1]):
            return
        for route in _SIDES:
            requests = [answers for side, answers in self._answers if side == route]
            tally = self._open(route)
            tally.answers += self._bins.count(requests)
            numbers = [each for answers in requests if are_numbers(answers) for each in answers]
            finite = np.asarray(numbers, np.float64)
            finite = finite[np.isfinite(finite)]
            tally.num_numbers += len(finite)
            tally.sum_of_numbers += float(finite.sum())
        self._answers.clear()

    def _learn_bins(self) -> None:
        """Learn where the numbers lie, as soon as stable has given enough of them."""
        numbers = [
            float(each)
            for route, answers in self._answers
            if route == "stable" and are_numbers(answers)
            for each in answers
        ]
        if len(numbers) >= LEARNED_FROM:
            self._bins.learn(numbers)

    def _open(self, route: str) -> Tally:
        tally: Tally = getattr(self._window.open, route)
        return tally

    def _side(self, tally: Tally) -> Side:
        return Side(
            requests=int(tally.requests),
            failed=int(tally.failed),
            p50_seconds=seconds_at(tally.seconds, 0.5),
            p99_seconds=seconds_at(tally.seconds, 0.99),
            answers=round(float(tally.answers.sum())),
            mean_answer=_mean(tally.sum_of_numbers, tally.num_numbers),
            labels=self._bins.label_shares(tally.answers),
            compared=int(tally.compared),
            compared_rows=int(tally.compared_rows),
            disagreeing_rows=int(tally.disagreeing_rows),
            truths=int(tally.labels_known + tally.numbers_known),
            accuracy=_mean(tally.labels_known - tally.wrong, tally.labels_known),
            rmse=_root(_mean(tally.squared_errors, tally.numbers_known)),
        )


def _mean(total: float, num: float) -> float | None:
    return total / num if num else None


def _root(square: float | None) -> float | None:
    return None if square is None else square**0.5
