"""How the image model is trained: a convolutional network on flipped and shifted pictures."""

import numpy as np
import tensorflow as tf
from sklearn.model_selection import train_test_split

from serving.card import InputStatistics
from training.data.examples import Examples, Splits
from training.data.statistics import summarize
from training.fit.fitting import predict_validation, shuffled, whole_batches
from training.models.image import cifar10
from training.models.image.augmentation import Augmentation
from training.models.image.convolutions import whitening_kernel
from training.models.image.network import (
    STEM_SIDE,
    HyperParameters,
    Standardized,
    build_network,
    compile_network,
)
from training.models.image.perturbations import perturb
from training.outputs.acceptance import AcceptanceGate
from training.outputs.classification import CLASSIFICATION, ClassScores, fit_temperature
from training.recipe import Fit, Range, Recipe
from training.serving_graph import ServingGraph, frozen

CHANNELS = ("red", "green", "blue")

NUM_PATCHED = 5_000  # pictures that the stem is learned from


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
        seed=seed,
    )
    pixels = tf.constant(train.inputs["pixels"])  # [example, 32, 32, 3]
    targets, truth = (
        tf.one_hot(part.targets, len(splits.classes))  # [example, class]
        for part in (train, splits.validation)
    )

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        def batch(step: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            pictures = augment(tf.gather(pixels, rows), rows, epoch, step)
            return features({"pixels": pictures}), tf.gather(targets, rows)

        return shuffled(len(train), batch_size, seed=seed, epoch=epoch).enumerate().map(batch)

    held_out = features(splits.validation.inputs), truth
    return Fit(
        features=features,
        network=network,
        batches=batches,
        steps_per_epoch=steps_per_epoch,
        validation=tf.data.Dataset.from_tensor_slices(held_out).batch(500),
        epochs=hyper_parameters.epochs,
        classes=splits.classes,
    )


def serve(fit: Fit) -> ServingGraph:
    """Calibrate the scores on the validation part."""
    logits, targets = predict_validation(fit)
    answer = ClassScores(fit.classes, fit_temperature(logits, targets.argmax(axis=1)))
    return ServingGraph(fit.features, frozen(fit.network), answer)


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
        "label_smoothing": Range(0.0, 0.3),
        "learning_rate": Range(0.1, 3.0, logarithmic=True),
        "momentum": Range(0.7, 0.95),
        "weight_decay": Range(1e-3, 0.1, logarithmic=True),
    },
    perturb=perturb,
    ablations={
        "less flipping and shifting": {"flip": False, "shift_pixels": 0},
        "in 2 epochs": {"epochs": 2},
        "in 2 epochs, less batch normalisation": {"epochs": 2, "normalize": False},
        "in 2 epochs, less weight decay": {"epochs": 2, "weight_decay": 0.0},
    },
)
