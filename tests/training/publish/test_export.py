"""What is published is whole and as declared; everything else leaves no trace."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import pytest
import tensorflow as tf

from serving.card import DataSet, ModelCard, Split
from serving.models import MODELS
from training.errors import ExportRefused
from training.outputs.classification import ClassScores
from training.publish.export import next_version, publish
from training.serving_graph import ServingGraph, frozen

CLASSES = ("negative", "positive")
SENTIMENT = MODELS["sentiment"]


def length(inputs: Any) -> Any:
    return tf.cast(tf.strings.length(inputs["text"]), tf.float32)[:, None]


def graph(classes: tuple[str, ...] = CLASSES, temperature: float = 1.0) -> ServingGraph:
    """Make a model that judges a text by its length."""
    kernel = keras.initializers.Constant(0.01)
    layer = keras.layers.Dense(len(classes), kernel_initializer=kernel, bias_initializer="ones")
    network = keras.Sequential([keras.Input((1,)), layer])
    network.layers[0].bias.assign(range(len(classes)))
    return ServingGraph(length, frozen(network), ClassScores(classes, temperature))


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
