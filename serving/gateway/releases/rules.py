"""The rules of a guard: what each asks of both sides' counts, and the words for what it found.

A rule is broken if it is sure (`bounds.py`) that the candidate is beyond its limit.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from serving.gateway.releases.bounds import (
    EDGES,
    LEAST_EFFECTIVE,
    Counts,
    Share,
    SquaredErrors,
    difference_at_least,
    least_for_p99,
    p99_ratio_at_least,
    psi,
    psi_at_least,
    rmse_ratio_at_least,
    share_at_least,
)
from serving.gateway.releases.release import Guard
from serving.gateway.releases.window import Pair, Tally


@dataclass(frozen=True)
class Verdict:
    """What one rule says, as of the whole window."""

    rule: str
    says: Literal["holds", "broken", "not judged"]
    words: str


@dataclass(frozen=True)
class Look:
    """What a rule goes by besides the counts: its limit, and how sure it must be."""

    rule: str
    limit: float
    least: int
    level: float

    def not_judged(self, why: str) -> Verdict:
        return Verdict(self.rule, "not judged", why)

    def held_against(self, bound: float, words: str, *, beyond: str, least: str) -> Verdict:
        """Compare the lower bound with the limit."""
        if bound <= self.limit:
            return Verdict(self.rule, "holds", words)
        sure = f"{beyond}, by at least {least} (sure at {self.level:.0e})"
        return Verdict(self.rule, "broken", f"{words}: {sure}")

    def missing(self, what: str, pair: tuple[float, float]) -> Verdict | None:
        """Say which side has too few of what is counted, if one has."""
        for side, num in zip(("stable", "candidate"), pair, strict=True):
            if num < self.least:
                return self.not_judged(f"{num:,.0f} {what} of {side}'s, it takes {self.least:,}")
        return None


def rules_of(guard: Guard) -> list[str]:
    """Return the rules that have a limit."""
    return [rule for rule in _RULES if getattr(guard, rule) is not None]


def verdicts(guard: Guard, rules: Iterable[str], pair: Pair, level: float) -> Iterator[Verdict]:
    """Ask these rules, which have limits."""
    for rule in rules:
        look = Look(rule, getattr(guard, rule), guard.least_requests, level)
        yield _RULES[rule](look, pair)


def seconds_at(counts: Counts, quantile: float) -> float | None:
    """Return a quantile of the seconds that were counted by EDGES, up to 2 % too high."""
    if not counts.sum():
        return None
    at = int((counts.cumsum() >= quantile * counts.sum()).argmax())
    return float(EDGES[min(at, len(EDGES) - 1)])


def _errors(look: Look, pair: Pair) -> Verdict:
    """Judge the share of failed requests, or that above none where stable has hardly any."""
    stable, candidate = pair
    if candidate.requests < look.least:
        return look.not_judged(f"{candidate.requests:,.0f} requests, it takes {look.least:,}")
    share = Share(candidate.failed, candidate.requests)
    words = f"{_percent(share.mean)} of {share.of:,.0f} requests failed"
    if stable.requests < look.least:
        bound = share_at_least(share, look.level)
        words += ", held against none as stable has hardly any requests"
    else:
        other = Share(stable.failed, stable.requests)
        bound = difference_at_least(share, other, look.level)
        words += f", of stable's {_percent(other.mean)} of {other.of:,.0f}"
    return _held_as_points(look, bound, words)


def _p99_ratio(look: Look, pair: Pair) -> Verdict:
    stable, candidate = pair
    answered = (float(stable.seconds.sum()), float(candidate.seconds.sum()))
    too_few = look.missing("answered requests", answered)
    if too_few:
        return too_few
    least = least_for_p99(look.level)
    if answered[0] < least:
        return look.not_judged(
            f"{answered[0]:,.0f} answered requests of stable's, a p99 is sure from {least:,} on"
        )
    p99s = [seconds_at(tally.seconds, 0.99) or 0.0 for tally in pair]
    words = (
        f"{p99s[1]:.3g} s is the p99 of {answered[1]:,.0f} requests, "
        f"of stable's {p99s[0]:.3g} s of {answered[0]:,.0f}"
    )
    bound = p99_ratio_at_least(candidate.seconds, stable.seconds, look.level)
    times = f"more than {look.limit:g} times"
    return look.held_against(bound, words, beyond=times, least=f"{bound:.3g} times")


def _disagreement(look: Look, pair: Pair) -> Verdict:
    """Judge the compared requests: rows of one are not independent, so it counts by its share."""
    candidate = pair.candidate
    if candidate.compared < look.least:
        return look.not_judged(f"{candidate.compared:,.0f} compared, it takes {look.least:,}")
    share = Share(candidate.disagreement, candidate.compared)
    words = f"{_percent(share.mean)} of the rows of {share.of:,.0f} compared requests disagree"
    bound = share_at_least(share, look.level)
    return look.held_against(
        bound,
        words,
        beyond=f"more than {_percent(look.limit)}",
        least=_percent(bound),
    )


def _drift(look: Look, pair: Pair) -> Verdict:
    stable, candidate = pair
    answered = (float(stable.answers.sum()), float(candidate.answers.sum()))
    too_few = look.missing("requests with an answer", answered)
    if too_few:
        return too_few
    index = psi(candidate.answers, stable.answers)
    words = (
        f"the answers to {answered[1]:,.0f} requests have a population stability index of "
        f"{index:.2g} to stable's to {answered[0]:,.0f}"
    )
    bound = psi_at_least(candidate.answers, stable.answers, look.level)
    return look.held_against(bound, words, beyond=f"more than {look.limit:g}", least=f"{bound:.2g}")


def _accuracy_drop(look: Look, pair: Pair) -> Verdict:
    stable, candidate = pair
    too_few = look.missing("labels known", (stable.labels_known, candidate.labels_known))
    if too_few:
        return too_few
    wrong = Share(candidate.wrong, candidate.labels_known)
    other = Share(stable.wrong, stable.labels_known)
    words = (
        f"{_percent(1 - wrong.mean)} of {wrong.of:,.0f} answers were right, "
        f"of stable's {_percent(1 - other.mean)} of {other.of:,.0f}"
    )
    return _held_as_points(look, difference_at_least(wrong, other, look.level), words, "below")


def _rmse_ratio(look: Look, pair: Pair) -> Verdict:
    stable, candidate = pair
    too_few = look.missing("numbers known", (stable.numbers_known, candidate.numbers_known))
    if too_few:
        return too_few
    ours, theirs = _squared_errors(candidate), _squared_errors(stable)
    for side, errors in zip(pair._fields, (theirs, ours), strict=True):
        if errors.effective < LEAST_EFFECTIVE:
            return look.not_judged(
                f"{errors.effective:,.0f} of {side}'s {errors.num:,.0f} errors make most of their "
                f"sum, it takes {LEAST_EFFECTIVE}"
            )
    words = (
        f"{ours.mean**0.5:.4g} is the RMSE of {ours.num:,.0f} answers, "
        f"of stable's {theirs.mean**0.5:.4g} of {theirs.num:,.0f}"
    )
    bound = rmse_ratio_at_least(ours, theirs, look.level)
    times = f"more than {look.limit:g} times"
    return look.held_against(bound, words, beyond=times, least=f"{bound:.3g} times")


def _held_as_points(look: Look, bound: float, words: str, side: str = "above") -> Verdict:
    limit = f"more than {_points(look.limit)} {side}"
    return look.held_against(bound, words, beyond=limit, least=_points(bound))


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _points(share: float) -> str:
    return f"{100 * share:.3g} point{'' if share == 0.01 else 's'}"


def _squared_errors(tally: Tally) -> SquaredErrors:
    return SquaredErrors(tally.numbers_known, tally.squared_errors, tally.squares_of_those)


# Asked of what feedback brings.
BY_TRUTHS = frozenset(("accuracy_drop", "rmse_ratio"))
_RULES: dict[str, Callable[[Look, Pair], Verdict]] = {
    "errors": _errors,
    "p99_ratio": _p99_ratio,
    "disagreement": _disagreement,
    "drift": _drift,
    "accuracy_drop": _accuracy_drop,
    "rmse_ratio": _rmse_ratio,
}
