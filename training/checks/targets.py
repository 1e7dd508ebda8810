"""Looks at what is to be predicted: classes of very different sizes, prices that were cut off."""

from collections.abc import Iterator

import numpy as np

from serving.card import DataFinding
from training.data.examples import Data, Examples, Splits
from training.data.finding import finding
from training.outputs.kind import OutputKind

FEW_PER_CLASS = 50  # below it, a network learns little but the examples themselves
MOST_UNBALANCED = 10  # times as many examples in one class as in another
MOST_AT_A_BOUND = 0.01  # of the targets


def class_sizes(data: Data, splits: Splits) -> Iterator[DataFinding]:
    """Compare the numbers of examples in each class that are learned from, and look for none."""
    sizes = _sizes(data, splits.train)
    rarest, commonest = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    unbalanced = sizes[commonest] > MOST_UNBALANCED * sizes[rarest]
    advice = ": rare classes will be overlooked, so gather more of them" if unbalanced else ""
    message = f"of {rarest}, the rarest to learn from, to {sizes[commonest]:,} of {commonest}"
    yield finding(
        "examples of a class",
        "warning" if unbalanced else "note",
        count=sizes[rarest],
        total=len(splits.train),
        message=(message if len(set(sizes.values())) > 1 else "of each class to learn from")
        + advice,
    )
    if small := [name for name, size in sizes.items() if size < FEW_PER_CLASS]:
        yield finding(
            "small classes",
            "warning",
            count=len(small),
            total=len(sizes),
            message=f"fewer than {FEW_PER_CLASS} examples to learn from: {', '.join(small)}",
        )
    for part, examples in (("validation", splits.validation), ("test", data.test)):
        if missing := [name for name, size in _sizes(data, examples).items() if not size]:
            yield finding(
                f"classes missing in {part}",
                "warning",
                count=len(missing),
                total=len(sizes),
                message=f"nothing can be measured of {', '.join(missing)}",
            )


def _sizes(data: Data, examples: Examples) -> dict[str, int]:
    return {name: int(examples.of_class(each).sum()) for each, name in enumerate(data.classes)}


def quantities(outputs: OutputKind, data: Data, splits: Splits) -> Iterator[DataFinding]:
    """Look for targets that are no numbers, all the same, or heaped at their bounds."""
    parts = splits.train.targets, splits.validation.targets, data.test.targets
    targets = np.concatenate([part.ravel() for part in parts])
    total = len(targets)
    if count := int((~np.isfinite(targets)).sum()):
        if not outputs.targets_may_miss:
            message = "fill them in, or leave their rows out"
            yield finding("missing targets", "refusal", count=count, total=total, message=message)
            return
        message = "they are neither learned from nor measured by"
        yield finding("missing targets", "note", count=count, total=total, message=message)
        targets = targets[np.isfinite(targets)]
    if targets.min() == targets.max():
        message = f"every target is {targets[0]:,g}: there is nothing to learn"
        yield finding("equal targets", "refusal", count=total, total=total, message=message)
        return
    for name, bound in (("smallest", targets.min()), ("largest", targets.max())):
        if (count := int((targets == bound).sum())) > MOST_AT_A_BOUND * total:
            yield finding(
                f"targets of the {name} value",
                "warning",
                count=count,
                total=total,
                message=f"they are {bound:,.0f}, where the source seems to have cut off: nothing "
                "beyond can be learned",
            )
