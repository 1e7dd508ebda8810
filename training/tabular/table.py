"""A user's table as examples: the tensors that a signature wants, and what is to be predicted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from serving.contract import Tensors, TensorSpec
from training.data.examples import Data, Examples, Splits
from training.data.files import contents, sha256
from training.data.tables import Table, read_table
from training.errors import DataCorrupt, DataNotFound, DataUnfit

FEWEST_ROWS = 50  # so that a fifth of them tells anything
HELD_OUT = 0.2
_TRUTHS = {"true": 1, "yes": 1, "1": 1, "false": 0, "no": 0, "0": 0}


@dataclass(frozen=True)
class TableData:
    """A table with a header: a column for each input, by its name, and one for the target.

    Of a target that is a class, `classes` are the values in the order of the scores; else they are
    empty, and the target is a number.
    """

    inputs: Mapping[str, TensorSpec]
    target: str
    classes: Sequence[str] = ()

    def load(self, folder: Path | None) -> Data:
        """Read the only .csv file of a folder; a fifth of its rows is the test part.

        Raises:
            DataNotFound: there is no folder, or not one such file in it.
            DataCorrupt: it is no table with these columns and such values.
            DataUnfit: it has hardly any rows.
        """
        path = self._find(folder)
        table = read_table(path, [*self.inputs, self.target])
        if len(table) < FEWEST_ROWS:
            raise DataUnfit(f"{path} has {len(table)} rows: bring at least {FEWEST_ROWS}")
        examples = Examples(self._inputs(table), self._targets(table))
        development, test = train_test_split(
            np.arange(len(examples)), test_size=HELD_OUT, random_state=0
        )
        return Data(
            name=path.name,
            source="a table of the user's own",
            sha256=sha256(path),
            development=examples.take(development),
            test=examples.take(test),
            classes=tuple(self.classes),
        )

    def split(self, development: Examples) -> Splits:
        """Hold a fifth out at random."""
        rows = np.arange(len(development))
        train, validation = train_test_split(rows, test_size=HELD_OUT, random_state=1)
        return Splits(
            development.take(train),
            development.take(validation),
            "rows in file order; scikit-learn's train_test_split(test_size=0.2, random_state=0) "
            "gives the test part, the same with random_state=1 divides the rest",
        )

    def _find(self, folder: Path | None) -> Path:
        wanted = f"a .csv file with the columns {', '.join([*self.inputs, self.target])}"
        if folder is None:
            raise DataNotFound(f"name the folder of your data with --data: it must hold {wanted}")
        tables = [path for path in folder.iterdir() if path.suffix.lower() == ".csv"]
        if len(tables) != 1:
            raise DataNotFound(
                f"{folder} must hold one table alone, {wanted}; it holds {contents(folder)}"
            )
        return tables[0]

    def _inputs(self, table: Table) -> Tensors:
        return {
            name: _column(table, name, spec).reshape(-1, *spec.row_shape)
            for name, spec in self.inputs.items()
        }

    def _targets(self, table: Table) -> NDArray[Any]:
        if not self.classes:
            return table.numbers(self.target)
        numbers = {name: number for number, name in enumerate(self.classes)}
        values = [value.strip() for value in table.columns[self.target]]
        for row, value in enumerate(values):
            if value not in numbers:
                raise DataCorrupt(
                    f"{table.path}, line {table.lines[row]}: {self.target} is {value!r}, and must "
                    f"be one of {', '.join(self.classes)}: mend it, or name the classes in the "
                    "recipe"
                )
        return np.array([numbers[value] for value in values], np.int64)


def _column(table: Table, name: str, spec: TensorSpec) -> NDArray[Any]:
    """Give a column as a tensor of one dimension, gaps of numbers with a fraction as NaN."""
    if spec.dtype == "string":
        return np.array([value.encode() for value in table.columns[name]], dtype=object)
    if spec.dtype == "bool":
        return _truths(table, name)
    has_fraction = "float" in spec.dtype
    numbers = table.numbers(name, may_miss=has_fraction)
    if has_fraction:
        return numbers.astype(spec.numpy_dtype)
    odd = np.flatnonzero(numbers != np.floor(numbers))
    if len(odd):
        line, value = table.lines[odd[0]], table.columns[name][odd[0]]
        raise DataCorrupt(
            f"{table.path}, line {line}: {name} is {value!r}, and must be a whole number, as the "
            f"signature has {spec.dtype}"
        )
    # By way of text: a float32 has no room for every whole number.
    return np.array([int(float(value)) for value in table.columns[name]], spec.numpy_dtype)


def _truths(table: Table, name: str) -> NDArray[np.bool_]:
    values = [value.strip().lower() for value in table.columns[name]]
    for row, value in enumerate(values):
        if value not in _TRUTHS:
            raise DataCorrupt(
                f"{table.path}, line {table.lines[row]}: {name} is {value!r}, and must be one of "
                f"{', '.join(_TRUTHS)}"
            )
    return np.array([_TRUTHS[value] for value in values], bool)
