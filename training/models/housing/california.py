"""Reads the California housing data: block groups of the 1990 census with their house values.

Source: R. K. Pace and R. Barry, "Sparse Spatial Autoregressions", Statistics & Probability Letters
33 (1997) 291-297, in the version of A. Géron that has the distance to the ocean and gaps.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from serving.card import DataFinding
from serving.models.housing import NUMERIC_FEATURES
from training.data.examples import Data, Examples
from training.data.files import DataFile, find, locate, sha256
from training.data.finding import finding
from training.data.tables import read_table
from training.errors import DataUnfit

TARGET = "median_house_value"
CATEGORY = "ocean_proximity"
COLUMNS = (*NUMERIC_FEATURES, TARGET, CATEGORY)
GAPS = ("total_bedrooms",)  # the census lacks it for some
OTHER_TABLES = (".tsv", ".txt", ".xlsx", ".xls", ".ods", ".parquet", ".gz", ".bz2", ".xz", ".zip")
FEWEST_ROWS = 100  # so that a fifth of them tells anything

FILE = DataFile(
    url="https://raw.githubusercontent.com/ageron/handson-ml2/master/datasets/housing/housing.csv",
    checksum="sha256:8a3727f4cf54ac1a327f69b1d5b4db54c5834ea81c6e4efc0d163300022a685e",
    names=("housing.csv", "california_housing.csv"),
    own=f"a single .csv file of any name with the columns {', '.join(COLUMNS)}",
)


def load(folder: Path | None) -> Data:
    """Read the block groups, or else a table of the user's own; a fifth of it is the test part.

    The test part is that of the Yandex benchmarks for tabular networks, so that figures compare.

    Raises:
        DataNotFound: there is no file, and none can be fetched.
        DataCorrupt: the file is no table with the expected columns, or lacks numbers in them.
        DataUnfit: it has hardly any rows.
    """
    own = _find_own(folder)
    path = own or locate(FILE, folder)
    examples = _read(path)
    development, test = train_test_split(np.arange(len(examples)), test_size=0.2, random_state=0)
    return Data(
        name="California housing, 1990 census" if own is None else path.name,
        source=FILE.url if own is None else "a table of the user's own",
        sha256=sha256(path),
        development=examples.take(development),
        test=examples.take(test),
        findings=_shared_places(examples, development, test),
    )


def _find_own(folder: Path | None) -> Path | None:
    if folder is None or find(FILE, folder):
        return None
    files = [path for path in folder.iterdir() if path.is_file()]
    for suffixes in ((".csv",), OTHER_TABLES):  # which are read, too, if only to say what they are
        tables = [path for path in files if path.suffix.lower() in suffixes]
        if tables:
            return tables[0] if len(tables) == 1 else None
    return None


def _read(path: Path) -> Examples:
    table = read_table(path, COLUMNS)
    if len(table) < FEWEST_ROWS:
        raise DataUnfit(f"{path} has {len(table)} rows: bring at least {FEWEST_ROWS}")
    numbers = {name: table.numbers(name, may_miss=name in GAPS) for name in NUMERIC_FEATURES}
    categories = np.array([each.encode() for each in table.columns[CATEGORY]], dtype=object)
    return Examples({**numbers, CATEGORY: categories}, table.numbers(TARGET))


def _shared_places(
    examples: Examples, development: NDArray[np.int64], test: NDArray[np.int64]
) -> tuple[DataFinding, ...]:
    """Count the block groups of the test part whose rounded place is also that of another one."""
    places = np.stack([examples.inputs["longitude"], examples.inputs["latitude"]], axis=1)
    known = set(map(tuple, places[development].tolist()))
    count = sum(place in known for place in map(tuple, places[test].tolist()))
    if not count:
        return ()
    message = (
        "the test part is drawn at random, as in the literature; a model that looks at the place "
        "is flattered where it knows a neighbour, so expect less in places without any"
    )
    name = "places on both sides of test"
    return (finding(name, "warning", count=count, total=len(test), message=message),)
