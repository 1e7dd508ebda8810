"""Writes what is known of a version as one page, for people: its sections, in their order."""

from pathlib import Path

from serving.card import ModelCard
from serving.contract import Tensors
from training.data.examples import Examples
from training.outputs.classification import CLASSIFICATION
from training.outputs.judgement import Judgement
from training.outputs.kind import Charts, OutputKind
from training.outputs.regression import REGRESSION
from training.recipe import Training
from training.report import classes, examples, prices
from training.report.architecture import architecture
from training.report.beside import beside
from training.report.comparisons import comparisons, making, summary
from training.report.curves import learning
from training.report.data import data_set
from training.report.page import Section, render
from training.report.slices import slices
from training.report.timing import milliseconds_by_batch

PAGE = "report.html"

# What is drawn of our own kinds of answer; another may bring its own.
CHARTS: dict[OutputKind, Charts] = {CLASSIFICATION: classes.charts, REGRESSION: prices.charts}


def write_report(training: Training, card: ModelCard, answers: Tensors, folder: Path) -> Path:
    """Write the page, and each of its figures as a PNG beside it; gives the page's path.

    `answers` are those to the test part, in the order of its examples. The page holds its figures,
    so it can be moved and read alone.
    """
    test = training.data.test
    sections = [
        summary(card),
        learning(training, card),
        _errors(training, card, answers),
        *filter(None, [slices(card), beside(card)]),
        comparisons(card),
        data_set(training, card),
        architecture(training.fit.network, card.numbers),
        making(card, milliseconds_by_batch(training.graph, test)),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    for section in sections:
        for figure in section.figures:
            (folder / f"{figure.name}.png").write_bytes(figure.png)
    page = folder / PAGE
    page.write_text(render(f"{card.name}, version {card.version}", sections), encoding="utf-8")
    return page


def _errors(training: Training, card: ModelCard, answers: Tensors) -> Section:
    kind, test = training.recipe.outputs, training.data.test
    shown = _worst(kind.judge(answers, test.targets), test)
    charts = kind.charts or CHARTS.get(kind)
    figures, tables = charts(card, answers, test) if charts else ([], [])
    return Section(
        "Where it errs", shown.paragraphs, [*figures, *shown.figures], [*tables, *shown.tables]
    )


def _worst(judgement: Judgement, test: Examples) -> Section:
    """Show the worst answers to the test part with their inputs."""
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
