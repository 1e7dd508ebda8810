"""`tfgate new-model`: the file that it writes is complete, in order, and fits the model."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from typer.testing import CliRunner

from proto.predict_pb2 import PredictRequest
from proto.prediction_log_pb2 import PredictionLog, PredictLog
from proto.saved_model_pb2 import MetaGraphDef
from serving.contract import DType, Model, Signature, TensorSpec
from serving.errors import InvalidInput
from serving.gateway.inference.example import example
from serving.models import MODELS
from serving.tensors import encode, encode_all
from serving.typed_models import load_models
from tests.stack import ROOT, SHIPPED_VERSIONS
from tests.tfgate.inspection.written import ROWS, graph, write
from tfgate.cli import app
from training.recipes import load_recipes

DTYPES = get_args(DType)
# Names that are no fields as they are, or that would hide what stands beside them.
NAMES = [
    *("x", "age", "userAge", "max", "id", "float", "list", "class", "copy", "json", "model_fields"),
    *("1st", "_x", "a/b:0", "input-1", "größe", "", "Input", "row", "each", "request", "np"),
    *("outputs", "columns", "Field", "self", "picture_bytes", "l" * 45, 'a"b', "a b", "Any"),
]
SHAPES: list[tuple[int | None, ...]] = [
    *[(None,), (None, 1), (None, 2), (None, 4, 3), (None, None), (None, 1, 1), (None, 2, None)],
    *[(None, 0), (None, 40), (None, 2, 3, 4, 5)],
]
EVERYTHING = Signature(
    {
        f"{dtype}_{number}": TensorSpec(dtype, shape)
        for dtype in DTYPES
        for number, shape in enumerate(SHAPES)
    },
    {
        f"{dtype}_{number}": TensorSpec(dtype, shape)
        for dtype in DTYPES
        for number, shape in enumerate(SHAPES)
    },
)
ODD_NAMES = Signature(
    {name: TensorSpec("string" if "bytes" in name else "float32") for name in NAMES},
    {name: TensorSpec("string" if "bytes" in name else "int64") for name in NAMES},
)


def run(*arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, ["new-model", *arguments])
    assert result.exit_code == exit_code, result.output
    return result.stderr if exit_code else result.stdout


def written(folder: Path, name: str, signature: MetaGraphDef | Signature) -> Path:
    """Have the file of a model with this signature written; give its folder."""
    if isinstance(signature, Signature):
        signature = graph({"serving_default": signature})
    version = write(folder / "models" / name / "1", signature)
    run(name, f"--from={version}", f"--models-path={folder / 'typed'}")
    return folder / "typed"


def check_fits(model: Model[Any, Any], signature: Signature) -> None:
    """See that what the file says and does is what the signature wants, of one row and of more."""
    assert model.signature == Signature(signature.inputs, signature.outputs)
    as_json = model.example.model_dump_json()
    assert model.request.model_validate_json(as_json) == model.example
    for num_rows in (1, 3):
        inputs = model.preprocess([model.example] * num_rows)
        assert inputs.keys() == signature.inputs.keys()
        for name, spec in signature.inputs.items():
            assert inputs[name].dtype == spec.numpy_dtype, name
            assert spec.admits(inputs[name].shape), name
            assert len(inputs[name]) == num_rows
        outputs = example(Signature(signature.outputs, {}), range(num_rows))
        given = model.postprocess(inputs, outputs, None)
        assert len(given) == num_rows
        TypeAdapter(list[model.response]).validate_python(given, strict=True)  # type: ignore[name-defined]
        json.dumps(given)
    assert model.preprocess_seconds is not None
    assert 0 < model.preprocess_seconds([model.example]) < 1


@pytest.mark.parametrize("signature", [EVERYTHING, ODD_NAMES, ROWS], ids=["types", "names", "x"])
def test_the_file_fits_the_signature(tmp_path: Path, signature: Signature) -> None:
    folder = written(tmp_path, "mine", signature)

    check_fits(load_models(folder)["mine"], signature)


@given(
    *[
        st.dictionaries(
            st.text(max_size=12),
            st.builds(
                TensorSpec,
                st.sampled_from(DTYPES),
                st.lists(st.sampled_from([None, 1, 2, 5]), max_size=3).map(
                    lambda each: (None, *each)
                ),
            ),
            min_size=least,
            max_size=4,
        )
        for least in (1, 1)
    ]
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_so_it_does_whatever_the_signature_is(
    tmp_path: Path, inputs: dict[str, TensorSpec], outputs: dict[str, TensorSpec]
) -> None:
    signature = Signature(inputs, outputs)
    shutil.rmtree(tmp_path / "typed", ignore_errors=True)
    folder = written(tmp_path, "mine", signature)
    (tmp_path / "typed").rename(once := tmp_path / f"typed{len(list(tmp_path.iterdir()))}")
    assert folder.name == "typed"

    check_fits(load_models(once)["mine"], signature)


def test_the_files_are_in_the_format_and_the_types_of_the_project(tmp_path: Path) -> None:
    """Also where names or types are long, and nothing needs a second look."""
    varying = TensorSpec("string", (None, None))
    signatures = {
        "everything": EVERYTHING,
        "names": ODD_NAMES,
        "a" * 30: ROWS,
        "one_output": Signature({"tokens": varying}, {"tokens": varying}),
        "long_output": Signature({"o" * 45: varying}, {"o" * 45: varying}),
    }
    for name, signature in signatures.items():
        folder = written(tmp_path, name, signature)
    config = f"--config={ROOT / 'pyproject.toml'}"
    tool = [sys.executable, "-m"]
    for command in (
        [*tool, "ruff", "check", config, str(folder)],
        [*tool, "ruff", "format", "--check", config, str(folder)],
        [*tool, "mypy", "--strict", "--config-file=", *map(str, folder.glob("*.py"))],
    ):
        finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert finished.returncode == 0, finished.stdout + finished.stderr


def test_an_input_that_may_be_left_out_may_be_left_out_of_a_request(tmp_path: Path) -> None:
    signature = Signature(
        {"x": TensorSpec("float32"), "factor": TensorSpec("float32")}, ROWS.outputs
    )
    definition = graph({"serving_default": signature})
    default = encode(np.array([2.5], np.float32))
    definition.signature_def["serving_default"].defaults["factor"].CopyFrom(default)

    model = load_models(written(tmp_path, "mine", definition))["mine"]

    left_out = model.request.model_validate_json('{"x": 1}')
    given = model.request.model_validate_json('{"x": 1, "factor": 7}')
    np.testing.assert_array_equal(model.preprocess([left_out, given])["factor"], [2.5, 7])


def test_the_example_is_the_first_request_of_the_warm_up(tmp_path: Path) -> None:
    signature = Signature({"x": TensorSpec("float32"), "text": TensorSpec("string")}, ROWS.outputs)
    version = write(tmp_path / "1", graph({"serving_default": signature}))
    log = PredictionLog(predict_log=PredictLog(request=PredictRequest()))
    encode_all(
        log.predict_log.request.inputs,
        {"x": np.array([4.25, 1], np.float32), "text": np.array([b'a "warm" film', b""], object)},
    )
    record = log.SerializeToString()
    (version / "assets.extra").mkdir()
    framed = len(record).to_bytes(8, "little") + bytes(4) + record + bytes(4)
    (version / "assets.extra" / "tf_serving_warmup_requests").write_bytes(framed)

    run("mine", f"--from={version}", f"--models-path={tmp_path / 'typed'}")

    asked = load_models(tmp_path / "typed")["mine"].example
    assert asked.model_dump() == {"x": 4.25, "text": 'a "warm" film'}


@pytest.mark.parametrize("name", MODELS)
def test_the_shipped_models_could_have_been_begun_so(tmp_path: Path, name: str) -> None:
    run("mine", f"--from={ROOT / 'models' / name}", f"--models-path={tmp_path}")

    model = load_models(tmp_path)["mine"]

    # Version 1 lacks what came later.
    declared = MODELS[name].signature
    lacking = declared.optional_outputs if SHIPPED_VERSIONS[name] == 1 else frozenset()
    outputs = {each: spec for each, spec in declared.outputs.items() if each not in lacking}
    check_fits(model, Signature(declared.inputs, outputs))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"age": 2**63}, "age"),
        ({"age": 1.5}, "age"),
        ({"age": None}, "age"),
        ({"small": 1e39}, "small"),
        ({"small": float("nan")}, "small"),
        ({"pixels": [[1, 2, 3]]}, "pixels"),
        ({"pixels": [[1, 2, 3], [4, 5]]}, "pixels.1"),
        ({"pixels": [[1, 2, 3], [4, 5, 256]]}, "pixels.1.2"),
        ({"text": "x" * 10_001}, "text"),
        ({"tokens": []}, "tokens"),
        ({"more": 1}, "more"),
    ],
)
def test_what_the_tensors_cannot_hold_is_refused(
    tmp_path: Path, wrong: dict[str, object], field: str
) -> None:
    signature = Signature(
        {
            "age": TensorSpec("int64"),
            "small": TensorSpec("float32"),
            "pixels": TensorSpec("uint8", (None, 2, 3)),
            "text": TensorSpec("string"),
            "tokens": TensorSpec("int32", (None, None)),
        },
        ROWS.outputs,
    )
    model = load_models(written(tmp_path, "mine", signature))["mine"]
    right = model.example.model_dump()
    model.request.model_validate(right)

    with pytest.raises(ValidationError) as caught:
        model.request.model_validate(right | wrong)

    assert ".".join(map(str, caught.value.errors()[0]["loc"])) == field


@pytest.mark.parametrize("dtype", ["float32", "string"])
def test_lists_of_different_lengths_are_refused_with_the_fields_name(
    tmp_path: Path, dtype: str
) -> None:
    signature = Signature({"tokens": TensorSpec(dtype, (None, None))}, ROWS.outputs)
    model = load_models(written(tmp_path, "mine", signature))["mine"]
    value = "a" if dtype == "string" else 1
    requests = [model.request(tokens=[value] * length) for length in (1, 2)]

    with pytest.raises(InvalidInput) as caught:
        model.preprocess(requests)

    assert caught.value.fields[0].field == "tokens"
    assert "of its own" in caught.value.detail


NOT_TYPED = {
    "no free first dimension": Signature({"x": TensorSpec("float32", (3,))}, ROWS.outputs),
    "y (float32[...]) has no free": Signature(ROWS.inputs, {"y": TensorSpec("float32", None)}),
    "x (complex64), which cannot be sent": Signature({"x": TensorSpec("complex64")}, ROWS.outputs),
    "it takes nothing": Signature({}, ROWS.outputs),
}


@pytest.mark.parametrize("words", NOT_TYPED)
def test_what_has_no_rows_cannot_be_typed(tmp_path: Path, words: str) -> None:
    version = write(tmp_path / "m" / "1", graph({"serving_default": NOT_TYPED[words]}))

    message = run("mine", f"--from={version}", f"--models-path={tmp_path}", exit_code=2)

    assert words in message
    assert not (tmp_path / "mine.py").exists()


def test_another_signature_alone_is_not_enough(tmp_path: Path) -> None:
    version = write(tmp_path / "1", graph({"serve": ROWS}))

    message = run("mine", f"--from={version}", f"--models-path={tmp_path}", exit_code=2)

    assert "no signature serving_default, which a typed model asks; there are serve" in message


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("my-model", "'my-model' is no name"),
        ("class", "'class' is no name"),
        ("größe", "'größe' is no name"),
        ("../x", "'../x' is no name"),
        ("_x", "'_x' is no name"),
        ("housing", "a model of tfgate's own"),
    ],
)
def test_a_name_that_no_model_can_have_is_refused(tmp_path: Path, name: str, words: str) -> None:
    version = write(tmp_path / "1")

    message = run(name, f"--from={version}", f"--models-path={tmp_path}", exit_code=2)

    assert words in message


def test_nothing_is_written_over(tmp_path: Path) -> None:
    version = write(tmp_path / "1")
    arguments = ["mine", f"--from={version}", f"--models-path={tmp_path}"]
    run(*arguments)
    (tmp_path / "mine.py").write_text("# mine now")

    assert "is there already" in run(*arguments, exit_code=2)
    assert "is there already" in run(*arguments, "--recipe", exit_code=2)
    assert (tmp_path / "mine.py").read_text() == "# mine now"
    assert not (tmp_path / "recipes").exists()


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    version = write(tmp_path / "1")
    (tmp_path / "file").write_text("")

    message = run("mine", f"--from={version}", f"--models-path={tmp_path / 'file'}", exit_code=2)

    assert f"cannot write {tmp_path / 'file' / 'mine.py'}" in message


def test_a_repository_of_several_models_is_asked_which(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name / "1")

    message = run("mine", f"--from={tmp_path}", f"--models-path={tmp_path}", exit_code=2)

    assert "name the folder of one of a, b" in message


def recipe_of(folder: Path, signature: Signature, *, exit_code: int = 0) -> str:
    """Have a recipe written, too; give its text, or why there is none."""
    version = write(folder / "m" / "1", graph({"serving_default": signature}))
    arguments = ["mine", f"--from={version}", f"--models-path={folder}", "--recipe"]
    said = run(*arguments, exit_code=exit_code)
    return said if exit_code else (folder / "recipes" / "mine.py").read_text()


TABLES = {
    'NumberOutput("y")': {"y": TensorSpec("float32")},
    'NumberOutput("y", row_shape=(1,))': {"y": TensorSpec("float32", (None, 1))},
    'ClassOutput("y", classes=("0", "1", "2"))': {"y": TensorSpec("float32", (None, 3))},
    'ClassOutput("y", classes=("0", "1"), labels="names")': {
        "y": TensorSpec("float32", (None, 2)),
        "names": TensorSpec("string", (None, 2)),
    },
}


@pytest.mark.parametrize("output", TABLES)
def test_a_recipe_for_a_table_has_the_outputs_of_the_signature(tmp_path: Path, output: str) -> None:
    inputs = {"x": TensorSpec("float32"), "kind": TensorSpec("string", (None, 1))}

    text = recipe_of(tmp_path, Signature(inputs, TABLES[output]))

    assert output in text
    recipes = load_recipes(tmp_path)
    assert recipes["mine"].outputs.has_classes == output.startswith("Class")
    config = f"--config={ROOT / 'pyproject.toml'}"
    for command in (["ruff", "check"], ["ruff", "format", "--check"]):
        finished = subprocess.run(
            [sys.executable, "-m", *command, config, str(tmp_path / "recipes")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize(
    ("inputs", "outputs", "words"),
    [
        ({"x": TensorSpec("float32", (None, 3))}, ROWS.outputs, "x (float32[batch, 3]) has more"),
        ({"x_bytes": TensorSpec("string")}, ROWS.outputs, "x_bytes (string[batch]) has more"),
        (ROWS.inputs, {"y": TensorSpec("int64")}, "not y (int64[batch])"),
        (ROWS.inputs, {"y": TensorSpec("float32"), "z": TensorSpec("float32")}, "and not y"),
        (ROWS.inputs, {"y": TensorSpec("float32", (None, 2, 2))}, "not y (float32[batch, 2, 2])"),
    ],
)
def test_what_no_table_teaches_gets_no_recipe_and_no_file(
    tmp_path: Path, inputs: dict[str, TensorSpec], outputs: dict[str, TensorSpec], words: str
) -> None:
    message = recipe_of(tmp_path, Signature(inputs, outputs), exit_code=2)

    assert words in message
    assert "leave out --recipe" in message
    assert not (tmp_path / "mine.py").exists()
