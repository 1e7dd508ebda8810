"""Reads the California housing data: block groups of the 1990 census with their house values.

Source: R. K. Pace and R. Barry, "Sparse Spatial Autoregressions", Statistics & Probability Letters
33 (1997) 291-297, in the version of A. Géron that has the distance to the ocean and gaps.
"""

import csv
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from serving.models.housing import NUMERIC_FEATURES
from training.data.files import DataFile, locate, sha256
from training.errors import DataCorrupt
from training.recipe import Data, Examples

FILE = DataFile(
    url="https://raw.githubusercontent.com/ageron/handson-ml2/master/datasets/housing/housing.csv",
    checksum="sha256:8a3727f4cf54ac1a327f69b1d5b4db54c5834ea81c6e4efc0d163300022a685e",
    names=("housing.csv", "california_housing.csv"),
)
TARGET = "median_house_value"
CATEGORY = "ocean_proximity"


def load(folder: Path | None) -> Data:
    """Read the block groups; a fifth of them is the test part.

    The test part is that of the Yandex benchmarks for tabular networks, so that figures compare.

    Raises:
        DataNotFound: there is no file, and none can be fetched.
        DataCorrupt: the file has not the expected columns, or not numbers in them.
    """
    path = locate(FILE, folder)
    examples = _read(path)
    development, test = train_test_split(np.arange(len(examples)), test_size=0.2, random_state=0)
    return Data(
        name="California housing, 1990 census",
        source=FILE.url,
        sha256=sha256(path),
        development=examples.take(development),
        test=examples.take(test),
    )


def _read(path: Path) -> Examples:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        numbers = {
            name: np.array([row[name] or "nan" for row in rows], dtype=np.float32)
            for name in (*NUMERIC_FEATURES, TARGET)
        }
        categories = np.array([row[CATEGORY].encode() for row in rows], dtype=object)
    except (KeyError, ValueError) as error:
        raise DataCorrupt(
            f"{path} is not the California housing table ({error}): its columns must be "
            f"{', '.join([*NUMERIC_FEATURES, TARGET, CATEGORY])}"
        ) from error
    prices = numbers.pop(TARGET)
    return Examples({**numbers, CATEGORY: categories}, prices)
