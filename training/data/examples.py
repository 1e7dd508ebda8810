"""What examples are, and the parts that they are split into; knows no file and no network."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.card import DataFinding
from serving.contract import Tensors


@dataclass(frozen=True)
class Examples:
    """Inputs by the names of the signature, and what is to be predicted from them.

    `targets` is int64[example], the index of the class, int64[example, class], above 0 for each
    class that applies, or float32[example, ...], the quantity.
    Examples of the same group (int64[example]) know of each other and must stay in one part.
    """

    inputs: Tensors
    targets: NDArray[Any]
    groups: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        inputs = {name: tensor[rows] for name, tensor in self.inputs.items()}
        groups = None if self.groups is None else self.groups[rows]
        return Examples(inputs, self.targets[rows], groups)

    def of_class(self, number: int) -> NDArray[np.bool_]:
        """Tell which examples are of a class, bool[example]."""
        several = self.targets.ndim > 1
        which: NDArray[np.bool_] = (
            self.targets[:, number] > 0 if several else self.targets == number
        )
        return which


@dataclass(frozen=True)
class Data:
    """A data set as it was read: where it came from, and its fixed test part.

    `development` is what training and validation examples are taken from. `sha256` is of the file
    that was read. `classes` are the names of what targets are indices into, if they are.
    `unlabelled` are inputs whose targets nobody knows; none of them is in `test`. `findings` is
    what a reader should know of how the data was read. `splits` is set where the data come split;
    else the recipe splits the development examples.
    """

    name: str
    source: str
    sha256: str
    development: Examples
    test: Examples
    classes: tuple[str, ...] = ()
    unlabelled: Tensors = field(default_factory=dict)
    findings: tuple[DataFinding, ...] = ()
    splits: "Splits | None" = None


@dataclass(frozen=True, eq=False)
class Splits:
    """The development examples, split, and the unlabelled inputs; `method` says how in words.

    `classes` and `unlabelled` are those of the data; the pipeline puts them in. The third part, the
    test, stays in `Data` until everything is chosen.
    """

    train: Examples
    validation: Examples
    method: str
    classes: tuple[str, ...] = ()
    unlabelled: Tensors = field(default_factory=dict)
