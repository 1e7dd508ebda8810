"""Writes what is known of a version as one page, for people: its sections, in their order."""

from pathlib import Path

import numpy as np

from serving.card import ModelCard
from serving.contract import Tensors
from training.outputs.judgement import judge
from training.recipe import Examples, Training
from training.report import classes, examples, prices, regions
from training.report.architecture import architecture
from training.report.comparisons import comparisons, making, summary
from training.report.curves import learning
from training.report.data import data_set
from training.report.page import Section, render
from training.report.timing import milliseconds_by_batch

PAGE = "report.html"


def write_report(training: Training, card: ModelCard, answers: Tensors, folder: Path) -> Path:
    """Write the page, and each of its figures as a PNG beside it; gives the page's path.

    `answers` are those to the test part, in the order of its examples. The page holds its figures,
    so it can be moved and read alone.
    """
    test = training.data.test
    sections = [
        summary(card),
        learning(training, card),
        _errors(card, answers, test),
        comparisons(card),
        data_set(training, card),
        architecture(training.fit.network),
        making(card, milliseconds_by_batch(training.servable, test)),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    for section in sections:
        for figure in section.figures:
            (folder / f"{figure.name}.png").write_bytes(figure.png)
    page = folder / PAGE
    page.write_text(render(f"{card.name}, version {card.version}", sections), encoding="utf-8")
    return page


def _errors(card: ModelCard, answers: Tensors, test: Examples) -> Section:
    shown = _worst(answers, test)
    if card.confusion_matrix is not None:
        figures = [classes.confusion(card), classes.reliability(card)]
        return Section("Where it errs", shown.paragraphs, [*figures, *shown.figures], shown.tables)
    unit = prices.unit(card)
    residuals = answers["price"].astype(np.float64) - test.targets
    figures = [
        prices.predicted_against_actual(card, answers, test),
        prices.residuals(card, answers, test),
        prices.coverage(card, answers, test),
    ]
    if regions.has_places(test.inputs):
        figures.append(regions.error_map(test, residuals, unit))
    by_category = regions.errors_by_category(test, residuals, unit)
    return Section("Where it errs", shown.paragraphs, figures, [*by_category, *shown.tables])


def _worst(answers: Tensors, test: Examples) -> Section:
    """Show the worst answers to the test part with their inputs."""
    judgement = judge(answers, test.targets)
    rows = judgement.worst(examples.NUM_SHOWN)
    name, title = "worst-answers", "Worst answers of the test part"
    if not len(rows):
        return Section(title, ["Every answer to the test part is right."])
    some, judged = test.take(rows), judgement.take(rows)
    pictures = examples.pictures_of(some.inputs)
    if pictures is None:
        return Section(title, tables=[examples.table(some, judged, title=title)])
    shown = examples.show_pictures(pictures, judged, name=name, title=title)
    return Section(title, figures=[shown])
