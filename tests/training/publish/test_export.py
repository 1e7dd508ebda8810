"""What is published is whole and as declared; everything else leaves no trace."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

from serving.card import DataSet, ModelCard, Split
from serving.contract import Explanation, TensorSpec
from serving.models import MODELS
from training.errors import ExportRefused
from training.outputs.classification import ClassScores
from training.publish.export import next_version, publish
from training.publish.warmup import FILE_NAME
from training.serving_graph import ServingGraph, frozen

CLASSES = ("negative", "positive")
SENTIMENT = replace(MODELS["sentiment"], explanation=None)


def length(inputs: Any) -> Any:
    return tf.cast(tf.strings.length(inputs["text"]), tf.float32)[:, None]


def graph(
    classes: tuple[str, ...] = CLASSES,
    temperature: float = 1.0,
    explain: Callable[[ServingGraph, Any], dict[str, Any]] | None = None,
) -> ServingGraph:
    """Make a model that judges a text by its length."""
    kernel = keras.initializers.Constant(0.01)
    layer = keras.layers.Dense(len(classes), kernel_initializer=kernel, bias_initializer="ones")
    network = keras.Sequential([keras.Input((1,)), layer])
    network.layers[0].bias.assign(range(len(classes)))
    made = ServingGraph(length, frozen(network), ClassScores(classes, temperature))
    made.explain = explain and partial(explain, made)
    return made


def card(version: int) -> ModelCard:
    return ModelCard(
        name="sentiment",
        version=version,
        task="",
        data_set=DataSet(
            name="",
            source="",
            sha256="",
            split=Split(train=0, validation=0, test=0),
            split_method="",
        ),
        metrics=[],
        hyper_parameters={},
        learning_curves=[],
        input_statistics={},
        parameters=4,
        seed=0,
        libraries={},
        trained_at=datetime.now(UTC),
        training_seconds=0,
    )


def test_versions_count_up_and_other_names_do_not_matter(tmp_path: Path) -> None:
    assert next_version(tmp_path / "none") == 1
    for name in ("2", "10", "tmp-99", "readme", "11x"):
        (tmp_path / name).mkdir()
    assert next_version(tmp_path) == 11


def test_a_published_version_is_alone_in_the_folder_and_readable_by_all(tmp_path: Path) -> None:
    folder = publish(graph(), graph(), card(1), SENTIMENT, tmp_path)
    assert list(tmp_path.iterdir()) == [folder] == [tmp_path / "1"]
    assert folder.stat().st_mode & 0o555 == 0o555


def test_an_export_that_answers_otherwise_than_the_network_leaves_no_trace(tmp_path: Path) -> None:
    with pytest.raises(ExportRefused, match="another scores than the trained network"):
        publish(graph(temperature=2.0), graph(), card(1), SENTIMENT, tmp_path)
    assert not list(tmp_path.iterdir())


def by_length(graph: ServingGraph, inputs: Any) -> dict[str, Any]:
    """Explain an answer by the length of the text."""
    return {**graph(inputs), "length": length(inputs)[:, 0]}


EXPLAINED = replace(
    SENTIMENT,
    explanation=Explanation({"length": TensorSpec("float32")}, dict, lambda *_: []),
)


def test_a_version_explains_its_answers_and_is_warm_for_that_too(tmp_path: Path) -> None:
    folder = publish(graph(explain=by_length), graph(), card(1), EXPLAINED, tmp_path)
    explain = tf.saved_model.load(str(folder)).signatures["explain"]
    outputs = explain(text=tf.constant([b"four", b""]))
    assert outputs["length"].numpy().tolist() == [4, 0]
    assert outputs["scores"].shape == (2, 2)
    assert b"explain" in (folder / FILE_NAME).read_bytes()


def test_explanations_that_are_not_as_declared_leave_no_trace(tmp_path: Path) -> None:
    with pytest.raises(ExportRefused, match="set explanation"):
        publish(graph(explain=by_length), graph(), card(1), SENTIMENT, tmp_path)
    nothing: Any = lambda graph, inputs: graph(inputs)  # noqa: E731  # as short as what it does
    with pytest.raises(ExportRefused, match=r"signature explain.*'length'"):
        publish(graph(explain=nothing), graph(), card(1), EXPLAINED, tmp_path)
    assert not list(tmp_path.iterdir())


def test_whoever_asks_why_is_answered_as_everybody_is(tmp_path: Path) -> None:
    def otherwise(graph: ServingGraph, inputs: Any) -> dict[str, Any]:
        outputs = by_length(graph, inputs)
        return {**outputs, "scores": outputs["scores"][:, ::-1]}

    with pytest.raises(ExportRefused, match="another scores than serving_default"):
        publish(graph(explain=otherwise), graph(), card(1), EXPLAINED, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_a_version_may_lack_is_not_missed(tmp_path: Path) -> None:
    signature = SENTIMENT.signature
    more = replace(
        signature,
        outputs={**signature.outputs, "likeness": TensorSpec("float32")},
        optional_outputs=signature.optional_outputs | {"likeness"},
    )
    declared = replace(SENTIMENT, signature=more)
    assert publish(graph(), graph(), card(1), declared, tmp_path).name == "1"


def test_a_signature_that_is_not_the_declared_one_leaves_no_trace(tmp_path: Path) -> None:
    three = graph(("negative", "neutral", "positive"))
    with pytest.raises(ExportRefused, match=r"string\[batch, 3\].*string\[batch, 2\]"):
        publish(three, three, card(1), SENTIMENT, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_version_that_appeared_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    theirs = tmp_path / "1" / "saved_model.pb"
    theirs.parent.mkdir()
    theirs.write_text("theirs")
    with pytest.raises(ExportRefused, match="train again"):
        publish(graph(), graph(), card(1), SENTIMENT, tmp_path)
    assert theirs.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [tmp_path / "1"]


def test_the_export_names_no_folder_of_the_machine_that_made_it(tmp_path: Path) -> None:
    folder = publish(graph(), graph(), card(1), SENTIMENT, tmp_path)
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert str(Path.cwd()).encode() not in content
            assert str(tmp_path).encode() not in content
