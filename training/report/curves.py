"""How a network learned: its curves over the epochs, and what the gap between them means."""

from typing import Any

from serving.card import LearningCurve, ModelCard
from training.outputs.kind import OutputKind
from training.recipe import Training
from training.report.figure import BLUE, GREY, ORANGE, Figure, draw
from training.report.gap import RULE, Errors, advice, measure_errors, verdict
from training.report.number import number
from training.report.page import Section, Table


def learning(training: Training, card: ModelCard) -> Section:
    """Show the curves, and read them out."""
    errors = measure_errors(training, card)
    figures = [_curves(card, errors)] if card.learning_curves else []
    return Section(
        "How it learned",
        [f"{verdict(errors).capitalize()}. {_in_words(errors)} {advice(errors)}", RULE],
        figures,
        [_errors(training.recipe.outputs, errors)],
    )


def _in_words(errors: Errors) -> str:
    train, validation, test = errors.train, errors.validation, errors.test
    gap = (
        f"The error is {number(train.value)} on training and {number(validation.value)} on "
        "validation examples"
    )
    if validation.value:
        gap += f": the gap is {errors.gap / validation.value:.0%} of the latter"
    gap += "."
    if errors.floor is None:
        return f"{gap} There is no baseline to compare with."
    side = "below" if test.value < errors.floor else "not below"
    return f"{gap} On the test part it is {number(test.value)}, {side} the floor of " + (
        f"{number(errors.floor)}."
    )


def _errors(kind: OutputKind, errors: Errors) -> Table:
    parts = {"training": errors.train, "validation": errors.validation, "test": errors.test}
    rows = [
        [part, number(each.value), f"{number(each.low)} to {number(each.high)}", f"{each.count:,}"]
        for part, each in parts.items()
    ]
    floor = "none" if errors.floor is None else number(errors.floor)
    rows.append(["best baseline, test", floor, "", f"{errors.test.count:,}"])
    return Table("Error by part", ["part", kind.error_name, "95 % interval", "examples"], rows)


def _curves(card: ModelCard, errors: Errors) -> Figure:
    curves = card.learning_curves

    def paint(canvas: Any) -> None:
        panels = canvas.subplots(1, len(curves), squeeze=False)[0]
        for axes, curve in zip(panels, curves, strict=True):
            _paint_curve(axes, curve, _floor(card, curve.name))
        handles, labels = panels[-1].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper center", ncols=len(labels))

    ends = "; ".join(
        f"{curve.name} {number(curve.train[-1])} in training, {number(curve.validation[-1])} on "
        f"validation, which was best after epoch {_best_epoch(curve)}"
        for curve in curves
    )
    return Figure(
        "learning-curves",
        "Learning curves",
        f"Lines over {len(curves[0].train)} epochs, training dashed with circles, validation solid "
        f"with squares. At the end: {ends}.",
        f"At the end: {ends}. Training values are means over an epoch, while the network changes "
        f"and noise is added, so they may lie on the worse side. Read out: {verdict(errors)}.",
        draw(4.6 * len(curves), 3.4, paint),
    )


def _paint_curve(axes: Any, curve: LearningCurve, floor: float | None) -> None:
    epochs = range(1, len(curve.train) + 1)
    step = max(1, len(curve.train) // 20)
    axes.fill_between(epochs, curve.train, curve.validation, color=GREY, alpha=0.15, hatch="///")
    axes.plot(epochs, curve.train, "o--", color=ORANGE, markevery=step, label="training")
    axes.plot(epochs, curve.validation, "s-", color=BLUE, markevery=step, label="validation")
    if floor is not None:
        axes.axhline(floor, color="black", linestyle=":", label="best baseline, test")
    axes.set_xlabel("epoch")
    axes.set_ylabel(curve.name.replace("_", " "))
    axes.xaxis.get_major_locator().set_params(integer=True)


def _floor(card: ModelCard, name: str) -> float | None:
    """Give the best baseline's accuracy; other curves have no unit in common with baselines."""
    if name != "accuracy":
        return None
    return max((each.metrics["accuracy"] for each in card.baselines), default=None)


def _best_epoch(curve: LearningCurve) -> int:
    best = max if curve.name == "accuracy" else min
    return curve.validation.index(best(curve.validation)) + 1
