"""How the sentiment model is trained: an LSTM in both directions, beside weighted n-grams.

The n-grams are fitted first. What they say of reviews that nobody has labelled, the LSTM learns
together with the labels; in the end the two are weighed against each other on the validation part.
"""

from dataclasses import dataclass, field, fields

import numpy as np
import tensorflow as tf
from sklearn.model_selection import GroupShuffleSplit

from serving.card import InputStatistics
from training.data.examples import Examples, Splits
from training.data.statistics import summarize
from training.fit.fitting import whole_batches
from training.models.sentiment import imdb
from training.models.sentiment.answer import BRANCHES, SentimentAnswer, beside_features
from training.models.sentiment.attributions import Attributions
from training.models.sentiment.baseline import ngrams_alone
from training.models.sentiment.batches import batches_by_length, validation_batches
from training.models.sentiment.blend import weigh
from training.models.sentiment.crops import crop
from training.models.sentiment.explanations import Explanations
from training.models.sentiment.faithfulness import quality
from training.models.sentiment.fused import FusedNetwork
from training.models.sentiment.network import (
    EMBEDDING,
    HyperParameters,
    build_network,
    compile_network,
)
from training.models.sentiment.perturbations import perturb
from training.models.sentiment.probes import probes
from training.models.sentiment.pseudo_labels import Counting, teach
from training.models.sentiment.slices import slices
from training.models.sentiment.strangers import strangers
from training.models.sentiment.words import NUM_WORDS
from training.outputs.acceptance import AcceptanceGate
from training.outputs.classification import CLASSIFICATION
from training.outputs.conformal import PValues
from training.recipe import Choice, Fit, Range, Recipe
from training.serving_graph import ServingGraph, frozen, in_batches

WEIGHED_CROPS = 2  # of each review that the branches are weighed on


def split(development: Examples) -> Splits:
    """Hold out a tenth by film, since reviews of one film share its names and plot."""
    splitter = GroupShuffleSplit(n_splits=1, test_size=0.1, random_state=0)
    rows = np.arange(len(development))
    train, validation = next(splitter.split(rows, groups=development.groups))
    return Splits(
        development.take(train),
        development.take(validation),
        "the data set's own test part; the rest by film: scikit-learn's "
        "GroupShuffleSplit(test_size=0.1, random_state=0)",
    )


def describe(train: Examples) -> dict[str, InputStatistics]:
    """Sum up the lengths of the texts."""
    texts = [text.decode() for text in train.inputs["text"]]
    return {
        "text.characters": summarize(np.array([float(len(text)) for text in texts])),
        "text.words": summarize(np.array([float(len(text.split())) for text in texts])),
    }


@dataclass(frozen=True)
class SentimentFit(Fit):
    """Beside what fitting needs, the reviews that the branches are weighed on."""

    held_out: Examples = field(kw_only=True)


def prepare(hyper_parameters: HyperParameters, splits: Splits, seed: int) -> SentimentFit:
    """Count the words, fit the n-grams, let them label what has no label; compile the network."""
    counting = {field.name: getattr(hyper_parameters, field.name) for field in fields(Counting)}
    taught = teach(Counting(**counting), splits)
    network = build_network(hyper_parameters, len(taught.vectors))
    # Labels alone would teach the network its training texts by their rare words.
    network.get_layer(EMBEDDING).set_weights([taught.vectors * hyper_parameters.embedding_scale])
    batch_size = hyper_parameters.batch_size
    steps_per_epoch = whole_batches(len(taught.targets), batch_size)
    compile_network(network, hyper_parameters, hyper_parameters.epochs * steps_per_epoch)
    return SentimentFit(
        features=taught.features,
        network=network,
        batches=batches_by_length(taught.tokens, taught.targets, batch_size, seed),
        steps_per_epoch=steps_per_epoch,
        validation=validation_batches(taught.features, splits.validation, batch_size),
        epochs=hyper_parameters.epochs,
        classes=splits.classes,
        words=taught.words,
        held_out=splits.validation,
    )


def serve(fit: SentimentFit) -> ServingGraph:
    """Weigh the branches against each other, and put the fast form of the network in its place.

    They are weighed on whole reviews and crops. Sets of classes are calibrated on whole ones.
    """
    fused = FusedNetwork(fit.network)
    network = beside_features(fused)
    see = tf.function(
        lambda inputs: network(fit.features(inputs)),
        input_signature=[{"text": tf.TensorSpec([None], tf.string)}],
    )
    whole, targets = fit.held_out.inputs["text"], fit.held_out.targets
    texts = np.concatenate([whole, *(crop(whole, seed) for seed in range(WEIGHED_CROPS))])
    seen = in_batches(see, {"text": texts}, len(texts))
    blend = weigh(seen[BRANCHES], seen[NUM_WORDS], np.tile(targets, 1 + WEIGHED_CROPS))
    logits = blend(seen[BRANCHES], seen[NUM_WORDS])[: len(whole)]
    of_truth = tf.sigmoid(tf.where(targets == 1, logits, -logits)).numpy()
    answer = SentimentAnswer(fit.classes, blend, PValues(of_truth))
    attributions = Attributions(fused, fit.features.max_tokens)
    return ServingGraph(
        fit.features,
        network,
        answer,
        explain=Explanations(fit.features, network, answer, attributions),
        as_trained=beside_features(frozen(fit.network)),
    )


RECIPE = Recipe(
    task="classification of a text",
    hyper_parameters=HyperParameters(),
    load=imdb.load,
    split=split,
    describe=describe,
    prepare=prepare,
    serve=serve,
    outputs=CLASSIFICATION,
    gate=AcceptanceGate("accuracy", minimum=0.90),
    strangers=strangers,
    familiarity="share of the pairs of neighbouring words that are in several training texts",
    explanation_quality=lambda _fit, graph, test: quality(graph, test),
    baselines={"naive Bayes weighted n-grams, 1 to 3 words": ngrams_alone},
    perturb=perturb,
    probes=probes,
    slices=lambda _fit, test: slices(test),
    ablations={
        "in one epoch": {"epochs": 1},
        "less dropout": {"word_dropout": 0.0, "embedding_dropout": 0.0, "dropout": 0.0},
        "less averaging of weights": {"averaging": 0.0},
    },
    search_space={
        "lstm_units": Choice((32, 48, 64)),
        "word_dropout": Range(0.0, 0.4),
        "embedding_dropout": Range(0.0, 0.6),
        "dropout": Range(0.0, 0.7),
        "learning_rate": Range(3e-4, 1e-2, logarithmic=True),
    },
)
