"""Reads hours from a .csv file, and divides their windows by the year; knows no quantity."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.card import InputStatistics
from training.data.examples import Data, Examples, Splits
from training.data.files import DataFile, locate, sha256
from training.data.statistics import summarize
from training.data.tables import GAPS, Table, read_table
from training.errors import DataUnfit
from training.series.windows import windows

TIME = ("year", "month", "day", "hour")  # columns of the file, in local time
QUARTERS = 4  # of a year: a span of time, which stays in one part
UNKNOWN = b""  # a category that nobody told


@dataclass(frozen=True)
class Series:
    """What is forecast, of which inputs: the next `ahead` hours of `target`, of the last `past`.

    `columns` names the inputs, each with its column in the file: numbers, or one of the texts that
    `categories` lists for it. Of those in `logarithmic` the network sees log(1 + value); the target
    must be one, as it is never below zero. `unit` is the target's, `coverage` the share of what
    comes that its intervals are to hold.
    """

    target: str
    columns: Mapping[str, str]
    past: int
    ahead: int
    coverage: float
    unit: str
    logarithmic: frozenset[str]
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.target not in self.logarithmic:
            raise ValueError(f"{self.target} is forecast, and must be one of `logarithmic`")

    @property
    def numbers(self) -> list[str]:
        """The inputs that are numbers, the target first."""
        others = [n for n in self.columns if n != self.target and n not in self.categories]
        return [self.target, *others]


@dataclass(frozen=True)
class HourlyFile:
    """A .csv file with a row an hour, and columns for the parts of its time."""

    name: str
    source: str
    file: DataFile
    series: Series

    def load(self, folder: Path | None) -> Data:
        """Cut the hours into windows; those of the last year are the test part.

        Raises:
            TrainingError: the file cannot be had, is something else, has too few years, or values
                of the target that are below zero.
        """
        path, series = locate(self.file, folder), self.series
        table = read_table(path, [*TIME, *series.columns.values()])
        years, times = _times(table)
        columns: dict[str, NDArray[Any]] = {
            name: table.numbers(series.columns[name], may_miss=True) for name in series.numbers
        }
        if (lowest := np.nanmin(columns[series.target], initial=np.inf)) < 0:
            raise DataUnfit(
                f"{path} has {lowest:g} in the column {series.columns[series.target]}: what is "
                "forecast must not be below 0"
            )
        for name in series.categories:
            fields = table.columns[series.columns[name]]
            values = [UNKNOWN if each.strip() in GAPS else each.encode() for each in fields]
            columns[name] = np.array(values, dtype=object)
        spans = years * QUARTERS + (times.astype("M8[M]").astype(int) % 12) * QUARTERS // 12
        every = windows(columns, series.target, times, spans, past=series.past, ahead=series.ahead)
        development, test = _split_last_year(every)
        return Data(self.name, self.source, sha256(path), development, test)

    def split(self, development: Examples) -> Splits:
        """Hold out the last year that is not the test part's: the nearest to what will be asked."""
        train, validation = _split_last_year(development)
        return Splits(
            train,
            validation,
            f"windows of {self.series.past} hours before and {self.series.ahead} ahead, within one "
            "quarter of a year; the last year is the test part, the one before it the validation "
            "part",
        )

    def describe(self, train: Examples) -> dict[str, InputStatistics]:
        """Sum up the last hours before each forecast, so that each hour counts once."""
        return {name: summarize(train.inputs[name][:, -1]) for name in self.series.numbers}


def _times(table: Table) -> tuple[NDArray[np.int64], NDArray[np.datetime64]]:
    """Give the years, and the times in hours, of the rows."""
    year, month, day, hour = (table.numbers(name).astype(np.int64) for name in TIME)
    months = (year - 1970).astype("M8[Y]").astype("M8[M]") + (month - 1)
    first: NDArray[np.datetime64] = months.astype("M8[D]").astype("M8[h]")
    return year, first + ((day - 1) * 24 + hour).astype("m8[h]")


def _split_last_year(examples: Examples) -> tuple[Examples, Examples]:
    groups = np.array(examples.groups)
    is_last = groups // QUARTERS == groups.max(initial=0) // QUARTERS
    if is_last.all():
        raise DataUnfit(
            f"{len(examples):,} windows of hours in a row are of one year: a training needs three "
            "years, the last of them for the test, the one before for the validation"
        )
    return examples.take(np.flatnonzero(~is_last)), examples.take(np.flatnonzero(is_last))
