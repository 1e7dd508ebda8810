"""Trains and publishes one model, whichever it is: the order of events, and nothing else."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras

from serving.card import ModelCard, Variant
from serving.models import MODELS
from training.checks.approval import approve
from training.fit.checkpoints import Checkpoints, checksum
from training.fit.devices import fit_on
from training.fit.fitting import fit_network
from training.publish.cards import Measurements, write_card
from training.publish.export import next_version, publish
from training.recipe import Data, Evaluation, Examples, Fit, Parts, Recipe, Training
from training.report.report import write_report
from training.report.tensorboard import watch
from training.serving_graph import Servable, frozen, in_float32


@dataclass(frozen=True)
class Plan:
    """What is wanted of a training beside its recipe.

    Several `devices` share the batches of each training; `callbacks` see its epochs.

    One network is trained for each of `seeds`; the best of them on the validation part becomes the
    version. With `resume`, trainings that `checkpoints` holds go on where they were, and finished
    ones are taken as they are. `command` is what a user types to have all this again. A folder of
    `reports`, if one is wanted, gets a report per version as `<name>/<version>/report.html`; one
    for `tensorboard` gets a run per training, written while it learns on a single device.
    """

    data: Path | None
    repository: Path
    checkpoints: Path
    seeds: Sequence[int] = (0,)
    resume: bool = False
    ablations: bool = False
    command: str | None = None
    callbacks: Sequence[keras.callbacks.Callback] = ()
    devices: Sequence[str] = ()
    reports: Path | None = None
    tensorboard: Path | None = None


def run(name: str, recipe: Recipe[Any], plan: Plan) -> ModelCard:
    """Train the model `name`, publish its next version in the repository, and give its card.

    Raises:
        TrainingError: the data cannot be had, or the model is not fit to be served.
    """
    data, parts = read(name, recipe, plan)
    trainings = [train(name, recipe, data, parts, plan, seed) for seed in plan.seeds]
    ablations = _ablate(name, recipe, data, parts, plan) if plan.ablations else []
    return publish_best(name, trainings, ablations, plan)


def read(name: str, recipe: Recipe[Any], plan: Plan) -> tuple[Data, Parts]:
    """Load the data of the model `name`, divide them, and look them over.

    Raises:
        TrainingError: the data cannot be had, or are not fit to be trained on.
    """
    data = recipe.load(plan.data)
    parts = divide(recipe, data)
    return replace(data, findings=approve(MODELS[name], data, parts)), parts


def divide(recipe: Recipe[Any], data: Data) -> Parts:
    """Split the development examples, unless they come split; the rest is that of the data."""
    parts = data.parts or recipe.split(data.development)
    return replace(parts, classes=data.classes, unlabelled=data.unlabelled)


def publish_best(
    name: str, trainings: Sequence[Training], ablations: Sequence[Variant], plan: Plan
) -> ModelCard:
    """Publish the training that does best on the validation part, with the figures of them all.

    Raises:
        TrainingError: the best is not fit to be served.
    """
    recipe = trainings[0].recipe
    best = min(trainings, key=lambda training: recipe.gate.rank(training.validation))
    recipe.gate.check(best.validation)

    # From here on nothing is chosen any more, so the test part may be seen.
    test = best.data.test
    answers = {
        training.seed: training.servable.answer_all(test.inputs, len(test))
        for training in trainings
    }
    tests = {seed: recipe.evaluate(each, test.targets) for seed, each in answers.items()}
    measured = Measurements(
        test=tests[best.seed],
        seeds=[_variant(f"seed {seed}", evaluation) for seed, evaluation in tests.items()],
        baselines=_baselines(recipe, best.parts, test),
        robustness=[
            _variant(change, evaluate(best, examples))
            for change, examples in recipe.disturb(test).items()
        ],
        ablations=list(ablations),
    )
    version = next_version(plan.repository / name)
    card = write_card(best, measured, name=name, version=version, command=plan.command)
    reference = Servable(best.servable.features, frozen(best.fit.network), best.servable.answer)
    publish(best.servable, reference, card, MODELS[name], plan.repository / name)
    if plan.reports is not None:
        write_report(best, card, answers[best.seed], plan.reports / name / str(version))
    return card


def train(
    name: str, recipe: Recipe[Any], data: Data, parts: Parts, plan: Plan, seed: int
) -> Training:
    """Fit one network, and calibrate it on the validation part."""
    checkpoints = checkpoints_of(plan.checkpoints / name, recipe, data, parts, seed)
    if not plan.resume:
        checkpoints.clear()

    def prepare() -> Fit:
        keras.utils.set_random_seed(seed)
        return recipe.prepare(recipe.hyper_parameters, parts, seed)

    if len(plan.devices) > 1:
        fit_on(plan.devices, prepare, checkpoints, seed=seed, callbacks=plan.callbacks)
    fit = prepare()
    callbacks = [*plan.callbacks]
    if plan.tensorboard is not None:
        run_name = f"seed-{seed}-{checkpoints.folder.name}"
        callbacks += watch(recipe, fit, parts.validation, plan.tensorboard / name / run_name)
    state = fit_network(fit, checkpoints, seed=seed, callbacks=callbacks)
    fit = replace(fit, network=in_float32(fit.network))
    servable = recipe.serve(fit)
    validation = _evaluate(recipe, servable, parts.validation)
    return Training(recipe, seed, data, parts, fit, servable, state, validation)


def checkpoints_of(
    folder: Path, recipe: Recipe[Any], data: Data, parts: Parts, seed: int
) -> Checkpoints:
    """Give the place of a training's state: another one if anything about it is another."""
    identity = {
        "hyper_parameters": asdict(recipe.hyper_parameters),
        "seed": seed,
        "data": data.sha256,
        "split": parts.method,
    }
    if parts.unlabelled:
        identity["unlabelled"] = checksum(parts.unlabelled)
    return Checkpoints(folder, identity)


def evaluate(training: Training, examples: Examples) -> Evaluation:
    """Measure what will be served: the whole graph, fed as its signature is."""
    return _evaluate(training.recipe, training.servable, examples)


def _evaluate(recipe: Recipe[Any], servable: Servable, examples: Examples) -> Evaluation:
    return recipe.evaluate(servable.answer_all(examples.inputs, len(examples)), examples.targets)


def _ablate(name: str, recipe: Recipe[Any], data: Data, parts: Parts, plan: Plan) -> list[Variant]:
    """Train the recipe less one ingredient each, and measure it on the validation part."""
    return [
        _variant(
            description,
            train(name, recipe.changed(changes), data, parts, plan, plan.seeds[0]).validation,
        )
        for description, changes in recipe.ablations.items()
    ]


def _baselines(recipe: Recipe[Any], parts: Parts, test: Examples) -> list[Variant]:
    return [
        _variant(name, recipe.evaluate(fitted(parts.train, test.inputs), test.targets))
        for name, fitted in recipe.baselines.items()
    ]


def _variant(name: str, evaluation: Evaluation) -> Variant:
    return Variant(name=name, metrics={each.name: each.value for each in evaluation.metrics})
