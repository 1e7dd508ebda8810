"""What TensorBoard finds in the folder of a training, read as TensorBoard reads it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins import projector

from tests.tiny_recipes import Trained
from training.recipe import Training
from training.report.tensorboard import NUM_SAMPLES, mosaic


@dataclass(frozen=True)
class Watched:
    name: str
    training: Training
    folder: Path

    def events(self, run: str) -> EventAccumulator:
        accumulator = EventAccumulator(str(self.folder / run), {"tensors": 0})
        accumulator.Reload()
        return accumulator

    def values(self, run: str, tag: str) -> dict[int, Any]:
        return {
            each.step: tf.make_ndarray(each.tensor_proto) for each in self.events(run).Tensors(tag)
        }

    def tags(self, run: str) -> set[str]:
        return set(self.events(run).Tags()["tensors"])


@pytest.fixture(scope="module")
def watched(trained: Trained) -> Watched:
    name, folder = trained.card.name, trained.options.tensorboard
    assert folder is not None
    (run,) = (folder / name).iterdir()
    assert run.name.startswith("seed-0-")
    return Watched(name, trained.training, run)


def test_curves_and_learning_rate_have_a_point_per_epoch(watched: Watched) -> None:
    curves = watched.training.state.curves
    losses = watched.values("train", "epoch_loss"), watched.values("validation", "epoch_loss")
    for values, name in zip(losses, ("loss", "val_loss"), strict=True):
        np.testing.assert_allclose([values[step] for step in sorted(values)], curves[name], 1e-5)
    rates = watched.values("train", "epoch_learning_rate")
    assert len(rates) == len(curves["loss"])


def test_each_weight_has_a_histogram_and_the_graph_is_there(watched: Watched) -> None:
    network = watched.training.fit.network
    histograms = [tag for tag in watched.tags("train") if tag.endswith("/histogram")]
    assert len(histograms) == len(network.weights)
    graph = watched.values("train", "keras")[0].item().decode()
    assert all(f'"{layer.name}"' in graph for layer in network.layers)


def test_the_same_validation_examples_are_answered_in_every_epoch(watched: Watched) -> None:
    values = watched.values("answers", "answers/examples")
    assert sorted(values) == list(range(len(watched.training.state.curves["loss"])))
    validation = watched.training.splits.validation
    if watched.name == "image":
        _width, _height, png = values[0]
        assert tf.io.decode_png(png).shape[-1] == 3
        return
    head, _line, *rows = values[0].item().decode().split("\n")
    assert head.startswith("truth | answer")
    assert len(rows) == min(NUM_SAMPLES, len(validation))
    truths = [
        [row.split(" | ")[0] for row in each.item().decode().split("\n")]
        for each in values.values()
    ]
    assert truths[0] == truths[1]


def test_the_badness_of_answers_is_that_of_the_table(watched: Watched) -> None:
    badness = watched.values("answers", "answers/badness")
    assert len(badness) == len(watched.training.state.curves["loss"])
    if watched.name == "image":  # whose table is a picture
        return
    text = watched.values("answers", "answers/examples")[0].item().decode()
    rows = [row.split(" | ") for row in text.split("\n")[2:]]
    if watched.name == "sentiment":
        shown = [float(score) * (truth != answer) for truth, answer, score, *_ in rows]
    else:
        shown = [abs(float(off.replace(",", ""))) for _, _, off, *_ in rows]
    assert badness[0] == pytest.approx(np.mean(shown), rel=1e-2)


def test_a_convolutional_network_shows_filters_and_feature_maps(watched: Watched) -> None:
    if watched.name != "image":
        assert not (watched.folder / "convolutions").exists()
        return
    tags = watched.tags("convolutions")
    layers = [each.name for each in watched.training.fit.network.layers if "conv2d" in each.name]
    assert layers
    assert tags == {f"{what}/{name}" for what in ("filters", "feature_maps") for name in layers}


def test_the_projector_names_the_words(watched: Watched) -> None:
    if watched.name != "sentiment":
        assert not (watched.folder / "words").exists()
        return
    folder = watched.folder / "words"
    text = (folder / "projector_config.pbtxt").read_text()
    (entry,) = text_format.Parse(text, projector.ProjectorConfig()).embeddings
    vectors = np.loadtxt(folder / entry.tensor_path, delimiter="\t")
    names = (folder / entry.metadata_path).read_text().splitlines()
    embedding = watched.training.fit.network.get_layer(entry.tensor_name).embeddings.numpy()
    np.testing.assert_allclose(vectors, embedding, rtol=1e-3)
    assert len(names) == len(vectors)
    assert "lovely" in names
    assert names[:2] == ["(padding)", "(unknown)"]
    assert watched.tags("words")


def test_tiles_stand_beside_each_other_at_full_contrast() -> None:
    tiles = np.zeros((3, 2, 2, 1))
    tiles[:, 0, 0] = [[1], [2], [-3]]
    picture = mosaic(tiles)
    assert picture.shape == (8, 8, 1)
    assert picture[1, 1] == picture[1, 5] == 255
    assert picture[5, 1] == 0
    assert picture[5, 2] == 255
