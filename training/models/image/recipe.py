"""How the image model is trained: a convolutional network on flipped and shifted pictures."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from serving.card import InputStatistics
from serving.models.image import METHOD
from serving.pictures.decode import SIDE
from training.data.examples import Examples, Splits
from training.data.statistics import summarize
from training.fit.fitting import whole_batches
from training.models.image import cifar10
from training.models.image.augmentation import Augmentation
from training.models.image.likeness import Likeness
from training.models.image.network import (
    STEM_SIDE,
    HyperParameters,
    Standardized,
    build_network,
    compile_network,
    seeing,
)
from training.models.image.perturbations import perturb
from training.models.image.slices import slices
from training.models.image.strangers import strangers
from training.outputs.acceptance import AcceptanceGate
from training.outputs.classification import CLASSIFICATION
from training.outputs.conformal import PValues
from training.pictures.answer import PictureAnswer, calibrated
from training.pictures.batches import picture_batches
from training.pictures.convolutions import whitening_kernel
from training.pictures.explanations import LOGITS, Explanations
from training.pictures.faithfulness import quality
from training.recipe import Fit, Range, Recipe
from training.serving_graph import BATCH_SIZE, Network, ServingGraph, frozen

CHANNELS = ("red", "green", "blue")

NUM_PATCHED = 5_000  # pictures that the stem is learned from
NUM_LIKENED = 5_000  # pictures that others are likened to


def split(development: Examples) -> Splits:
    """Hold out a twentieth of each class."""
    rows = np.arange(len(development))
    train, validation = train_test_split(
        rows, test_size=0.05, random_state=0, stratify=development.targets
    )
    return Splits(
        development.take(train),
        development.take(validation),
        "the data set's own test part; a twentieth of each class of the rest: scikit-learn's "
        "train_test_split(test_size=0.05, random_state=0, stratify=targets)",
    )


def describe(train: Examples) -> dict[str, InputStatistics]:
    """Sum up each colour, 0 to 255."""
    pixels = train.inputs["pixels"]
    return {f"pixels.{name}": summarize(pixels[..., i]) for i, name in enumerate(CHANNELS)}


def prepare(hyper_parameters: HyperParameters, splits: Splits, seed: int) -> Fit:
    """Learn the mean of each colour and what is common in small patches; compile the network."""
    train, batch_size = splits.train, hyper_parameters.batch_size
    features = Standardized(describe(train).values())
    some = features({"pixels": train.inputs["pixels"][:NUM_PATCHED]}).numpy()  # [some, 32, 32, 3]
    stem = whitening_kernel(some, STEM_SIDE)
    network = build_network(hyper_parameters, stem, len(splits.classes), seed)
    steps_per_epoch = whole_batches(len(train), batch_size)
    compile_network(network, hyper_parameters, hyper_parameters.epochs * steps_per_epoch)
    augment = Augmentation(
        len(train),
        flip=hyper_parameters.flip,
        shift_pixels=hyper_parameters.shift_pixels,
        hidden_pixels=hyper_parameters.hidden_pixels,
        seed=seed,
    )
    pixels = tf.constant(train.inputs["pixels"])  # [example, 32, 32, 3]

    def look(rows: tf.Tensor, epoch: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        return augment(features({"pixels": tf.gather(pixels, rows)}), rows, epoch, step)

    batches, validation = picture_batches(look, features, splits, batch_size=batch_size, seed=seed)
    return Fit(
        features=features,
        network=network,
        batches=batches,
        steps_per_epoch=steps_per_epoch,
        validation=validation,
        epochs=hyper_parameters.epochs,
        classes=splits.classes,
    )


def serve(fit: Fit) -> ServingGraph:
    """Calibrate scores, sets of classes and familiarity on the validation part."""
    network = frozen(seeing(fit.network))
    held_out, targets = _see(network, fit.validation)
    logits, truth = held_out[LOGITS], targets.argmax(axis=1)
    scores, p_values = calibrated(fit.classes, logits, truth)
    first_epoch = fit.batches(tf.constant(0, tf.int64)).unbatch()
    learned, _ = _see(network, first_epoch.take(NUM_LIKENED).batch(BATCH_SIZE))
    likeness = Likeness(learned, held_out)
    familiarity = PValues(likeness(held_out).numpy())
    answer = PictureAnswer(scores, p_values, likeness, familiarity)
    explain = Explanations(fit.features, network, answer, (SIDE, SIDE, len(CHANNELS)))
    return ServingGraph(fit.features, network, answer, explain=explain)


def _see(
    network: Network, batches: tf.data.Dataset
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.float32]]:
    """Give what the network sees of pictures, by name, and their targets; a row each."""
    batch, _ = batches.element_spec
    see = tf.function(network).get_concrete_function(tf.TensorSpec([None, *batch.shape[1:]]))
    rows = [(see(pictures), targets.numpy()) for pictures, targets in batches]
    seen, truth = zip(*rows, strict=True)
    columns = {name: np.concatenate([each[name] for each in seen]) for name in seen[0]}
    return columns, np.concatenate(truth)


RECIPE = Recipe(
    task="classification of a picture",
    hyper_parameters=HyperParameters(),
    load=cifar10.load,
    split=split,
    describe=describe,
    prepare=prepare,
    serve=serve,
    outputs=CLASSIFICATION,
    gate=AcceptanceGate("accuracy", minimum=0.90),
    search_space={
        "shift_pixels": Range(0, 4),
        "hidden_pixels": Range(0, 16),
        "label_smoothing": Range(0.0, 0.3),
        "learning_rate": Range(0.1, 3.0, logarithmic=True),
        "momentum": Range(0.7, 0.95),
        "weight_decay": Range(1e-3, 0.1, logarithmic=True),
    },
    strangers=strangers,
    familiarity="Mahalanobis distance of the means of early maps, and the length of what the last "
    "layer decides by, each as a p-value of held-out pictures",
    explanation_quality=lambda _fit, graph, test: quality(
        graph, test, METHOD, np.rint(graph.features.mean).astype(np.uint8)
    ),
    perturb=perturb,
    slices=lambda _fit, test: slices(test),
    ablations={
        "less flipping, shifting and hiding": {
            "flip": False,
            "shift_pixels": 0,
            "hidden_pixels": 0,
        },
        "in 2 epochs": {"epochs": 2},
        "in 2 epochs, less batch normalisation": {"epochs": 2, "normalize": False},
        "in 2 epochs, less weight decay": {"epochs": 2, "weight_decay": 0.0},
    },
)
