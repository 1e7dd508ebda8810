"""Tiny data sets in the layouts of the real ones, made by us, and tiny versions of the recipes."""

import csv
import io
import logging
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.python.eager.polymorphic_function import polymorphic_function

from serving.card import ModelCard
from serving.models.housing import NUMERIC_FEATURES
from training.models import RECIPES
from training.models.image.cifar10 import CLASSES
from training.outputs.acceptance import AcceptanceGate
from training.pipeline import TrainingOptions, publish_best, read, train
from training.recipe import Recipe, Training

TINY = {
    "sentiment": {
        "num_words": 50,
        "ngram_texts": 2,
        "embedding_units": 4,
        "lstm_units": 4,
        "batch_size": 16,
        "epochs": 2,
    },
    "image": {
        "first_filters": 4,
        "second_filters": 4,
        "third_filters": 4,
        "batch_size": 32,
        "epochs": 2,
    },
    "housing": {"units": 8, "neighbours": 8, "batch_size": 16, "epochs": 2},
}
WORDS = {"pos": ["warm", "lovely", "funny"], "neg": ["dull", "awful", "don't"]}

AddFile = Callable[[str, bytes], None]


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one file per data set, as `--data` takes it."""
    folder = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    write_archive(folder / "aclImdb_v1.tar.gz", lambda add: _add_reviews(add, random))
    write_archive(folder / "cifar10_images.tar.gz", lambda add: _add_pictures(add, random))
    _write_houses(folder / "california_housing.csv", random)
    return folder


@pytest.fixture(scope="session")
def archive() -> Callable[[Path, Callable[[AddFile], None]], None]:
    """Write a tar.gz file whose members a function adds."""
    return write_archive


def write_archive(path: Path, add_files: Callable[[AddFile], None]) -> None:
    with tarfile.open(path, "w:gz") as archive:

        def add(name: str, content: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))

        add_files(add)


def _add_reviews(add: AddFile, random: np.random.Generator) -> None:
    """Add 60 reviews of 20 films for training, 50 of 9 others for testing."""
    for part, num_reviews, first_film in (("train", 30, 1), ("test", 25, 100)):
        for label, words in WORDS.items():
            films = [first_film + number // 3 for number in range(num_reviews)]
            urls = [f"http://www.imdb.com/title/tt{film:07}/usercomments" for film in films]
            add(f"aclImdb/{part}/urls_{label}.txt", "\n".join(urls).encode())
            for number in range(num_reviews):
                text = " ".join(random.choice(words, size=random.integers(3, 30)))
                name = f"aclImdb/{part}/{label}/{number}_{9 if label == 'pos' else 2}.txt"
                add(name, f"It's {text}!<br /><br />The end.".encode())


def _add_pictures(add: AddFile, random: np.random.Generator) -> None:
    """Add 20 pictures a class for training and five for testing, each class in its own grey."""
    for part, num_pictures in (("train", 20), ("test", 5)):
        for index, label in enumerate(CLASSES):
            for number in range(num_pictures):
                pixels = random.normal(25 * index + 10, 5, (32, 32, 3)).clip(0, 255)
                file = io.BytesIO()
                Image.fromarray(pixels.astype(np.uint8)).save(file, "JPEG")
                add(f"cifar10/{part}/{label}/{number:04}.jpg", file.getvalue())


def _write_houses(path: Path, random: np.random.Generator) -> None:
    """Write 200 block groups whose price follows the income; some bedrooms are not known."""
    kinds = ["<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*NUMERIC_FEATURES, "median_house_value", "ocean_proximity"])
        for number in range(200):
            income = random.uniform(1, 10)
            place = [random.uniform(-124, -114), random.uniform(33, 42)]
            bedrooms = "" if number % 20 == 0 else 400
            counts = [30, 2000 + number, bedrooms, 1000, 380]
            writer.writerow([*place, *counts, income, 40_000 * income, random.choice(kinds)])


@pytest.fixture(scope="session")
def tiny_recipes() -> dict[str, Recipe[Any]]:
    """Each of our recipes, small enough to train in seconds, and with a gate that lets all pass."""
    return {
        name: replace(
            RECIPES[name],
            hyper_parameters=replace(RECIPES[name].hyper_parameters, **changes),
            gate=_open(RECIPES[name].gate),
        )
        for name, changes in TINY.items()
    }


@pytest.fixture
def tiny_commands(tiny_recipes: dict[str, Recipe[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands run the tiny recipes by the names of the real ones."""
    for name, recipe in tiny_recipes.items():
        monkeypatch.setitem(RECIPES, name, recipe)


def _open(gate: AcceptanceGate) -> AcceptanceGate:
    """Let any model through, and still know which side of the metric is the better one."""
    return replace(gate, minimum=-np.inf, maximum=min(gate.maximum * 1e6, np.inf))


@dataclass(frozen=True)
class Trained:
    """A model that went through the whole pipeline, and all that it left."""

    training: Training
    card: ModelCard
    options: TrainingOptions
    after_one_epoch: Path  # the checkpoints as a kill would have left them then
    warnings: list[str]  # of TensorFlow

    @property
    def folder(self) -> Path:
        """Where the version is."""
        return self.options.repository / self.card.name / "1"


class KeepState(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Copies what lies in the folder of checkpoints when the second epoch begins."""

    def __init__(self, checkpoints: Path, copy: Path) -> None:
        super().__init__()
        self._checkpoints, self._copy = checkpoints, copy

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
        if epoch == 1:
            shutil.copytree(self._checkpoints, self._copy, symlinks=True)


@pytest.fixture(scope="session", params=list(TINY))
def trained(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    tiny_recipes: dict[str, Recipe[Any]],
    data_folder: Path,
) -> Trained:
    """Each tiny recipe in turn, trained once for all tests that only look at what came of it."""
    name, folder = request.param, tmp_path_factory.mktemp(request.param)
    options = TrainingOptions(
        data_folder,
        folder / "models",
        folder / "checkpoints",
        command=f"tfgate train {name}",
        reports=folder / "reports",
        tensorboard=folder / "runs",
    )
    recipe = tiny_recipes[name]
    if name == "housing":  # whose trees take longer than its network
        recipe = replace(recipe, baselines={})
    copy = folder / "after-one-epoch"
    watched = replace(options, callbacks=[KeepState(options.checkpoints, copy)])
    with tensorflow_warnings() as warnings:
        training = train(name, recipe, *read(name, recipe, options), watched, seed=0)
        card = publish_best(name, [training], [], options)
    return Trained(training, card, options, copy, warnings)


@contextmanager
def tensorflow_warnings() -> Iterator[list[str]]:
    """Collect what TensorFlow warns of; it counts tracings from here on, not those of other tests.

    It warns when five of the last ten calls of functions of one code were traced, at most twice.
    """
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    manager = polymorphic_function._FrequentTracingDetectorManager()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(polymorphic_function, "_frequent_tracing_detector_manager", manager)
        tf.get_logger().addHandler(handler)
        try:
            yield said
        finally:
            tf.get_logger().removeHandler(handler)
