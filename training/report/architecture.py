"""The network as it was fitted: its layers as a table, and as a diagram where Graphviz is there."""

from typing import Any

import keras

from serving.card import Numbers
from training.report.figure import Figure, compress
from training.report.page import Section, Table

DOTS_PER_INCH = 56


def architecture(network: keras.Model, numbers: Numbers | None) -> Section:
    """Show the layers, and the numbers that the version holds, if it tells.

    The diagram is left out where `dot` or pydot is missing, or fails.
    """
    diagram = _diagram(network)
    remedy = "There is no diagram: it needs Graphviz' program dot and the package pydot."
    return Section(
        "Architecture",
        [] if diagram else [remedy],
        [diagram] if diagram else [],
        [_layers(network), *([_kinds(numbers)] if numbers else [])],
    )


def _diagram(network: keras.Model) -> Figure | None:
    try:
        # Keras asks for right angles, over which Graphviz fails on some networks.
        graph = keras.utils.model_to_dot(
            network, show_shapes=True, dpi=DOTS_PER_INCH, splines="polyline"
        )
        png = graph.create(format="png")
    except (ImportError, OSError, AssertionError):  # the last where dot itself fails
        return None
    return Figure(
        "architecture",
        "Diagram of the network",
        "Boxes from the inputs above to the outputs below; the table of layers has the same.",
        "Shapes have None for the batch, and for whatever else varies.",
        compress(png),
    )


def _layers(network: keras.Model) -> Table:
    rows = [
        [layer.name, type(layer).__name__, _shape(layer), f"{layer.count_params():,}"]
        for layer in network.layers
    ]
    rows.append(["all", "", "", f"{network.count_params():,}"])
    return Table("Layers", ["layer", "class", "output", "weights"], rows, 3)


def _kinds(numbers: Numbers) -> Table:
    rows = [
        [name, field.description or "", f"{getattr(numbers, name):,}"]
        for name, field in Numbers.model_fields.items()
    ]
    return Table("Numbers that the version holds", ["kind", "what they are", "count"], rows, 2)


def _shape(layer: Any) -> str:
    """Give the shape of the first output; a layer that is used more often has several."""
    shape = layer.output.shape
    return " x ".join("any" if size is None else str(size) for size in shape[1:])
