"""Trains and publishes one model, whichever it is: the order of events, and nothing else."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras

from serving.card import Familiarity, Histogram, ModelCard, Slice, Variant
from serving.contract import Model, Tensors
from serving.histograms import learn
from serving.quantities import generic
from serving.typed_models import load_models
from training.checks.approval import approve
from training.checks.folders import check_writable
from training.data.examples import Data, Examples, Splits
from training.data.files import check_folder
from training.fit.checkpoints import Checkpoints, checksum
from training.fit.devices import fit_on
from training.fit.fitting import fit_network
from training.outputs.evaluation import Evaluation
from training.outputs.familiarity import measure_familiarity
from training.outputs.slices import by_familiarity, measure_slices
from training.publish.cards import Measurements, write_card
from training.publish.export import next_version, publish
from training.recipe import Fit, Recipe, Training
from training.report.report import write_report
from training.report.tensorboard import watch
from training.serving_graph import ServingGraph, in_float32


@dataclass(frozen=True)
class TrainingOptions:
    """What is wanted of a training beside its recipe.

    Several `devices` share the batches of each training; `callbacks` see its epochs.

    One network is trained for each of `seeds`; the best of them on the validation part becomes the
    version. With `resume`, trainings that `checkpoints` holds go on where they were, and finished
    ones are taken as they are. `command` is what a user types to have all this again. A folder of
    `reports`, if one is wanted, gets a report per version as `<name>/<version>/report.html`; one
    for `tensorboard` gets a run per training, written while it learns on a single device.
    `models_path` is a folder of a user's own typed models and recipes.
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
    models_path: Path | None = None


def run(name: str, recipe: Recipe[Any], options: TrainingOptions) -> tuple[ModelCard, Examples]:
    """Train the model `name`, and publish its next version in the repository.

    Gives its card, and the validation part on which all choices were made.

    Raises:
        TrainingError: the data cannot be had, or the model is not fit to be served.
    """
    for folder in (options.repository, options.checkpoints, options.reports, options.tensorboard):
        if folder is not None:
            check_writable(folder)
    data, splits = read(name, recipe, options)
    trainings = [train(name, recipe, data, splits, options, seed) for seed in options.seeds]
    ablations = _ablate(name, recipe, data, splits, options) if options.ablations else []
    return publish_best(name, trainings, ablations, options), splits.validation


def read(name: str, recipe: Recipe[Any], options: TrainingOptions) -> tuple[Data, Splits]:
    """Load the data of the model `name`, divide them, and look them over.

    Raises:
        TrainingError: the data cannot be had, or are not fit to be trained on.
    """
    if options.data is not None:
        check_folder(options.data)
    data = recipe.load(options.data)
    splits = divide(recipe, data)
    findings = approve(load_models(options.models_path)[name], recipe.outputs, data, splits)
    return replace(data, findings=findings), splits


def divide(recipe: Recipe[Any], data: Data) -> Splits:
    """Split the development examples, unless they come split; the rest is that of the data."""
    splits = data.splits or recipe.split(data.development)
    return replace(splits, classes=data.classes, unlabelled=data.unlabelled)


def publish_best(
    name: str, trainings: Sequence[Training], ablations: Sequence[Variant], options: TrainingOptions
) -> ModelCard:
    """Publish the training that does best on the validation part, with the figures of them all.

    Raises:
        TrainingError: the best is not fit to be served.
    """
    recipe = trainings[0].recipe
    best = min(trainings, key=lambda training: recipe.gate.rank(training.validation))
    recipe.gate.check(best.validation)

    model = load_models(options.models_path)[name]
    # From here on nothing is chosen any more, so the test part may be seen.
    test = best.data.test
    answers = {
        training.seed: training.graph.answer_all(test.inputs, len(test)) for training in trainings
    }
    tests = {seed: recipe.outputs.evaluate(each, test.targets) for seed, each in answers.items()}
    measured = Measurements(
        test=tests[best.seed],
        seeds=[_variant(f"seed {seed}", evaluation) for seed, evaluation in tests.items()],
        baselines=_baselines(recipe, best.splits, test),
        robustness=[
            _variant(change, evaluate(best, examples))
            for change, examples in recipe.perturb(test).items()
        ],
        probes=[_variant(kind, evaluate(best, each)) for kind, each in recipe.probes().items()],
        slices=_slices(best, answers[best.seed]),
        ablations=list(ablations),
        familiarity=_familiarity(best, answers[best.seed]),
        histograms=_histograms(model, best),
        explanation=recipe.explanation_quality
        and recipe.explanation_quality(best.fit, best.graph, test),
    )
    version = next_version(options.repository / name)
    card = write_card(best, measured, name=name, version=version, command=options.command)
    publish(best.graph, best.graph.reference(), card, model, options.repository / name)
    if options.reports is not None:
        write_report(best, card, answers[best.seed], options.reports / name / str(version))
    return card


def train(
    name: str, recipe: Recipe[Any], data: Data, splits: Splits, options: TrainingOptions, seed: int
) -> Training:
    """Fit one network, and calibrate it on the validation part."""
    checkpoints = checkpoints_of(options.checkpoints / name, recipe, data, splits, seed)
    if not options.resume:
        checkpoints.clear()

    def prepare() -> Fit:
        keras.utils.set_random_seed(seed)
        return recipe.prepare(recipe.hyper_parameters, splits, seed)

    if len(options.devices) > 1:
        fit_on(options.devices, prepare, checkpoints, seed=seed, callbacks=options.callbacks)
    fit = prepare()
    callbacks = [*options.callbacks]
    if options.tensorboard is not None:
        run_name = f"seed-{seed}-{checkpoints.folder.name}"
        callbacks += watch(recipe, fit, splits.validation, options.tensorboard / name / run_name)
    state = fit_network(fit, checkpoints, seed=seed, callbacks=callbacks)
    fit = replace(fit, network=in_float32(fit.network))
    graph = recipe.serve(fit)
    validation = _evaluate(recipe, graph, splits.validation)
    return Training(recipe, seed, data, splits, fit, graph, state, validation)


def checkpoints_of(
    folder: Path, recipe: Recipe[Any], data: Data, splits: Splits, seed: int
) -> Checkpoints:
    """Give the place of a training's state: another one if anything about it is another."""
    identity = {
        "hyper_parameters": asdict(recipe.hyper_parameters),
        "seed": seed,
        "data": data.sha256,
        "split": splits.method,
    }
    if splits.unlabelled:
        identity["unlabelled"] = checksum(splits.unlabelled)
    return Checkpoints(folder, identity)


def evaluate(training: Training, examples: Examples) -> Evaluation:
    """Measure what will be served: the whole graph, fed as its signature is."""
    return _evaluate(training.recipe, training.graph, examples)


def _evaluate(recipe: Recipe[Any], graph: ServingGraph, examples: Examples) -> Evaluation:
    answers = graph.answer_all(examples.inputs, len(examples))
    return recipe.outputs.evaluate(answers, examples.targets)


def _ablate(
    name: str, recipe: Recipe[Any], data: Data, splits: Splits, options: TrainingOptions
) -> list[Variant]:
    """Train the recipe less one ingredient each, and measure it on the validation part."""
    return [
        _variant(
            description,
            train(
                name, recipe.changed(changes), data, splits, options, options.seeds[0]
            ).validation,
        )
        for description, changes in recipe.ablations.items()
    ]


def _slices(training: Training, answers: Tensors) -> list[Slice]:
    """Measure parts of the test part, whose answers these are."""
    recipe, test = training.recipe, training.data.test
    parts = {**recipe.slices(training.fit, test), **by_familiarity(answers)}
    return measure_slices(recipe.outputs, answers, test.targets, parts)


def _familiarity(training: Training, answers: Tensors) -> Familiarity | None:
    """Measure on the test part, whose answers these are, and on inputs that are unlike it."""
    recipe, test = training.recipe, training.data.test
    strangers = {
        name: training.graph.answer_all(inputs, len(next(iter(inputs.values()))))
        for name, inputs in recipe.strangers(test).items()
    }
    return measure_familiarity(recipe.familiarity, answers, strangers)


def _histograms(model: Model[Any, Any], training: Training) -> list[Histogram]:
    """Count the model's quantities on the validation part, or whatever is in its tensors.

    Of what it has learned from, a model says other things than of what it meets later.
    """
    measure = model.measure or generic
    held_out = training.splits.validation
    answers = training.graph.answer_all(held_out.inputs, len(held_out))
    return [learn(*each) for each in measure(held_out.inputs, answers).items()]


def _baselines(recipe: Recipe[Any], splits: Splits, test: Examples) -> list[Variant]:
    return [
        _variant(name, recipe.outputs.evaluate(fitted(splits.train, test.inputs), test.targets))
        for name, fitted in recipe.baselines.items()
    ]


def _variant(name: str, evaluation: Evaluation) -> Variant:
    return Variant(name=name, metrics=evaluation.figures)
