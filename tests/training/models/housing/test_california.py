"""The housing table is read by its columns, gaps as NaN."""

from pathlib import Path

import numpy as np
import pytest

from serving.models import MODELS
from training.errors import DataCorrupt, DataNotFound, DataUnfit
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
    with pytest.raises(DataCorrupt, match=r"homes.csv cannot be read: it is not in UTF-8"):
        california.load(tmp_path)


def test_what_is_no_number_is_named_by_row_and_column(data_folder: Path, tmp_path: Path) -> None:
    header, *rows = (data_folder / "california_housing.csv").read_text().splitlines()
    rows[7] = rows[7].replace("1000", "many")
    (tmp_path / "homes.csv").write_text("\n".join([header, *rows]))
    with pytest.raises(
        DataCorrupt, match=r"homes.csv, line 9: population is 'many', which is no number"
    ):
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
    with pytest.raises(
        DataCorrupt, match=r"housing.csv, line 1: there is no column housing_median_"
    ):
        california.load(tmp_path)


def test_a_gap_is_taken_among_the_bedrooms_alone(data_folder: Path, tmp_path: Path) -> None:
    table = (data_folder / "california_housing.csv").read_text()
    (tmp_path / "homes.csv").write_text(table.replace(",1000,", ",,", 1))
    with pytest.raises(DataCorrupt, match=r"line 2: population is empty, as in 1 of 200 rows"):
        california.load(tmp_path)


@pytest.mark.parametrize("name", ["homes.xlsx", "homes.csv.gz", "homes.parquet", "homes.zip"])
def test_a_table_in_another_format_is_looked_into(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(DataCorrupt, match=f"{name} cannot be read: it is a zip archive, not text"):
        california.load(tmp_path)


def test_one_of_several_tables_is_not_chosen(tmp_path: Path) -> None:
    for name in ("a.csv", "b.CSV"):
        (tmp_path / name).write_text("x\n1\n")
    with pytest.raises(DataNotFound, match=r"but a\.csv, b\.CSV: .* a single \.csv file"):
        california.load(tmp_path)
