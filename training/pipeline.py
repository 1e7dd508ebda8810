"""Trains and publishes one model, whichever it is: the order of events, and nothing else."""

import time
from pathlib import Path
from typing import Any

import keras

from serving.card import ModelCard
from serving.models import MODELS
from training.cards import Training, write_card
from training.export import next_version, publish
from training.fitting import fit_network
from training.recipe import Evaluation, Examples, Recipe
from training.servable import Servable


def run(
    name: str, recipe: Recipe[Any], *, data_folder: Path | None, repository: Path, seed: int
) -> ModelCard:
    """Train the model `name`, publish its next version in the repository, and give its card.

    Raises:
        TrainingError: the data cannot be had, or the model is not fit to be served.
    """
    started = time.monotonic()
    keras.utils.set_random_seed(seed)
    data = recipe.load(data_folder)
    parts = recipe.split(data.development)
    fit = recipe.prepare(recipe.hyper_parameters, parts.train, parts.validation)
    curves = fit_network(fit)
    servable = recipe.serve(fit)
    recipe.gate.check(_evaluate(recipe, servable, parts.validation))
    training = Training(recipe, seed, data, parts, fit, curves, time.monotonic() - started)

    # From here on nothing is chosen any more, so the test part may be seen.
    evaluation = _evaluate(recipe, servable, data.test)
    card = write_card(training, evaluation, name, next_version(repository / name))
    reference = Servable(servable.features, fit.network, servable.answer)
    publish(servable, reference, card, MODELS[name], repository / name)
    return card


def _evaluate(recipe: Recipe[Any], servable: Servable, examples: Examples) -> Evaluation:
    """Measure what will be served: the whole graph, fed as its signature is."""
    return recipe.evaluate(servable.answer_all(examples.inputs, len(examples)), examples.targets)
