"""A table is read by its columns; what is wrong in it is named by line and column."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from training.data.tables import read_table
from training.errors import DataCorrupt

COLUMNS = ("rooms", "price", "place")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my houses.csv"


def refusal(file: Path, content: str) -> str:
    """Give what is said of this table, less the path."""
    file.write_bytes(content.encode())
    with pytest.raises(DataCorrupt) as caught:
        read_numbers(file)
    said = str(caught.value)
    assert said.startswith(str(file))
    return said.removeprefix(str(file)).removeprefix(", ")


def read_numbers(file: Path) -> None:
    table = read_table(file, COLUMNS)
    table.numbers("rooms", may_miss=True)
    table.numbers("price")


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_columns_are_read_in_any_order_beside_others(file: Path, line_end: str) -> None:
    lines = [
        ' place ,"price",note,rooms',
        '"by the sea, far",1.5,"two',
        'lines",',
        "",
        "inland,-2e3,, nan ",
    ]
    file.write_bytes((line_end.join(lines) + line_end).encode("utf-8-sig"))
    table = read_table(file, COLUMNS)
    assert table.columns["place"] == ["by the sea, far", "inland"]
    assert table.numbers("price").tolist() == [1.5, -2000.0]
    assert np.isnan(table.numbers("rooms", may_miss=True)).all()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", " is empty: its first line must name rooms, price, place"),
        ("\n \r\n", " is empty: its first line must name rooms, price, place"),
        ("rooms,price,place\n", " has a header, and no row below it"),
        (
            "Rooms,Prize,place\n1,2,x\n",
            "line 1: there is no column rooms, price; the columns there are 'Rooms', 'Prize', "
            "'place'. Rename them: 'Rooms' is probably rooms; 'Prize' is probably price",
        ),
        ("a,b\n1,2\n", "line 1: there is no column rooms, price, place; the columns there are"),
        (
            "3,2,x\n4,5,y\n",
            "line 1: there is no column rooms, price, place; the columns there are '3', '2', 'x'. "
            "The first line must name rooms, price, place",
        ),
        ("rooms,price,place,price\n1,2,x,3\n", "line 1: there are several columns 'price'"),
        ("rooms,price,place\n1,2,x\n1,2\n", "line 3: there are 2 fields, in the header 3"),
        ("rooms,price,place\n1,2,by the sea, far\n", "line 2: there are 4 fields, in the header"),
        ("rooms,price,place\n1,2,x\n,,x\n", "line 3: price is empty, as in 1 of 2 rows: fill"),
        ("rooms,price,place\n1,NaN,x\n", "line 2: price is empty, as in 1 of 1 rows: fill"),
        ("rooms,price,place\n\nfew,2,x\n", "line 3: rooms is 'few', which is no number: mend it"),
        ("rooms,price,place\n1,inf,x\n", "line 2: price is 'inf', which is no number"),
        ("rooms,price,place\n1,1e39,x\n", "line 2: price is '1e39', which is no number"),
        ('rooms,price,place\n1,"2,5",x\n', "line 2: price is '2,5', which is no number: write a"),
        (f'rooms,price,place\n1,2,"{"x" * 200_000}\n', "line 2: field larger than field limit"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_column(file: Path, content: str, what: str) -> None:
    assert refusal(file, content).startswith(what)


@pytest.mark.parametrize(
    ("separator", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")]
)
def test_the_command_for_other_separators_and_decimal_commas_converts_them(
    file: Path, separator: str, word: str
) -> None:
    rows = [
        ["rooms", "price", "place"],
        ["1.467", "452.600,25", "am Meer, fern"],
        ["7", "-2,5", "x"],
    ]
    said = refusal(file, "".join(separator.join(row) + "\r\n" for row in rows))
    assert said.startswith(f" has {word} between its fields, where commas must be. Convert it: ")
    run_what(said, file)
    table = read_table(file, COLUMNS)
    assert table.numbers("price").tolist() == [452600.25, -2.5]
    assert table.columns["place"] == ["am Meer, fern", "x"]


def test_the_command_for_decimal_commas_alone_converts_them(file: Path) -> None:
    run_what(refusal(file, 'rooms,price,place\n1,"2,5",x\n'), file)
    assert read_table(file, COLUMNS).numbers("price").tolist() == [2.5]


def test_the_command_for_what_excel_writes_before_the_header_removes_it(file: Path) -> None:
    said = refusal(file, "sep=,\r\nrooms,price,place\r\n1,2,x\r\n")
    assert said.startswith("line 1: 'sep=,' is for Excel alone; remove it: tail")
    command = said.partition("remove it: ")[2]
    subprocess.run(command, shell=True, check=True, cwd=file.parent)  # noqa: S602  # as a user would
    read_numbers(file)


def run_what(said: str, file: Path) -> None:
    command = said.partition("Convert it: ")[2].partition("; or open it")[0]
    subprocess.run(command, shell=True, check=True, cwd=file.parent)  # noqa: S602  # as a user would
