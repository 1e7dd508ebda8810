"""What two versions have answered to the same rows, held against each other, by whole columns.

Scores are compared by total variation: of an output whose rows are distributions, and of one that
stands beside the names of its classes, which another version may give in another order. Other
numbers with a fraction are compared by relative difference, and all else by whether it is equal.
Knows tensors, and nothing of who answered them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.contract import Tensors
from serving.gateway.inference.scores import Flags, Floats, are_distributions, has_fractions


@dataclass(frozen=True, eq=False)
class Comparison:
    """How far two answers are apart, row by row; `disagrees` says which are beyond the tolerance.

    None stands for what the outputs have not: scores, other numbers, or anything that names one of
    several things, of which `labels_agree` tells: the class of the highest score, a text, a whole
    number. A row's distances are the largest of all its outputs; NaN where there is none, such as
    from a number to NaN, which is beyond every tolerance. `reason` is why nothing could be
    compared: then all rows disagree.
    """

    disagrees: Flags
    labels_agree: Flags | None = None
    total_variation: Floats | None = None
    relative_difference: Floats | None = None
    reason: str | None = None

    @property
    def num_rows(self) -> int:
        """How many rows were compared."""
        return len(self.disagrees)

    @property
    def num_disagreeing(self) -> int:
        """How many of them are outside the tolerance."""
        return int(np.count_nonzero(self.disagrees))


def compare(outputs: Tensors, others: Tensors, tolerance: float) -> Comparison:
    """Compare what two versions have answered to the same rows.

    Outputs that have no batch in common are one row.
    """
    outputs, num_rows = _by_rows(outputs)
    others, _ = _by_rows(others)
    reason = _difference(outputs, others)
    if reason is not None:
        return Comparison(np.ones(num_rows, bool), reason=reason)

    with np.errstate(invalid="ignore", over="ignore"):
        columns = [*_columns(outputs, others)]
    disagrees = np.zeros(num_rows, bool)
    for each in columns:
        # By how far apart its scores are, and not by which is the highest. NaN is never within.
        if each.distance is not None:
            disagrees |= ~(each.distance <= tolerance)
        elif each.agrees is not None:
            disagrees |= ~each.agrees
    labels = [each.agrees for each in columns if each.agrees is not None]
    return Comparison(
        disagrees,
        np.logical_and.reduce(labels) if labels else None,
        _largest([each.distance for each in columns if each.scored]),
        _largest([each.distance for each in columns if not each.scored]),
    )


@dataclass(frozen=True, eq=False)
class _Column:
    """What one output says: how far apart scores or other numbers are, or only what agrees."""

    agrees: Flags | None = None
    distance: Floats | None = None
    scored: bool = False


def _columns(outputs: Tensors, others: Tensors) -> Iterator[_Column]:
    names_of = _class_names(outputs)
    for name, array in outputs.items():
        other = others[name]
        if name in names_of.values():
            continue
        if not has_fractions(array):
            yield _Column(agrees=_whole_rows(np.asarray(array == other, bool)))
            continue
        one, two = array.astype(np.float64), other.astype(np.float64)
        if name in names_of:
            yield _named(one, two, outputs[names_of[name]], others[names_of[name]])
        elif _are_distributions(one) and _are_distributions(two):
            yield _scored(one, two)
        else:
            yield _Column(distance=_rows_largest(_relative(one, two)))


def _by_rows(outputs: Tensors) -> tuple[Tensors, int]:
    """Return the outputs with a batch in front, and how many rows it has."""
    sizes = {array.shape[:1] for array in outputs.values()}
    if len(sizes) == 1 and () not in sizes:
        [(num_rows,)] = sizes
        return outputs, num_rows
    return {name: array[np.newaxis] for name, array in outputs.items()}, 1


def _difference(outputs: Tensors, others: Tensors) -> str | None:
    """Say which output the other has not, or has as something else."""
    if outputs.keys() != others.keys():
        return f"one has {', '.join(sorted(outputs))}; the other {', '.join(sorted(others))}"
    for name, array in outputs.items():
        other = others[name]
        if array.shape != other.shape or array.dtype != other.dtype:
            return f"{name} is {_told(array)} and {_told(other)}"
    return None


def _told(array: NDArray[Any]) -> str:
    dtype = "string" if array.dtype == object else array.dtype
    return f"{dtype}{list(array.shape)}"


def _class_names(outputs: Tensors) -> dict[str, str]:
    """Find the texts that stand beside scores, one for each: the names of their classes."""
    texts = {
        array.shape: name
        for name, array in outputs.items()
        if array.dtype == object and array.ndim > 1
    }
    return {
        name: texts[array.shape]
        for name, array in outputs.items()
        if array.shape in texts and has_fractions(array)
    }


def _are_distributions(scores: Floats) -> bool:
    """Tell whether each row that is all numbers has shares of one whole; one at least must."""
    if scores.ndim < 2 or scores.shape[-1] < 2:
        return False
    rows = scores.reshape(-1, scores.shape[-1])
    rows = rows[np.isfinite(rows).all(axis=1)]
    return len(rows) > 0 and bool(are_distributions(rows).all())


def _scored(one: Floats, two: Floats) -> _Column:
    """Compare distributions of the same classes."""
    distance = abs(_minus(one, two)).sum(axis=-1) / 2  # [batch, ...]
    same = one.argmax(axis=-1) == two.argmax(axis=-1)
    return _Column(_whole_rows(same & np.isfinite(distance)), _rows_largest(distance), scored=True)


def _named(one: Floats, two: Floats, names: NDArray[Any], others: NDArray[Any]) -> _Column:
    """Compare scores by the names of their classes; one that is not named has a score of 0.

    Scores that are no distribution are seen as shares of the larger sum, if that is above 1.
    """
    distance = abs(_minus(one, two)).sum(axis=-1)  # [batch, ...]
    moved = (names != others).any(axis=-1)
    if moved.any():
        distance[moved] = _distance_by_name(one[moved], two[moved], names[moved], others[moved])
    sums = np.maximum(abs(one).sum(axis=-1), abs(two).sum(axis=-1))
    distance /= 2 * np.maximum(np.where(np.isfinite(sums), sums, 1), 1)
    # Where nothing differs, nothing does: with the same scores, the first of them is not a choice.
    same = (_highest(one, names) == _highest(two, others)) | (distance == 0)
    return _Column(_whole_rows(same & np.isfinite(distance)), _rows_largest(distance), scored=True)


def _distance_by_name(
    one: Floats, two: Floats, names: NDArray[Any], others: NDArray[Any]
) -> Floats:
    """Sum up by how much the scores of each name differ; all are [rows, n]."""
    both = np.concatenate([names, others], axis=-1)  # [rows, 2n]
    signed = np.concatenate([one, -two], axis=-1)
    order = np.argsort(both, axis=-1, kind="stable")
    both, signed = np.take_along_axis(both, order, -1), np.take_along_axis(signed, order, -1)
    is_new = np.ones(both.shape, bool)
    is_new[:, 1:] = both[:, 1:] != both[:, :-1]
    # One group for each name of each row: what it has on one side less what on the other.
    groups = np.cumsum(is_new) - 1
    differences = np.bincount(groups, signed.ravel())
    rows = np.nonzero(is_new)[0]
    return np.bincount(rows, abs(differences), minlength=len(both)).astype(np.float64)


def _highest(scores: Floats, names: NDArray[Any]) -> NDArray[Any]:
    chosen = scores.argmax(axis=-1, keepdims=True)
    return np.take_along_axis(names, chosen, -1)[..., 0]


def _relative(one: Floats, two: Floats) -> Floats:
    """Return |a - b| / max(|a|, |b|): 0 for equals, 2 for opposites."""
    difference = abs(_minus(one, two))
    scale = np.maximum(abs(one), abs(two))
    return np.divide(difference, scale, out=np.zeros(one.shape), where=difference != 0)


def _minus(one: Floats, two: Floats) -> Floats:
    """Subtract; what is the same differs by 0, also where it is NaN or infinite."""
    same = (one == two) | (np.isnan(one) & np.isnan(two))
    return np.where(same, 0, one - two)


def _largest(distances: list[Floats | None]) -> Floats | None:
    there = [each for each in distances if each is not None]
    return np.maximum.reduce(there) if there else None  # NaN wins


def _rows_largest(distances: Floats) -> Floats:
    largest = np.asarray(distances.max(axis=tuple(range(1, distances.ndim)), initial=0))
    return np.where(np.isinf(largest), np.nan, largest)


def _whole_rows(agrees: Flags) -> Flags:
    return np.asarray(agrees.all(axis=tuple(range(1, agrees.ndim))))
