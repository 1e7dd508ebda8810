"""The housing table is read by its columns, gaps as NaN."""

from pathlib import Path

import numpy as np
import pytest

from serving.models import MODELS
from training.errors import DataCorrupt, DataUnfit
from training.models.housing import california


def test_columns_are_named_as_the_signature_and_gaps_are_nan(data_folder: Path) -> None:
    data = california.load(data_folder)
    assert (len(data.development), len(data.test)) == (160, 40)
    declared = MODELS["housing"].signature.inputs
    assert data.test.inputs.keys() == declared.keys()
    gaps = [np.isnan(part.inputs["total_bedrooms"]).sum() for part in (data.development, data.test)]
    assert sum(gaps) == 10
    assert data.test.targets == pytest.approx(40_000 * data.test.inputs["median_income"])


def test_a_table_of_ones_own_is_read_under_any_name(data_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "my homes.csv").symlink_to(data_folder / "california_housing.csv")
    data = california.load(tmp_path)
    assert data.name == "my homes.csv"
    assert (len(data.development), len(data.test)) == (160, 40)


def test_a_table_as_a_spreadsheet_saves_it_is_read(data_folder: Path, tmp_path: Path) -> None:
    table = (data_folder / "california_housing.csv").read_text()
    (tmp_path / "homes.csv").write_text(table, encoding="utf-8-sig")
    assert len(california.load(tmp_path).development) == 160
    (tmp_path / "homes.csv").write_bytes(table.encode() + b"\xe9")
    with pytest.raises(DataCorrupt, match=r"homes.csv is not in UTF-8 .*: save it so"):
        california.load(tmp_path)


def test_what_is_no_number_is_named_by_row_and_column(data_folder: Path, tmp_path: Path) -> None:
    header, *rows = (data_folder / "california_housing.csv").read_text().splitlines()
    rows[7] = rows[7].replace("1000", "many")
    (tmp_path / "homes.csv").write_text("\n".join([header, *rows]))
    with pytest.raises(DataCorrupt, match="row 8 below the header: population is 'many'"):
        california.load(tmp_path)


def test_places_on_both_sides_are_counted(data_folder: Path, tmp_path: Path) -> None:
    assert not california.load(data_folder).findings
    header, *rows = (data_folder / "california_housing.csv").read_text().splitlines()
    same = [",".join(["-120", "35", *row.split(",")[2:]]) for row in rows]
    (tmp_path / "homes.csv").write_text("\n".join([header, *same]))
    (finding,) = california.load(tmp_path).findings
    assert (finding.severity, finding.count, finding.share) == ("warning", 40, 1.0)


def test_a_table_of_hardly_any_rows_is_refused(data_folder: Path, tmp_path: Path) -> None:
    lines = (data_folder / "california_housing.csv").read_text().splitlines()
    (tmp_path / "homes.csv").write_text("\n".join(lines[:10]))
    with pytest.raises(DataUnfit, match="has 9 rows: bring at least 100"):
        california.load(tmp_path)


def test_another_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "housing.csv").write_text("longitude,latitude\n1,2\n")
    with pytest.raises(DataCorrupt, match="its columns must be longitude, latitude"):
        california.load(tmp_path)
