"""`tfgate inspect` of versions: what they hold, and whether they can be served."""

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from typer.testing import CliRunner

from proto.predict_pb2 import PredictRequest
from proto.prediction_log_pb2 import PredictionLog, PredictLog
from proto.saved_model_pb2 import AssetFileDef
from serving.contract import Signature, TensorSpec
from serving.tensors import encode
from tests.stack import ROOT
from tests.tfgate.inspection.written import ROWS, compiled_for, graph, write
from tfgate.cli import app
from tfgate.inspection.operations import needs
from training.publish.operations import SHIPPED, listing

CHURN = Signature(
    {"age": TensorSpec("int64", (None, 1)), "visits": TensorSpec("float32", (None, 3))},
    {"kind": TensorSpec("float32", (None, 3)), "score": TensorSpec("float32", (None, 1))},
)


def inspected(path: Path, *, exit_code: int = 0) -> Any:
    """Return what is told of a path as JSON."""
    result = CliRunner().invoke(app, ["inspect", str(path), "--json"])
    assert result.exit_code == exit_code, result.output
    return json.loads(result.stdout)


def shown(path: Path, *, exit_code: int = 0) -> str:
    """Return what is shown in a terminal of 80 columns, of which no line is longer, or cut."""
    result = CliRunner().invoke(app, ["inspect", str(path)], env={"COLUMNS": "80"})
    assert result.exit_code == exit_code, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    return result.stdout


def found(path: Path, gravity: str, *, exit_code: int = 0) -> list[str]:
    """Return what is found of a gravity."""
    findings = inspected(path, exit_code=exit_code)["findings"]
    assert all(each["remedy"] for each in findings if each["gravity"] != "note")
    return [each["what"] for each in findings if each["gravity"] == gravity]


@pytest.fixture(scope="module")
def churn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of Keras with two inputs and two outputs."""
    folder = tmp_path_factory.mktemp("repository") / "churn" / "1"
    age, visits = keras.Input((1,), name="age", dtype="int64"), keras.Input((3,), name="visits")
    hidden = keras.layers.Concatenate()([keras.ops.cast(age, "float32"), visits])
    outputs = {"score": keras.layers.Dense(1)(hidden), "kind": keras.layers.Dense(3)(hidden)}
    keras.Model({"age": age, "visits": visits}, outputs).export(str(folder), verbose=False)
    return folder


class Module(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """Signatures of many kinds."""

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int64, "tokens")])  # type: ignore[untyped-decorator]
    def varying(self, tokens: Any) -> Any:
        return {"sum": tf.reduce_sum(tokens, axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32, "x")])  # type: ignore[untyped-decorator]
    def single(self, x: Any) -> Any:
        return {"y": 2 * x}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.complex64, "x")])  # type: ignore[untyped-decorator]
    def imaginary(self, x: Any) -> Any:
        return {"y": tf.math.imag(x)}

    @tf.function(input_signature=[tf.TensorSpec(None, tf.float32, "x")])  # type: ignore[untyped-decorator]
    def shapeless(self, x: Any) -> Any:
        return {"y": 2 * x}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])  # type: ignore[untyped-decorator]
    def python(self, x: Any) -> Any:
        return {"y": tf.ensure_shape(tf.py_function(lambda each: each, [x], tf.float32), [None])}

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[
            tf.TensorSpec([None], tf.float32, "x"),
            tf.TensorSpec([1], tf.float32, "factor"),
        ]
    )
    def optional(self, x: Any, factor: Any = tf.constant([2.5])) -> Any:  # noqa: B008  # so TensorFlow wants it
        return {"y": x * factor}


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repository") / "module" / "3"
    functions = Module()
    names = ("varying", "single", "imaginary", "shapeless", "python", "optional")
    signatures = {name: getattr(functions, name) for name in names}
    tf.saved_model.save(functions, str(folder), signatures)
    return folder


def test_a_model_of_keras_is_told_whole(churn: Path) -> None:
    told = inspected(churn)

    assert (told["model"], told["version"], told["can_be_served"]) == ("churn", 1, True)
    assert told["tensorflow"] == tf.__version__
    assert told["tags"] == [["serve"]]
    # Keras writes and loads each several times; a copy counts nothing.
    assert told["weights"] == {"variables": (4 + 1) + (4 * 3 + 3), "constants": 0}
    assert told["bytes"] == sum(each.stat().st_size for each in churn.rglob("*") if each.is_file())
    assert told["describes_itself"] is False
    assert told["warmup_requests"] is None
    assert told["operations"]["MatMul"] == 2
    assert not any("Save" in name or "Restore" in name for name in told["operations"])
    signature = told["signatures"]["serving_default"]
    assert signature["method"] == "tensorflow/serving/predict"
    assert signature["inputs"]["age"] == {"dtype": "int64", "shape": [None, 1], "optional": False}
    assert signature["outputs"]["kind"] == {"dtype": "float32", "shape": [None, 3]}
    assert signature["asked"].startswith("together")


@pytest.mark.parametrize("below", ["..", ".", "saved_model.pb", "../.."])
def test_a_version_is_found_by_its_model_its_repository_and_its_file(
    churn: Path, below: str
) -> None:
    told = inspected(churn / below)

    assert (told["model"], told["version"]) == ("churn", 1)


def test_the_shipped_models_are_told_by_their_repository() -> None:
    told = {each["model"]: each for each in inspected(ROOT / "models")}

    assert told.keys() == {"housing", "image", "sentiment"}
    for each in told.values():
        assert each["can_be_served"]
        assert each["describes_itself"]
        # One of `explain` besides, where the version has it.
        assert each["warmup_requests"] == 3 + ("explain" in each["signatures"])
    # README has the same figure: the weights were frozen into the graph.
    assert told["image"]["weights"] == {
        "variables": 0,
        "constants": pytest.approx(1.88e6, rel=0.01),
    }


def test_what_is_shown_fits_a_terminal(churn: Path, module: Path) -> None:
    text = shown(churn)

    assert "churn, version 1" in text
    assert "age     int64[batch, 1]" in text
    assert "can tfgate serve it? yes" in text
    assert "20 in variables" in text
    assert "factor  float32[1] may be left out: [2.5]" in shown(module)
    assert shown(ROOT / "models").count("can tfgate serve it? yes") == 3


def test_the_newest_version_of_a_model_is_taken(tmp_path: Path) -> None:
    for name in ("9", "10", "tmp-11", "v12"):
        write(tmp_path / "m" / name)

    assert inspected(tmp_path / "m")["version"] == 10


def test_a_folder_that_is_no_version_is_told(tmp_path: Path) -> None:
    version = write(tmp_path / "m")

    assert inspected(version)["version"] is None
    assert "the folder m is no version" in found(version, "limits")[0]


def test_of_a_repository_each_model_is_told_whatever_the_others_are(tmp_path: Path) -> None:
    write(tmp_path / "good" / "1")
    write(tmp_path / "bad" / "1", graph(tags=["train"]))
    (tmp_path / "broken" / "1").mkdir(parents=True)
    (tmp_path / "broken" / "1" / "saved_model.pb").write_bytes(b"x")

    told = inspected(tmp_path, exit_code=1)

    assert {each["model"]: each["can_be_served"] for each in told} == {
        "bad": False,
        "broken": False,
        "good": True,
    }
    assert "cut off" in told[1]["error"]
    assert "broken" in shown(tmp_path, exit_code=1)


def test_one_written_as_text_is_told_as_the_other(churn: Path, tmp_path: Path) -> None:
    """TensorFlow's own text, with types that are none of ours."""
    folder = tmp_path / "churn" / "1"
    shutil.copytree(churn, folder)
    message = saved_model_pb2.SavedModel.FromString((churn / "saved_model.pb").read_bytes())
    (folder / "saved_model.pb").unlink()
    (folder / "saved_model.pbtxt").write_text(str(message))

    told, binary = inspected(folder), inspected(churn)

    for key in ("signatures", "operations", "weights", "tags", "tensorflow"):
        assert told[key] == binary[key], key
    assert "DT_RESOURCE" in (folder / "saved_model.pbtxt").read_text()


def test_each_signature_is_told_how_it_is_asked(module: Path) -> None:
    told = inspected(module)["signatures"]
    asked = {name: signature["asked"] for name, signature in told.items()}

    assert asked["varying"].startswith("together")
    assert asked["single"] == "one by one: x and y have no free first dimension"
    assert asked["imaginary"] == "not at all: x (complex64) cannot be sent"
    assert asked["shapeless"].startswith("one by one")
    assert told["shapeless"]["inputs"]["x"]["shape"] is None
    assert told["optional"]["inputs"]["factor"]["optional"] is True
    assert told["optional"]["inputs"]["x"]["optional"] is False


def test_what_limits_a_signature_is_told_of_it_alone(module: Path) -> None:
    limits = found(module, "limits")

    assert found(module, "stops") == []
    for words in (
        "there is no signature serving_default",
        "requests of single cannot share a call: x and y",
        "imaginary cannot be asked: x (complex64)",
        "any shape is taken for x and y of shapeless",
        "python fails: EagerPyFunc calls Python code",
        "requests of optional cannot share a call: factor",
    ):
        assert [each for each in limits if words in each], words
    assert [each for each in limits if "varying" in each] == []
    assert "tokens of varying has sizes that vary" in " ".join(found(module, "note"))


def test_a_model_none_of_whose_signatures_can_be_asked_cannot_be_served(tmp_path: Path) -> None:
    for number, written in enumerate(
        [
            graph(None, "EagerPyFunc"),
            graph(None, "TPUCompile"),
            graph({"serving_default": Signature({}, {"y": TensorSpec("variant")})}),
            compiled_for("TPU"),
        ]
    ):
        version = write(tmp_path / str(number), written)

        assert "none of its signatures can be asked" in found(version, "stops", exit_code=1)[0]


def test_a_tensor_that_may_be_left_out_need_not_be_sent(tmp_path: Path) -> None:
    written = graph({"serving_default": Signature({"z": TensorSpec("complex64")}, ROWS.outputs)})
    written.signature_def["serving_default"].defaults["z"].dtype = 8  # type: ignore[assignment]

    assert inspected(write(tmp_path / "1", written))["can_be_served"]


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        (["MatMul", "MyOwnThing"], "has no operation MyOwnThing"),
        (["SentencepieceTokenizeOp"], "has no operation SentencepieceTokenizeOp"),
        ([f"Odd{number}" for number in range(9)], "Odd0, Odd1, Odd2, Odd3, Odd4 and 4 more"),
    ],
)
def test_operations_that_nobody_has_stop_it(
    tmp_path: Path, operations: list[str], words: str
) -> None:
    version = write(tmp_path / "1", graph(None, *operations))

    assert words in found(version, "stops", exit_code=1)[0]
    assert "no" in shown(version, exit_code=1).partition("can tfgate serve it? ")[2][:2]


def test_a_known_library_of_operations_is_named(tmp_path: Path) -> None:
    version = write(tmp_path / "1", graph(None, "SentencepieceTokenizeOp"))

    assert "TensorFlow Text" in inspected(version, exit_code=1)["findings"][0]["remedy"]


def test_a_call_of_a_function_is_no_operation(tmp_path: Path) -> None:
    written = graph(None, "my_function")
    function = written.graph_def.library.function.add()
    function.signature.name = "my_function"
    function.node_def.add(name="x", op="CudnnRNNV3")

    version = write(tmp_path / "1", written)

    assert "fails without a GPU" in found(version, "limits")[0]
    assert "CudnnRNNV3" in inspected(version)["operations"]
    assert "my_function" not in inspected(version)["operations"]


def test_functions_are_followed_through_every_attribute(tmp_path: Path) -> None:
    written = graph(None, "If", "Case")
    functions = {name: written.graph_def.library.function.add() for name in ("a", "b", "c", "d")}
    for name, function in functions.items():
        function.signature.name = name
    functions["b"].node_def.add(name="x", op="CudnnRNN")
    functions["c"].node_def.add(name="x", op="NcclReduce")
    functions["d"].node_def.add(name="x", op="StringLower")  # which nobody calls
    functions["a"].node_def.add(name="x", op="PartitionedCall").attr["f"].func.name = "b"
    written.graph_def.node[0].attr["then_branch"].func.name = "a"
    written.graph_def.node[1].attr["branches"].list.func.add().name = "c"

    operations = inspected(write(tmp_path / "1", written))["operations"]

    assert operations.keys() == {
        "If",
        "Case",
        "Identity",
        "PartitionedCall",
        "CudnnRNN",
        "NcclReduce",
    }


@pytest.mark.parametrize(
    ("platforms", "words"),
    [
        (["CPU", "CUDA"], None),
        (["cuda"], "fails without a GPU: JAX has compiled it for CUDA"),
        (["CPU", "TPU"], "fails on a GPU: JAX has compiled it for CPU, TPU"),
    ],
)
def test_what_jax_has_compiled_runs_where_it_was_compiled_for(
    tmp_path: Path, platforms: list[str], words: str | None
) -> None:
    limits = found(write(tmp_path / "1", compiled_for(*platforms)), "limits")

    assert [words in each for each in limits] == [True] if words else limits == []


def test_what_runs_on_the_cpu_alone_is_a_note(tmp_path: Path) -> None:
    version = write(tmp_path / "1", graph(None, "StringLower", "StringLower", "MatMul"))

    assert (
        "the CPU computes 2 nodes: StringLower"
        in found(version, "note")[0] + found(version, "note")[1]
    )


def test_a_graph_to_train_is_not_the_one_that_is_served(tmp_path: Path) -> None:
    training = graph(None, "StringLower", tags=["serve", "train"])
    version = write(tmp_path / "1", training, graph(None, "MatMul"))

    assert inspected(version)["tags"] == [["serve", "train"], ["serve"]]
    assert "MatMul" in inspected(version)["operations"]
    alone = write(tmp_path / "2", training)
    assert "no graph has the tag serve alone" in found(alone, "stops", exit_code=1)[0]


def test_a_model_without_a_signature_cannot_be_served(tmp_path: Path) -> None:
    version = write(tmp_path / "1", graph({}))

    assert "it has no signature" in found(version, "stops", exit_code=1)[0]


def test_files_that_are_missing_stop_it(churn: Path, tmp_path: Path) -> None:
    version = tmp_path / "1"
    shutil.copytree(churn, version)
    for name in ("variables.data-00000-of-00001", "variables.index"):
        (version / "variables" / name).rename(version / name)
        assert found(version, "stops", exit_code=1) == [f"files are missing: variables/{name}"]
        (version / name).rename(version / "variables" / name)
    written = graph()
    written.asset_file_def.append(AssetFileDef(filename="words.txt"))
    assert "assets/words.txt" in found(write(tmp_path / "2", written), "stops", exit_code=1)[0]


def test_one_of_several_shards_that_is_missing_is_named(churn: Path, tmp_path: Path) -> None:
    version = tmp_path / "1"
    shutil.copytree(churn, version)
    (version / "variables" / "variables.data-00000-of-00001").rename(
        version / "variables" / "variables.data-00000-of-00003"
    )

    assert found(version, "stops", exit_code=1) == [
        "files are missing: variables/variables.data-00001-of-00003 and "
        "variables/variables.data-00002-of-00003"
    ]


def records(number: int) -> bytes:
    request = PredictRequest(inputs={"x": encode(np.ones(1, np.float32))})
    record = PredictionLog(predict_log=PredictLog(request=request)).SerializeToString()
    return (len(record).to_bytes(8, "little") + bytes(4) + record + bytes(4)) * number


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (records(2), None),
        (records(1000), None),
        (records(1001), "has 1,001 requests, of 1,000 at most"),
        (records(2)[:-1], "is cut off"),
        (records(2)[:5], "is cut off"),
        (b"", None),
    ],
)
def test_a_warm_up_file_is_counted(tmp_path: Path, content: bytes, words: str | None) -> None:
    version = write(tmp_path / "1")
    (version / "assets.extra").mkdir()
    (version / "assets.extra" / "tf_serving_warmup_requests").write_bytes(content)

    stops = found(version, "stops", exit_code=1 if words else 0)

    assert [words in each for each in stops] == [True] if words else stops == []
    if words is None:
        assert inspected(version)["warmup_requests"] == len(content) // len(records(1))


def test_methods_of_examples_are_told(tmp_path: Path) -> None:
    written = graph()
    written.signature_def["serving_default"].method_name = "tensorflow/serving/classify"

    assert "can be asked to classify too" in " ".join(found(write(tmp_path / "1", written), "note"))


def test_a_name_as_markup_or_longer_than_a_line_is_shown_as_it_is(tmp_path: Path) -> None:
    name = "[bold]" + "x" * 100
    written = graph({"serving_default": Signature({name: TensorSpec("string")}, ROWS.outputs)})

    text = shown(write(tmp_path / "[red]" / "1", written))

    assert "[red], version 1" in text
    assert "[bold]xxx" in text


def test_a_hundred_outputs_are_shown(tmp_path: Path) -> None:
    outputs = {f"output_{number}": TensorSpec("float32", (None, 3)) for number in range(100)}

    text = shown(write(tmp_path / "1", graph({"serving_default": Signature(ROWS.inputs, outputs)})))

    assert text.count("float32[batch, 3]") == 100


def test_the_shipped_list_is_that_of_tensorflow() -> None:
    assert SHIPPED.read_text() == listing(), "python -m training.publish.operations writes it anew"
    assert needs(["AccumulateNV2", "MatMul"]).neither == ()


def test_a_keras_model_that_only_python_can_load_is_told_with_the_way_to_export_it(
    tmp_path: Path,
) -> None:
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2, name="last")])
    tf.saved_model.save(model, str(tmp_path / "score" / "1"))

    assert "none of its signatures can be asked" in found(tmp_path, "stops", exit_code=1)
    [what] = found(tmp_path, "limits", exit_code=1)
    assert "last/bias" in what
    assert "last/kernel" in what
    assert "model.export('NAME/1')" in " ".join(shown(tmp_path, exit_code=1).split())


def test_variables_that_share_a_name_and_one_that_starts_with_the_graph_have_values(
    tmp_path: Path,
) -> None:
    with tf.compat.v1.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32, [None], "x")
        weight = tf.compat.v1.get_variable("weight", initializer=2.0, use_resource=True)
        handle = tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[], shared_name="weight")
        same = tf.raw_ops.ReadVariableOp(resource=handle, dtype=tf.float32)
        session.run(tf.compat.v1.global_variables_initializer())
        outputs = {"y": x * weight * same}
        tf.compat.v1.saved_model.simple_save(session, str(tmp_path / "m" / "1"), {"x": x}, outputs)

    assert found(tmp_path, "limits") == []
