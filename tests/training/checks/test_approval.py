"""The data are looked over before training: a table tells, and what is unfit is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.card import DataFinding
from serving.models import MODELS
from training.checks.approval import approve, check
from training.data.examples import Data, Examples, Splits
from training.errors import DataUnfit
from training.models import RECIPES
from training.outputs.classification import CLASSIFICATION
from training.pipeline import TrainingOptions, divide, run
from training.recipe import Recipe


def found(name: str, data: Data, splits: Splits) -> dict[str, DataFinding]:
    return {each.name: each for each in check(MODELS[name], RECIPES[name].outputs, data, splits)}


@pytest.fixture
def texts() -> tuple[Data, Splits]:
    """Three hundred texts in three parts, all different, of two classes."""
    examples = Examples(
        {"text": np.array([b"text %d" % number for number in range(300)], dtype=object)},
        np.arange(300) % 2,
        np.arange(300),
    )
    train, validation, test = (examples.take(rows) for rows in np.split(np.arange(300), [200, 250]))
    development = examples.take(np.arange(250))
    data = Data("texts", "here", 64 * "0", development, test, ("negative", "positive"))
    return data, Splits(train, validation, "in order")


@pytest.fixture
def houses(data_folder: Path) -> tuple[Data, Splits]:
    data = RECIPES["housing"].load(data_folder)
    return data, divide(RECIPES["housing"], data)


def with_input(examples: Examples, name: str, rows: slice, value: Any) -> Examples:
    column = examples.inputs[name].copy()
    column[rows] = value
    return replace(examples, inputs={**examples.inputs, name: column})


def test_good_data_give_nothing_but_the_sizes_of_the_classes(texts: tuple[Data, Splits]) -> None:
    (finding,) = check(MODELS["sentiment"], CLASSIFICATION, *texts)
    assert (finding.severity, finding.count, finding.share) == ("note", 100, 0.5)
    assert finding.message == "of each class to learn from"


def test_copies_within_a_part_are_counted_once_each(texts: tuple[Data, Splits]) -> None:
    data, splits = texts
    splits = replace(splits, train=with_input(splits.train, "text", slice(0, 6, 2), b"text 0"))
    finding = found("sentiment", data, splits)["copies within train and validation"]
    assert (finding.severity, finding.count, finding.share) == ("note", 2, 2 / 250)


@pytest.mark.parametrize(("num_copies", "severity"), [(5, "warning"), (6, "refusal")])
@pytest.mark.parametrize("part", ["train", "validation"])
def test_copies_in_the_test_part_are_refused_if_they_are_many(
    part: str, num_copies: int, severity: str, texts: tuple[Data, Splits]
) -> None:
    data, splits = texts
    leaked = getattr(splits, part).inputs["text"][:num_copies]
    data = replace(data, test=with_input(data.test, "text", slice(num_copies), leaked))
    finding = found("sentiment", data, splits)["test inputs that are learned from"]
    assert (finding.severity, finding.count) == (severity, num_copies)
    assert finding.share == num_copies / 50


def test_copies_in_the_validation_part_are_a_warning(texts: tuple[Data, Splits]) -> None:
    data, splits = texts
    leaked = splits.train.inputs["text"][:5]
    held_out = with_input(splits.validation, "text", slice(5), leaked)
    finding = found("sentiment", data, replace(splits, validation=held_out))[
        "validation inputs that are learned from"
    ]
    assert (finding.severity, finding.count) == ("warning", 5)


def test_the_same_input_in_two_classes_is_a_warning(texts: tuple[Data, Splits]) -> None:
    data, splits = texts
    splits = replace(splits, train=with_input(splits.train, "text", slice(0, 2), b"so so"))
    finding = found("sentiment", data, splits)["inputs in several classes"]
    assert (finding.severity, finding.count) == ("warning", 1)


def test_groups_on_both_sides_are_counted_by_their_examples(texts: tuple[Data, Splits]) -> None:
    data, splits = texts
    shared = np.array([1, 1, 249, *range(1000, 1047)])
    data = replace(data, test=replace(data.test, groups=shared))
    finding = found("sentiment", data, splits)["groups on both sides of test"]
    assert (finding.severity, finding.count) == ("warning", 3)


def test_rare_and_missing_classes_are_named(texts: tuple[Data, Splits]) -> None:
    data, splits = texts
    targets = np.array([1] * 5 + [0] * 195)
    splits = replace(splits, train=replace(splits.train, targets=targets))
    data = replace(data, test=replace(data.test, targets=np.zeros(50, np.int64)))
    findings = found("sentiment", data, splits)
    assert findings["examples of a class"].severity == "warning"
    assert findings["examples of a class"].message.startswith(
        "of positive, the rarest to learn from, to 195 of negative: rare classes"
    )
    assert findings["small classes"].message.endswith("examples to learn from: positive")
    assert findings["classes missing in test"].message == "nothing can be measured of positive"


@pytest.mark.parametrize(("num_empty", "severity"), [(3, "warning"), (4, "refusal")])
def test_empty_texts_are_refused_if_they_are_many(
    num_empty: int, severity: str, texts: tuple[Data, Splits]
) -> None:
    data, splits = texts
    splits = replace(splits, train=with_input(splits.train, "text", slice(num_empty), b""))
    assert found("sentiment", data, splits)["too short text"].severity == severity


def test_texts_longer_than_the_gateway_takes_are_a_note(texts: tuple[Data, Splits]) -> None:
    data, splits = texts
    splits = replace(splits, train=with_input(splits.train, "text", slice(1), b"x" * 20_001))
    finding = found("sentiment", data, splits)["too long text"]
    assert (finding.severity, finding.count) == ("note", 1)


def test_a_gap_is_a_note_where_requests_may_have_one_else_a_refusal(
    houses: tuple[Data, Splits],
) -> None:
    data, splits = houses
    assert found("housing", data, splits)["missing total_bedrooms"].severity == "note"
    splits = replace(splits, train=with_input(splits.train, "population", slice(1), np.nan))
    assert found("housing", data, splits)["missing population"].severity == "refusal"


def test_a_column_without_any_value_is_a_refusal(houses: tuple[Data, Splits]) -> None:
    data, splits = houses
    empty = [
        with_input(each, "total_bedrooms", slice(None), np.nan)
        for each in (splits.train, splits.validation, data.test)
    ]
    data, splits = (
        replace(data, test=empty[2]),
        replace(splits, train=empty[0], validation=empty[1]),
    )
    assert found("housing", data, splits)["missing total_bedrooms"].severity == "refusal"


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("latitude", 91.0, "such as 91, outside of -90 to 90"),
        ("households", np.inf, "such as inf, outside of 1 to 1e"),
        ("ocean_proximity", b"MOON", "such as 'MOON'; declared are <1H OCEAN, INLAND"),
    ],
)
def test_values_that_requests_cannot_have_are_named(
    column: str, value: Any, message: str, houses: tuple[Data, Splits]
) -> None:
    data, splits = houses
    for num_rows, severity in ((2, "warning"), (3, "refusal")):
        train = with_input(splits.train, column, slice(num_rows), value)
        kind = "unknown" if column == "ocean_proximity" else "impossible"
        finding = found("housing", data, replace(splits, train=train))[f"{kind} {column}"]
        expected = severity if kind == "unknown" else "refusal"
        assert (finding.severity, finding.count) == (expected, num_rows)
        assert finding.message.startswith(message)


def test_a_constant_column_is_a_warning(houses: tuple[Data, Splits]) -> None:
    findings = found("housing", *houses)
    assert findings["constant households"].severity == "warning"
    assert "it is 380 everywhere" in findings["constant households"].message


def test_capped_missing_and_equal_targets_are_told_apart(houses: tuple[Data, Splits]) -> None:
    data, splits = houses

    def with_targets(targets: Any) -> dict[str, DataFinding]:
        train = replace(splits.train, targets=targets.astype(np.float32))
        return found("housing", data, replace(splits, train=train))

    prices = splits.train.targets
    capped = with_targets(np.where(prices > prices.mean(), 500_001, prices))
    assert capped["targets of the largest value"].message.startswith("they are 500,001, where")
    assert "targets of the largest value" not in with_targets(prices)
    assert with_targets(prices * np.nan)["missing targets"].severity == "refusal"
    train, validation, test = (
        replace(part, targets=np.ones(len(part)))
        for part in (splits.train, splits.validation, data.test)
    )
    alike = replace(splits, train=train, validation=validation)
    findings = found("housing", replace(data, test=test), alike)
    assert findings["equal targets"].severity == "refusal"


def test_blank_pictures_are_a_warning(data_folder: Path) -> None:
    data = RECIPES["image"].load(data_folder)
    splits = divide(RECIPES["image"], data)
    splits = replace(splits, train=with_input(splits.train, "pixels", slice(2), 255))
    finding = found("image", data, splits)["blank pixels"]
    assert (finding.severity, finding.count) == ("warning", 2)


def test_the_user_sees_all_findings_and_a_refusal_gives_its_reasons(
    texts: tuple[Data, Splits], capsys: pytest.CaptureFixture[str]
) -> None:
    data, splits = texts
    unreadable = DataFinding(
        name="unreadable files", severity="refusal", count=7, share=0.1, message="mend a.txt"
    )
    with pytest.raises(DataUnfit, match="7 unreadable files: mend a"):
        approve(MODELS["sentiment"], CLASSIFICATION, replace(data, findings=(unreadable,)), splits)
    printed = capsys.readouterr().out
    assert printed.index("refusal") < printed.index("note")
    warning = unreadable.model_copy(update={"severity": "warning"})
    findings = approve(
        MODELS["sentiment"], CLASSIFICATION, replace(data, findings=(warning,)), splits
    )
    assert [each.severity for each in findings] == ["warning", "note"]


def test_nothing_is_trained_on_unfit_data(
    tiny_recipes: dict[str, Recipe[Any]], data_folder: Path, tmp_path: Path
) -> None:
    table = (data_folder / "california_housing.csv").read_text()
    (tmp_path / "homes.csv").write_text(table.replace(",1000,", ",-1,", 1))
    options = TrainingOptions(tmp_path, tmp_path / "models", tmp_path / "checkpoints")
    with pytest.raises(DataUnfit, match="1 impossible population: such as -1, outside of"):
        run("housing", tiny_recipes["housing"], options)
    assert not (tmp_path / "models").exists()
    assert not (tmp_path / "checkpoints").exists()
