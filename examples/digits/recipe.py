"""How digits are learned: a small convolutional network, on digits that are bent anew each time."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from serving.card import InputStatistics
from serving.contract import Tensors
from serving.pictures.handwriting import SIDE, centred
from training.data import mnist
from training.data.examples import Data, Examples, Splits
from training.data.files import DataFile, locate, sha256
from training.data.statistics import summarize
from training.outputs.acceptance import AcceptanceGate
from training.outputs.classification import CLASSIFICATION
from training.pictures.classifier import FAMILIARITY_METHOD, nearest, serve
from training.pictures.faithfulness import quality
from training.pictures.learning import learn
from training.recipe import Fit, Range, Recipe

from . import CLASSES, METHOD
from .network import HyperParameters, build_network

FILE = DataFile(
    url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    checksum="sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    names=("mnist.npz", "mnist.tar.gz"),
    own="digits of yours under one of these names: in an archive, as the four files of MNIST",
)


def load(folder: Path | None) -> Data:
    """Read MNIST; raise DataNotFound or DataCorrupt where that cannot be done."""
    path = locate(FILE, folder)
    source = "http://yann.lecun.com/exdb/mnist/"
    return Data("MNIST", source, sha256(path), *mnist.read(path, len(CLASSES)), CLASSES)


def split(development: Examples) -> Splits:
    """Hold out the last twelfth: of MNIST, the usual 5,000."""
    rows = np.arange(len(development))
    train, validation = np.split(rows, [len(rows) * 11 // 12])
    method = "the data set's own test part; the last twelfth of the rest"
    return Splits(development.take(train), development.take(validation), method)


def describe(train: Examples) -> dict[str, InputStatistics]:
    """Sum up the ink, 0 to 255."""
    return {"pixels": summarize(train.inputs["pixels"])}


def prepare(hyper_parameters: HyperParameters, splits: Splits, seed: int) -> Fit:
    """Build the network, and put it to the training part."""
    return learn(build_network(hyper_parameters), hyper_parameters, splits, seed)


def perturb(test: Examples) -> dict[str, Examples]:
    """Give digits as pictures of them come, and with thinner strokes."""
    pixels = test.inputs["pixels"]
    large = np.pad(255 - pixels.repeat(4, 1).repeat(4, 2), ((0, 0), (0, 90), (40, 0)), "edge")
    sent = np.stack([centred(np.repeat(each[..., None], 3, axis=-1)) for each in large])
    thin = np.minimum(pixels, np.roll(pixels, 1, axis=(1, 2)))
    changed = {"large, dark on light, in a corner": sent, "with thinner strokes": thin}
    return {name: Examples({"pixels": each}, test.targets) for name, each in changed.items()}


def no_digits(_test: Examples) -> Mapping[str, Tensors]:
    """Give printed letters that look like no digit, as they are centred, and noise."""
    line, font = Image.new("RGB", (40 * len(LETTERS), 50)), ImageFont.load_default(36)
    for place, letter in enumerate(LETTERS):
        ImageDraw.Draw(line).text((40 * place + 4, 2), letter, "white", font)
    sheets = np.split(np.asarray(line), len(LETTERS), axis=1)
    noise = np.random.default_rng(0).integers(0, 256, (300, SIDE, SIDE), np.uint8)
    written = np.stack([centred(sheet) for sheet in sheets])
    return {"printed letters": {"pixels": written}, "noise": {"pixels": noise}}


LETTERS = "ACEFHKMNPRUVWXabdefhkmnpruvwx"
BLANK, BRIEF = np.zeros((), np.uint8), {"epochs": 2}
STILL = {"degrees": 0.0, "zoom": 0.0, "shift_pixels": 0.0, "wave_pixels": 0.0}
RECIPE = Recipe(
    task="classification of a handwritten digit",
    hyper_parameters=HyperParameters(),
    load=load,
    split=split,
    describe=describe,
    prepare=prepare,
    serve=serve,
    outputs=CLASSIFICATION,
    gate=AcceptanceGate("accuracy", minimum=0.99),
    baselines={"three nearest neighbours": nearest},
    perturb=perturb,
    strangers=no_digits,
    familiarity=FAMILIARITY_METHOD,
    explanation_quality=lambda _fit, graph, test: quality(graph, test, METHOD, BLANK),
    ablations={
        "in 2 epochs": BRIEF,
        "in 2 epochs, less batch normalisation": {**BRIEF, "normalize": False},
        "in 2 epochs, less dropout": {**BRIEF, "dropout": 0.0},
        "in 2 epochs, less L2": {**BRIEF, "l2": 0.0},
        "in 2 epochs, less bending": {**BRIEF, **STILL},
    },
    search_space={
        "dropout": Range(0.0, 0.5),
        "l1": Range(1e-7, 1e-4, logarithmic=True),
        "l2": Range(1e-5, 1e-2, logarithmic=True),
        "wave_pixels": Range(0.0, 1.5),
        "learning_rate": Range(0.01, 0.5, logarithmic=True),
    },
)
