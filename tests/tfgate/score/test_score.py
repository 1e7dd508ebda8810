"""`tfgate score` against a running gateway: tables in, tables out, errors beside the good rows."""

import csv
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from serving.models import MODELS
from tests.example_bodies import HOUSE
from tests.tfgate.score.conftest import Score

REVIEWS = ["A warm, funny film. I loved it!", "The worst, a boring waste of time."]


def csv_of(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def rows_of(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_comes_back_with_its_predictions(score: Score) -> None:
    texts = REVIEWS * 50
    csv_of(Path("reviews.csv"), [{"id": n, "review": text} for n, text in enumerate(texts)])

    done = score("reviews.csv", "out.csv", "--model=sentiment", "--column=text=review")

    assert done.exit_code == 0, done.output
    assert "out.csv: 100 rows by version 1 of sentiment" in done.output
    table = rows_of("out.csv")
    assert [int(row["id"]) for row in table] == list(range(100))
    assert [row["review"] for row in table] == texts
    assert [row["prediction.label"] for row in table] == ["positive", "negative"] * 50
    assert all(0 <= float(row["prediction.probabilities.positive"]) <= 1 for row in table)
    assert {(row["version"], row["error"]) for row in table} == {("1", "")}
    assert sorted(path.name for path in Path().iterdir()) == ["out.csv", "reviews.csv"]


def test_rows_that_are_refused_stand_beside_the_others_and_cost_an_exit_code(score: Score) -> None:
    rows = [{**HOUSE, "note": "fine"} for _ in range(10)]
    rows[3]["latitude"], rows[7]["total_rooms"] = 400, "many"
    csv_of(Path("houses.csv"), rows)

    done = score("houses.csv", "out.jsonl", "--model=housing")

    assert done.exit_code == 1
    assert "2 of 10 rows have an error" in done.output
    answers = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    wrong = [number for number, each in enumerate(answers) if each["error"]]
    assert wrong == [3, 7]
    assert "latitude" in answers[3]["error"]
    assert "total_rooms" in answers[7]["error"]
    assert answers[3]["prediction"] is answers[3]["version"] is None
    assert answers[0]["prediction"]["price_usd"] > 0
    assert answers[0]["row"]["note"] == "fine"


def test_rows_that_are_none_stand_beside_the_others(score: Score) -> None:
    good = b"a fine film,1\n"
    Path("reviews.csv").write_bytes(
        b"text,n\n" + good + b"short\n" + b"a,b,c\n" + b'"a"b,2\n' + b"caf\xe9,3\n" + good
    )
    done = score("reviews.csv", "out.csv", "--model=sentiment")
    assert (done.exit_code, "4 of 6 rows have an error" in done.output) == (1, True), done.output
    first, *wrong, last = rows_of("out.csv")
    assert [each["error"].split(" ", 1) for each in wrong] == [
        ["reviews.csv:3", "has 1 values for 2 columns."],
        ["reviews.csv:4", "has 3 values for 2 columns."],
        ["reviews.csv:5", "is no CSV: ',' expected after '\"'."],
        [
            "reviews.csv:6",
            "is no UTF-8. 'iconv -f LATIN1 -t UTF-8' makes it that if it is Latin-1.",
        ],
    ]
    assert wrong[0]["text"] == "short"
    assert not any("wrong" in column for column in first)
    assert first["prediction.label"] == last["prediction.label"]

    lines = [b'{"text": "good"}', b"[1]", b'{"text": ', b'{"text": "\xe9"}', b'{"text": "bad"}']
    Path("reviews.jsonl").write_bytes(b"\n".join(lines))
    assert score("reviews.jsonl", "out.jsonl", "--model=sentiment").exit_code == 1
    answers = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [each["error"] is None for each in answers] == [True, False, False, False, True]


def test_a_picture_that_cannot_be_read_stands_beside_the_others(
    score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("pictures").mkdir()
    for name in ("1.png", "2.png", "3.png"):
        Path("pictures", name).write_bytes(MODELS["image"].example.image)
    Path("pictures/4.png").write_bytes(b"x" * 200_000)
    monkeypatch.setattr("tfgate.score.sources._LARGEST_PICTURE", 100_000)
    read = Path.read_bytes

    def gone(path: Path) -> bytes:
        if path.name == "2.png":
            raise FileNotFoundError(2, "No such file or directory")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", gone)
    assert score("pictures", "out.csv", "--model=image").exit_code == 1
    errors = [row["error"] for row in rows_of("out.csv")]
    assert errors[0] == errors[2] == ""
    assert "cannot be read: No such file" in errors[1]
    assert "more than 100,000 bytes" in errors[3]


def test_a_folder_that_has_changed_is_another_input(
    score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("pictures/ships").mkdir(parents=True)
    for name in ("1.png", "ships/0.png"):
        Path("pictures", name).write_bytes(MODELS["image"].example.image)
    with monkeypatch.context() as patch:
        patch.setattr("tfgate.score.command.write_whole", lambda *_: Path("none").stat())
        assert (
            "What is scored is in out.csv.journal"
            in score(*("pictures", "out.csv", "--model=image")).output
        )
    Path("pictures/ships/0.png").rename("pictures/ships/2.png")
    again = score("pictures", "out.csv", "--model=image")
    assert (again.exit_code, "is of another scoring" in again.output) == (2, True)


def test_values_that_json_has_not_are_carried_along(score: Score) -> None:
    odd = {
        "when": datetime(2026, 1, 2, tzinfo=UTC),
        "price": Decimal("1.5"),
        "raw": b"\xff",
        "nan": float("nan"),
        "list": [1.0, float("inf")],
        "version": "mine",
    }
    rows = [{**HOUSE, **odd}, {**HOUSE, **odd, "median_income": float("inf")}]
    parquet.write_table(pa.Table.from_pylist(rows), "houses.parquet")

    assert score("houses.parquet", "out.jsonl", "--model=housing").exit_code == 1
    for line, error in zip(Path("out.jsonl").read_text().splitlines(), ["", "finite"], strict=True):
        answer = json.loads(line, parse_constant=pytest.fail)
        assert answer["row"]["when"] == "2026-01-02T00:00:00+00:00"
        assert (answer["row"]["price"], answer["row"]["raw"]) == (1.5, "/w==")
        assert (answer["row"]["nan"], answer["row"]["list"]) == (None, [1.0, None])
        assert error in (answer["error"] or "")

    assert score("houses.parquet", "out.parquet", "--model=housing").exit_code == 1
    table = parquet.read_table("out.parquet")
    assert table["version"].to_pylist() == [1, None]
    assert table["row.version"].to_pylist() == ["mine", "mine"]


def test_half_a_character_reaches_every_kind_of_output(score: Score) -> None:
    Path("reviews.jsonl").write_text('{"text": "fine", "note": "\\ud83d"}\n')
    for output in ("out.jsonl", "out.csv", "out.parquet"):
        done = score("reviews.jsonl", output, "--model=sentiment")
        assert done.exit_code == 0, done.output
    assert json.loads(Path("out.jsonl").read_text())["row"]["note"] == "\ud83d"
    assert rows_of("out.csv")[0]["note"] == "\\ud83d"


def test_the_input_is_no_output(score: Score) -> None:
    Path("table.csv").write_text("text\ngood\n")
    done = score("table.csv", "./table.csv", "--model=sentiment")
    assert (done.exit_code, "is the input" in done.output) == (2, True)
    assert Path("table.csv").read_text() == "text\ngood\n"


def test_what_is_missing_is_left_out(score: Score) -> None:
    csv_of(Path("houses.csv"), [{**HOUSE, "total_bedrooms": ""}])
    assert score("houses.csv", "out.csv", "--model=housing").exit_code == 0

    table = pa.Table.from_pylist([{**HOUSE, "total_bedrooms": None}, HOUSE])
    parquet.write_table(table, "houses.parquet")
    assert score("houses.parquet", "out.parquet", "--model=housing").exit_code == 0
    prices = parquet.read_table("out.parquet")
    assert prices.schema.field("prediction.price_usd").type == pa.float64()
    assert prices.schema.field("version").type == pa.int64()
    assert prices["prediction.price_usd"][0].as_py() > 0
    assert prices["error"].null_count == 2


def test_a_folder_of_pictures_is_scored_by_their_names(score: Score, tmp_path: Path) -> None:
    folder = tmp_path / "pictures" / "ships"
    folder.mkdir(parents=True)
    (folder / "one.png").write_bytes(MODELS["image"].example.image)
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("of no picture")

    done = score("pictures", "out.csv", "--model=image")

    assert done.exit_code == 1, done.output
    broken, ship = rows_of("out.csv")
    assert (broken["file"], ship["file"]) == ("ships/broken.jpg", "ships/one.png")
    assert broken["error"] != "" == ship["error"]
    assert float(ship["prediction.confidence"]) > 0
    assert "picture" not in ship


def test_a_generic_model_takes_its_inputs_from_columns(score: Score) -> None:
    rows = [{"features": [1.0, 2.0, 3.0, n], "kind": "oak"} for n in range(3)]
    Path("trees.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    done = score("trees.jsonl", "out.jsonl", "--model=forest")

    assert done.exit_code == 0, done.output
    answers = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [each["prediction"].keys() for each in answers] == [{"score", "leaf"}] * 3


@pytest.mark.parametrize(
    ("content", "arguments", "says"),
    [
        ("text\n", [], "holds no row"),
        ("review\ngood\n", [], "there is no column text, which the model takes; there are review"),
        ("text\ngood\n", ["--column=text=review"], "there is no column review; there are text"),
        ("text\ngood\n", ["--column=body=text"], "the model takes no body; it takes text"),
        ("text\ngood\n", ["--column=text"], "write FIELD=COLUMN"),
        ("text\ngood\n", ["--column=text=a", "--column=text=b"], "names two for text"),
        ("text,n\ngood\n", [], "wrong.csv:2 has 1 values for 2 columns"),
        ("text\ngood,1\n", [], "wrong.csv:2 has 2 values for 1 columns"),
        ("text\n\xff\n", [], "wrong.csv:2 is no UTF-8"),
    ],
)
def test_a_table_that_cannot_be_scored_is_told_before_anything_is_asked(
    score: Score, content: str, arguments: list[str], says: str
) -> None:
    Path("wrong.csv").write_bytes(content.encode("latin-1"))
    done = score("wrong.csv", "out.csv", "--model=sentiment", *arguments)

    assert (done.exit_code, says in done.output) == (2, True), done.output
    assert not Path("out.csv").exists()


@pytest.mark.parametrize(
    ("source", "output", "says"),
    [
        ("none.csv", "out.csv", "there is no none.csv"),
        ("table.xls", "out.csv", "of no kind that is read here"),
        ("table.csv", "out.xls", "of no kind that is written here"),
        ("table.csv", "nowhere/out.csv", "there is no folder nowhere"),
        ("list.jsonl", "out.csv", "list.jsonl:1 is no JSON object"),
        ("half.jsonl", "out.csv", "half.jsonl:1 is no JSON"),
        ("no.parquet", "out.csv", "no.parquet is no Parquet file"),
        ("empty", "out.csv", "holds no picture"),
    ],
)
def test_what_is_no_table_is_told_with_what_is_one(
    score: Score, source: str, output: str, says: str
) -> None:
    Path("table.xls").write_text("")
    Path("table.csv").write_text("text\ngood\n")
    Path("list.jsonl").write_text("[1]\n")
    Path("half.jsonl").write_text('{"text": \n')
    Path("no.parquet").write_text("text")
    Path("empty").mkdir()

    done = score(source, output, "--model=sentiment")

    assert (done.exit_code, says in done.output) == (2, True), done.output


def test_a_model_that_is_not_there_is_named(score: Score) -> None:
    Path("table.csv").write_text("text\ngood\n")
    done = score("table.csv", "out.csv", "--model=nobody")
    assert (done.exit_code, "nobody" in done.output) == (1, True)
