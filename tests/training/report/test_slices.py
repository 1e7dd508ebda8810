"""What a report shows of parts of the test part."""

from serving.card import Metric, ModelCard, Slice
from tests.fake_models import card
from training.report.page import render
from training.report.slices import slices


def part(by: str, name: str, accuracy: float, count: int) -> Slice:
    return Slice(
        by=by,
        name=name,
        count=count,
        metrics={"accuracy": accuracy, "log_loss": 1 - accuracy},
        standard_errors={"accuracy": 0.0123, "log_loss": 0.05},
    )


def saying(*measured: Slice) -> ModelCard:
    figures = [
        Metric(name=name, value=value, unit="1", definition="", standard_error=0.004)
        for name, value in (("accuracy", 0.905), ("log_loss", 0.286))
    ]
    unknown = Metric(name="calibration", value=0.01, unit="1", definition="")  # in no part
    return card("image", 1).model_copy(
        update={"metrics": [unknown, *figures], "slices": list(measured)}
    )


PARTS = (
    part("words", "up to 20", 0.75, 1_200),
    part("words", "above 20", 0.95, 1_250),
    part("familiarity", "below 0.05", 0.5, 30),
)


def test_each_part_stands_beside_the_whole() -> None:
    section = slices(saying(*PARTS))
    assert section is not None
    (table,) = section.tables
    assert table.head == ["by", "part", "examples", "accuracy", "log loss"]
    assert table.rows == [
        ["", "all", "1", "0.9050 ± 0.0040", "0.2860 ± 0.0040"],
        ["words", "up to 20", "1,200", "0.7500 ± 0.0123", "0.2500 ± 0.0500"],
        ["words", "above 20", "1,250", "0.9500 ± 0.0123", "0.0500 ± 0.0500"],
        ["familiarity", "below 0.05", "30", "0.5000 ± 0.0123", "0.5000 ± 0.0500"],
    ]
    assert "Where it is better and worse" in render("A report", [section])


def test_who_cannot_see_the_figure_is_told_what_it_shows() -> None:
    section = slices(saying(*PARTS))
    assert section is not None
    (figure,) = section.figures
    assert figure.png.startswith(b"\x89PNG")
    assert figure.description == (
        "A point with its standard error for each part; all examples 0.9050. words: up to 20 "
        "0.7500, above 20 0.9500; familiarity: below 0.05 0.5000."
    )


def test_a_version_without_parts_has_no_such_section() -> None:
    assert slices(saying()) is None
