"""The recipe of a model that is trained on a table, written from the same signature."""

from pathlib import Path
from string import Template

from tfgate.new_model.layout import block, opened
from tfgate.new_model.tensors import Tensor, quoted
from tfgate.new_model.typed_file import NotTyped, TypedModel, spec_of

_TEMPLATE = Template(Path(__file__).with_name("recipe_file.txt").read_text(encoding="utf-8"))
_ONE_VALUE = {(None,), (None, 1)}


def recipe_file(model: TypedModel) -> str:
    """Write the file.

    Raises:
        NotTyped: the model takes more than a value a column, or gives what no table teaches.
    """
    wrong = [f"{each.name} ({each.spec})" for each in model.inputs if not _is_column(each)]
    if wrong:
        raise NotTyped(
            f"a recipe for tables is for inputs of one value a row, and {', '.join(wrong)} has "
            "more: leave out --recipe, and write one as docs/training.md says"
        )
    output, number = _number(model.outputs) or _classes(model.outputs) or _refuse(model.outputs)
    return _TEMPLATE.substitute(
        name=model.name,
        Kind="NumberOutput" if number else "ClassOutput",
        # An output that is a number often has the name of its column.
        target=quoted(model.outputs[0].name if number else "target"),
        inputs=opened(
            "inputs={",
            [f"{quoted(each.name)}: {spec_of(each.spec)}" for each in model.inputs],
            "}",
            indent=4,
        ),
        what="A number" if number else "Choose the values of that column, in the order of scores",
        output=output,
        gate='AcceptanceGate("r2", minimum=0.0)'
        if number
        else 'AcceptanceGate("accuracy", minimum=0.5)',
    )


def _is_column(tensor: Tensor) -> bool:
    return tensor.spec.shape in _ONE_VALUE and not tensor.is_file


def _number(outputs: list[Tensor]) -> tuple[str, bool] | None:
    """Write the output that is one number, if that is all that there is."""
    if len(outputs) != 1 or outputs[0].spec.dtype != "float32":
        return None
    (output,) = outputs
    if output.spec.shape not in _ONE_VALUE:
        return None
    arguments = [quoted(output.name), *(["row_shape=(1,)"] if output.spec.shape != (None,) else [])]
    return block("output=NumberOutput(", arguments, ")", indent=4), True


def _classes(outputs: list[Tensor]) -> tuple[str, bool] | None:
    """Write the output that is a score for each class, and perhaps its name."""
    scores = [each for each in outputs if each.spec.dtype == "float32"]
    labels = [each for each in outputs if each.is_text]
    if len(scores) != 1 or len(labels) > 1 or len(scores) + len(labels) != len(outputs):
        return None
    sizes = scores[0].sizes
    if len(sizes) != 1 or not sizes[0] or any(each.sizes != sizes for each in labels):
        return None
    classes = ", ".join(quoted(str(number)) for number in range(sizes[0]))
    arguments = [quoted(scores[0].name), f"classes=({classes})"]
    arguments += [f"labels={quoted(each.name)}" for each in labels]
    return block("output=ClassOutput(", arguments, ")", indent=4), False


def _refuse(outputs: list[Tensor]) -> tuple[str, bool]:
    named = ", ".join(f"{each.name} ({each.spec})" for each in outputs)
    raise NotTyped(
        "a recipe for tables gives one number (float32[batch] or float32[batch, 1]), or scores of "
        f"classes (float32[batch, 3], say) with or without their names, and not {named}: leave out "
        "--recipe, and write one as docs/training.md says"
    )
