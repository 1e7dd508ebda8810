"""Looks for examples that know of each other: the same inputs twice, or groups on both sides."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.card import DataFinding
from training.data.examples import Data, Examples, Splits
from training.data.finding import finding, warning_up_to

MOST_LEAKED = 0.1  # of the examples that figures are measured on


def copies(data: Data, splits: Splits, *, has_classes: bool) -> Iterator[DataFinding]:
    """Count inputs that are there twice, on both sides of a split, or with different classes."""
    train, validation, test = map(_fingerprints, (splits.train, splits.validation, data.test))
    yield from _within("train and validation", train + validation)
    yield from _within("test", test)
    yield from _leaked("validation", validation, set(train))
    yield from _leaked("test", test, {*train, *validation})
    if has_classes:
        targets = np.concatenate(
            [splits.train.targets, splits.validation.targets, data.test.targets]
        )
        answers = [row.tobytes() for row in targets]
        yield from _contradictions([*train, *validation, *test], answers)


def _fingerprints(examples: Examples) -> list[bytes]:
    """Give what is equal for equal inputs and, for all practical purposes, for no others."""
    columns = [
        [_bytes(row) for row in tensor.reshape(len(tensor), -1)]
        for tensor in examples.inputs.values()
    ]
    rows = zip(*columns, strict=True)
    return [blake2b(b"\0".join(row), digest_size=16).digest() for row in rows]


def _bytes(row: NDArray[Any]) -> bytes:
    return b"\0".join(row.tolist()) if row.dtype == object else row.tobytes()


def _within(part: str, fingerprints: list[bytes]) -> Iterator[DataFinding]:
    if count := len(fingerprints) - len(set(fingerprints)):
        yield finding(
            f"copies within {part}",
            "note",
            count=count,
            total=len(fingerprints),
            message="surplus copies of an input: it counts as often as it is there",
        )


def _leaked(part: str, fingerprints: list[bytes], known: set[bytes]) -> Iterator[DataFinding]:
    total = len(fingerprints)
    if count := sum(each in known for each in fingerprints):
        yield finding(
            f"{part} inputs that are learned from",
            warning_up_to(MOST_LEAKED, count=count, total=total),
            count=count,
            total=total,
            message=f"they flatter what is measured on the {part} part: take the copies out, or "
            "keep them on one side, if the data are your own",
        )


def _contradictions(fingerprints: list[bytes], targets: list[bytes]) -> Iterator[DataFinding]:
    answers = set(zip(fingerprints, targets, strict=True))
    if count := len(answers) - len(set(fingerprints)):
        yield finding(
            "inputs in several classes",
            "warning",
            count=count,
            total=len(fingerprints),
            message="the same input cannot be right in each: look which class is meant",
        )


def shared_groups(data: Data, splits: Splits) -> Iterator[DataFinding]:
    """Count the held-out examples whose group is learned from."""
    yield from _shared("validation", splits.validation, [splits.train])
    yield from _shared("test", data.test, [splits.train, splits.validation])


def _shared(part: str, held_out: Examples, known: list[Examples]) -> Iterator[DataFinding]:
    groups = [examples.groups for examples in known if examples.groups is not None]
    if held_out.groups is None or not groups:
        return
    if count := int(np.isin(held_out.groups, np.concatenate(groups)).sum()):
        yield finding(
            f"groups on both sides of {part}",
            "warning",
            count=count,
            total=len(held_out),
            message=f"examples of the {part} part whose group, such as their film, is learned "
            "from: what is measured may not hold for groups that are new",
        )
