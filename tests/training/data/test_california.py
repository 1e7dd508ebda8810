"""The housing table is read by its columns, gaps as NaN."""

from pathlib import Path

import numpy as np
import pytest

from serving.models import MODELS
from training.data import california
from training.errors import DataCorrupt


def test_columns_are_named_as_the_signature_and_gaps_are_nan(data_folder: Path) -> None:
    data = california.load(data_folder)
    assert (len(data.development), len(data.test)) == (160, 40)
    declared = MODELS["housing"].signature.inputs
    assert data.test.inputs.keys() == declared.keys()
    gaps = [np.isnan(part.inputs["total_bedrooms"]).sum() for part in (data.development, data.test)]
    assert sum(gaps) == 10
    assert data.test.targets == pytest.approx(40_000 * data.test.inputs["median_income"])


def test_another_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "housing.csv").write_text("longitude,latitude\n1,2\n")
    with pytest.raises(DataCorrupt, match="its columns must be longitude, latitude"):
        california.load(tmp_path)
