"""What is sure of a share, a difference, a ratio or a drift, from what was counted: lower bounds.

Each holds at a `level`: what it bounds lies below it with at most that probability. A guard looks
often and must hardly ever be wrong, so levels are about 1e-8, where normal approximations (Wilson's
and Newcombe's intervals among them) are wrong by orders of magnitude for shares near 0: 7 failures
of 100 put Wilson's lower bound at 1e-7 above 1 %, though a share of 1 % gives them once in 14,000
times. Chernoff's bound is true for every number and share, also for values between 0 and 1 and for
shares that differ from one to the next, if they are independent (Hoeffding 1963, theorem 1):

    P(n kl(mean, p) >= x, and mean > p) <= exp(-x),  kl(q, p) = q ln(q/p) + (1-q) ln((1-q)/(1-p))

Two sides' evidence is added up before it is held against a threshold: each is at most exponential,
the sum of two at most Gamma(2), whose tail is (1 + x) exp(-x).

What is not proven at such levels but asymptotic says so: `psi_at_least`, `rmse_ratio_at_least`.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]

_HALVINGS = 25  # of an interval of 1: closer than anything that is shown
# Seconds are counted in bins (edge, next edge], each so much wider than the one before.
STEP = 1.02
EDGES = 1e-4 * STEP ** np.arange(815)  # 0.1 ms to 1,000 s, and a bin at either end
_TAIL = 0.01  # above a p99
LEAST_EFFECTIVE = 30  # squared errors: 90 normal ones


@dataclass(frozen=True)
class Share:
    """A sum of values from 0 to 1 over so many independent ones; of 0 and 1: a count."""

    total: float
    of: float

    @property
    def mean(self) -> float:
        return self.total / self.of


def evidence(level: float) -> float:
    """Return what one side's evidence exceeds with at most this probability."""
    return -math.log(level)


def evidence_of_two(level: float) -> float:
    """Return what the sum of two sides' evidence exceeds with at most this probability."""
    threshold = evidence(level)
    for _ in range(_HALVINGS):  # (1 + x) exp(-x) = level: a contraction
        threshold = evidence(level) + math.log1p(threshold)
    return threshold


def share_at_least(share: Share, level: float) -> float:
    """Return the lower bound of a share."""
    threshold = evidence(level)
    low, high = 0.0, share.mean
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if share.of * _kl(share.mean, middle) > threshold:
            low = middle
        else:
            high = middle
    return low


def difference_at_least(share: Share, other: Share, level: float) -> float:
    """Return the lower bound of how much greater a share is than another; 0 if it may be as great.

    The greatest difference against which the evidence of both is too much, whatever the other
    share truly is.
    """
    threshold = evidence_of_two(level)
    low, high = 0.0, share.mean - other.mean
    if high <= 0 or _evidence_against(0.0, share, other) <= threshold:
        return 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _evidence_against(middle, share, other) > threshold:
            low = middle
        else:
            high = middle
    return low


def p99_ratio_at_least(seconds: Counts, other: Counts, level: float) -> float:
    """Return the lower bound of the ratio of two 99th percentiles; 0 if it is below 1.

    Free of distributions. Were q the other's p99, then 1 % of it would lie at q and above, and at
    a ratio r at most 1 % of this side above r q. The evidence against both is added up; the ratio
    is excluded if it is too much for every q. Bins count as what speaks least for the ratio.

    Args:
        seconds: counts[816] by EDGES, of the side that may be slower.
        other: counts[816], of the side that it is compared with.
        level: see the module.
    """
    threshold = evidence_of_two(level)
    ours, theirs = np.append(_shares_from(seconds), 0.0), _shares_from(other)
    above = np.where(ours > _TAIL, seconds.sum() * _kl_to_tail(ours), 0.0)
    below = np.where(theirs < _TAIL, other.sum() * _kl_to_tail(theirs), 0.0)
    low, high = -1, len(EDGES)  # bins between the two p99; excluded, and not
    while high - low > 1:
        middle = (low + high) // 2
        from_bins = np.minimum(np.arange(len(below)) + 1 + middle, len(above) - 1)
        if np.min(below + above[from_bins]) > threshold:
            low = middle
        else:
            high = middle
    return float(STEP**low) if low >= 0 else 0.0


def least_for_p99(level: float) -> int:
    """Return how many of the other side's requests it takes before any ratio of p99 is sure."""
    return math.ceil(evidence_of_two(level) / -math.log1p(-_TAIL))


def psi(counts: Counts, other: Counts) -> float:
    """Return the population stability index of two distributions over the same bins.

    Bins that would hold fewer than five of either side are one.
    """
    return _psi(*_merge_rare(counts, other))


def psi_at_least(counts: Counts, other: Counts, level: float) -> float:
    """Return the lower bound of the population stability index; 0 if there may be no drift.

    Over N and M counts in B bins it is about (1/N + 1/M) times a chi-square of B - 1 degrees of
    freedom without drift (Yurdakul and Naranjo 2020), and a noncentral one with, its noncentrality
    the true index over (1/N + 1/M). Birge's bound of its tail (2001, lemma 8.1) is solved for the
    noncentrality:

        P(X >= D + c + 2 sqrt((D + 2c) x) + 2x) <= exp(-x)
    """
    ours, theirs = _merge_rare(counts, other)
    freedom = len(ours) - 1
    if freedom < 1:
        return 0.0
    noise = 1 / ours.sum() + 1 / theirs.sum()
    threshold = evidence(level)
    room = _psi(ours, theirs) / noise - freedom - 2 * threshold
    if room <= 2 * math.sqrt(freedom * threshold):
        return 0.0
    root = math.sqrt(4 * threshold + freedom + 2 * room) - 2 * math.sqrt(threshold)
    return float(noise * (root * root - freedom) / 2)


@dataclass(frozen=True)
class SquaredErrors:
    """How many, their sum, and the sum of their squares."""

    num: float
    total: float
    squares: float

    @property
    def mean(self) -> float:
        return self.total / self.num

    @property
    def effective(self) -> float:
        """Of how many equal errors the mean would be as uncertain (Kish 1965)."""
        return self.total**2 / self.squares if self.squares else self.num

    @property
    def relative_variance(self) -> float:
        return max(0.0, self.num / self.effective - 1)


def rmse_ratio_at_least(errors: SquaredErrors, other: SquaredErrors, level: float) -> float:
    """Return the lower bound of the ratio of two root mean squared errors.

    By the delta method on the logarithm of the ratio of the means, which are taken as normal. That
    they are not where few errors make most of the sum: then none is sure, as a truth may be a slip.
    Both sides' errors are taken as scattered as the more scattered one's: the other may only have
    missed its outliers so far.
    """
    if not errors.total or min(errors.effective, other.effective) < LEAST_EFFECTIVE:
        return 0.0
    if not other.total:
        return math.inf
    scatter = max(errors.relative_variance, other.relative_variance)
    deviation = math.sqrt(scatter * (1 / errors.num + 1 / other.num))
    log_ratio = math.log(errors.mean / other.mean) - math.sqrt(2 * evidence(level)) * deviation
    return math.exp(log_ratio / 2)


def _kl(share: float, expected: float) -> float:
    """Return the relative entropy of two shares, with 0 ln 0 = 0."""
    if share == expected:
        return 0.0
    if expected <= 0.0 or expected >= 1.0:
        return math.inf
    entropy = 0.0
    if share > 0:
        entropy += share * math.log(share / expected)
    if share < 1:
        entropy += (1 - share) * math.log((1 - share) / (1 - expected))
    return entropy


def _evidence_against(difference: float, share: Share, other: Share) -> float:
    """Return the least evidence, over every true share of the other, against a difference."""
    truth = _likeliest(difference, share, other)
    # It is between the two, but for rounding.
    truth = max(other.mean, -difference, min(truth, share.mean - difference))
    ours = min(truth + difference, share.mean)
    return other.of * _kl(other.mean, truth) + share.of * _kl(share.mean, ours)


def _likeliest(difference: float, share: Share, other: Share) -> float:
    """Return the other's likeliest share, were this the difference: the root of a cubic.

    Source: Miettinen and Nurminen, Comparative analysis of two rates, 1985, appendix I.
    """
    total, sum_of_both = share.of + other.of, share.total + other.total
    square = ((share.of + 2 * other.of) * difference - total - sum_of_both) / (3 * total)
    linear = (other.of * difference - total - 2 * other.total) * difference + sum_of_both
    constant = other.total * difference * (1 - difference)
    cubic = square**3 - square * linear / (2 * total) + constant / (2 * total)
    radius = math.copysign(math.sqrt(max(0.0, square**2 - linear / (3 * total))), cubic)
    if not radius:
        return -square
    cosine = max(-1.0, min(1.0, cubic / radius**3))
    return 2 * radius * math.cos((math.pi + math.acos(cosine)) / 3) - square


def _shares_from(counts: Counts) -> Counts:
    """Return the share in each bin and all above it."""
    reached: Counts = np.cumsum(counts[::-1])[::-1]
    return reached / float(counts.sum())


def _kl_to_tail(shares: Counts) -> Counts:
    """Return the relative entropy of each share to that above a p99."""
    others = 1 - shares
    tiny = np.finfo(np.float64).tiny  # its logarithm times 0 is 0
    entropies: Counts = shares * np.log(np.maximum(shares, tiny) / _TAIL)
    entropies += others * np.log(np.maximum(others, tiny) / (1 - _TAIL))
    return entropies


def _psi(counts: Counts, other: Counts) -> float:
    # Half a count more in each bin: an empty one is rare, not impossible.
    ours, theirs = ((side + 0.5) / (side.sum() + 0.5 * len(side)) for side in (counts, other))
    return float(np.sum((ours - theirs) * np.log(ours / theirs)))


def _merge_rare(counts: Counts, other: Counts) -> tuple[Counts, Counts]:
    pooled = (counts + other) / (counts.sum() + other.sum())
    common = pooled * min(counts.sum(), other.sum()) >= 5
    merged = [np.append(side[common], side[~common].sum()) for side in (counts, other)]
    kept = slice(None) if merged[0][-1] + merged[1][-1] else slice(-1)
    return merged[0][kept], merged[1][kept]
