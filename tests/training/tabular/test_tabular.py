"""Tables of a user's own: as tensors, as answers, and as a recipe beside a typed file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serving.contract import Signature, TensorSpec
from serving.typed_models import WrongModels, load_models
from tests.typed_files import TYPED, write
from training.checks.approval import check
from training.data.examples import Examples
from training.errors import DataCorrupt, DataNotFound, DataUnfit, TrainingError
from training.models import RECIPES
from training.recipes import load_recipes
from training.tabular.answers import ClassOutput, NumberOutput
from training.tabular.network import Columns
from training.tabular.table import TableData

INPUTS = {
    "age": TensorSpec("int64", (None, 1)),
    "height": TensorSpec("float32"),
    "plan": TensorSpec("string", (None, 1)),
    "active": TensorSpec("bool"),
}
HEAD = "age,height,plan,active,kind\n"
ROW = "41,1.5,gold,yes,b\n"
TABLE = TableData(INPUTS, "kind", classes=("a", "b"))
OUTPUT = ClassOutput("scores", classes=("a", "b"))
RECIPE = """
from serving.contract import TensorSpec
from training.outputs.acceptance import AcceptanceGate
from training.tabular.answers import NumberOutput
from training.tabular.recipe import table_recipe

RECIPE = table_recipe(
    inputs={"x": TensorSpec("float32")},
    target="y",
    output=NumberOutput("y"),
    gate=AcceptanceGate("r2", minimum=0.0),
)
"""


def table(folder: Path, text: str) -> Path:
    (folder / "table.csv").write_text(text)
    return folder


def test_a_table_becomes_the_tensors_of_the_signature(tmp_path: Path) -> None:
    large = 2**53 - 1  # more than a float32 holds

    data = TABLE.load(table(tmp_path, HEAD + f"{large},,gold,no,a\n" + ROW * 99))

    parts = [data.development, data.test]
    assert sorted(map(len, parts)) == [20, 80]
    for name, spec in INPUTS.items():
        for part in parts:
            assert part.inputs[name].dtype == spec.numpy_dtype
            assert spec.admits(part.inputs[name].shape)
    assert max(int(part.inputs["age"].max()) for part in parts) == large
    assert sum(int(np.isnan(part.inputs["height"]).sum()) for part in parts) == 1
    assert sum(int((part.targets == 0).sum()) for part in parts) == 1
    splits = TABLE.split(data.development)
    assert (len(splits.train), len(splits.validation)) == (64, 16)


@pytest.mark.parametrize(
    ("row", "error", "words"),
    [
        ("1.5,1,gold,yes,a\n", DataCorrupt, "line 2: age is '1.5', and must be a whole number"),
        (",1,gold,yes,a\n", DataCorrupt, "line 2: age is empty"),
        ("1,1,gold,maybe,a\n", DataCorrupt, "line 2: active is 'maybe', and must be one of true"),
        ("1,1,gold,yes,c\n", DataCorrupt, "line 2: kind is 'c', and must be one of a, b"),
        ("1,tall,gold,yes,a\n", DataCorrupt, "line 2: height is 'tall', which is no number"),
    ],
)
def test_a_value_that_the_tensors_cannot_hold_is_named_by_its_line(
    tmp_path: Path, row: str, error: type[TrainingError], words: str
) -> None:
    with pytest.raises(error, match=words):
        TABLE.load(table(tmp_path, HEAD + row + ROW * 60))


def test_where_there_is_no_table_it_is_told_what_one_is(tmp_path: Path) -> None:
    with pytest.raises(DataNotFound, match=r"with --data: it must hold a \.csv file with the col"):
        TABLE.load(None)
    with pytest.raises(DataNotFound, match=r"must hold one table alone.*it holds nothing"):
        TABLE.load(tmp_path)
    with pytest.raises(DataUnfit, match="has 3 rows: bring at least 50"):
        TABLE.load(table(tmp_path, HEAD + ROW * 3))
    (tmp_path / "other.csv").write_text(HEAD)
    with pytest.raises(DataNotFound, match=r"other\.csv, table\.csv"):
        TABLE.load(tmp_path)


def test_what_the_network_sees_is_scaled_and_told_apart() -> None:
    inputs = {
        "x": np.array([[1.0], [3.0], [np.nan]], np.float32),
        "plan": np.array([[b"gold"], [b"gold"], [b"basic"]], dtype=object),
        "same": np.array([7, 7, 7]),
    }
    columns = Columns(Examples(inputs, np.zeros(3)))

    rows = columns({**inputs, "plan": np.array([[b"gold"], [b"basic"], [b"new"]], object)}).numpy()

    np.testing.assert_allclose(rows, [[-1, 0, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0]], atol=1e-6)


def test_a_number_is_answered_in_its_own_unit() -> None:
    output, train = NumberOutput("y", row_shape=(1,)), np.array([10.0, 30.0], np.float32)
    encoded = output.encode(train, train)
    np.testing.assert_allclose(encoded, [[-1], [1]])

    answer = output.answer(encoded, train, train)(encoded)

    np.testing.assert_allclose(answer["y"], [[10], [30]])
    examples = Examples({"x": train}, train)
    same = output.kind.evaluate(output.baseline(examples, examples.inputs), train).figures
    assert same["r2"] == 0
    assert same["root_mean_squared_error"] == 10
    assert output.kind.evaluate({"y": answer["y"].numpy()}, train).figures["r2"] == pytest.approx(1)


@pytest.mark.parametrize("labels", [None, "names"])
def test_classes_are_answered_with_their_scores(labels: str | None) -> None:
    output = ClassOutput("scores", classes=("no", "yes"), labels=labels)
    targets = np.array([0, 1, 1], np.int64)
    logits = output.encode(targets, targets) * 4 - 2

    answer = output.answer(logits, output.encode(targets, targets), targets)(logits)

    assert answer.keys() == {"scores", *([labels] if labels else [])}
    outputs = {name: tensor.numpy() for name, tensor in answer.items()}
    evaluation = output.kind.evaluate(outputs, targets)
    assert evaluation.figures["accuracy"] == 1
    assert evaluation.confusion_matrix is not None
    assert evaluation.confusion_matrix["yes"] == {"no": 0, "yes": 2}
    examples = Examples({"x": np.zeros(3)}, targets)
    baseline = output.kind.evaluate(output.baseline(examples, examples.inputs), targets)
    assert baseline.figures["accuracy"] == pytest.approx(2 / 3)


def test_recipes_lie_beside_typed_files(tmp_path: Path) -> None:
    write(tmp_path, double=TYPED)
    assert load_recipes(tmp_path).keys() == RECIPES.keys()
    write(tmp_path / "recipes", double=RECIPE)

    assert load_recipes(tmp_path).keys() == {*RECIPES, "double"}


def test_a_package_holds_its_recipe_which_finds_the_files_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "double", __init__=f"{TYPED}\nTASK = 'of a package'\n")
    text = f"{RECIPE}\nfrom dataclasses import replace\nfrom . import TASK\n"
    write(tmp_path / "double", recipe=f"{text}RECIPE = replace(RECIPE, task=TASK)\n")

    assert load_recipes(tmp_path)["double"].task == "of a package"

    write(tmp_path / "recipes", double=RECIPE)
    with pytest.raises(
        WrongModels, match=r"double/recipe\.py: the name double is taken by .*double\.py"
    ):
        load_recipes(tmp_path)


def test_a_package_without_a_recipe_is_served_alone(tmp_path: Path) -> None:
    write(tmp_path / "double", __init__=TYPED)

    assert load_recipes(tmp_path).keys() == RECIPES.keys()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("other", RECIPE, "trains the model other, which nobody declares: write .*other.py"),
        ("housing", RECIPE, "the name housing is taken by a recipe of tfgate itself"),
        ("double", "1 / 0", "double.py, line 1: ZeroDivisionError"),
        ("double", "", "double.py has no RECIPE: end it with RECIPE = Recipe"),
        ("double", "RECIPE = 1", "RECIPE is a int, and must be a training.recipe.Recipe"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_named(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    write(tmp_path, double=TYPED)
    write(tmp_path / "recipes", **{name: text})

    with pytest.raises(WrongModels, match=words):
        load_recipes(tmp_path)


def test_a_row_of_one_value_is_looked_at_as_a_value(tmp_path: Path) -> None:
    """Not as a picture, each of which would be blank."""
    text = HEAD + "".join(f"{age},1.5,{'gold' if age % 2 else ''},yes,a\n" for age in range(99))
    data = TABLE.load(table(tmp_path, text.replace("gold,yes,a", "gold,yes,b")))
    model = replace(
        load_models(write(tmp_path, double=TYPED))["double"], signature=Signature(INPUTS, {})
    )

    findings = {
        each.name for each in check(model, OUTPUT.kind, data, TABLE.split(data.development))
    }

    assert not any(name.startswith("blank") for name in findings)
    assert {"constant height", "constant active"} <= findings
    assert not any(name.startswith("copies") for name in findings)
