"""What TensorBoard is shown of a training: one run a folder, written while it learns.

Keras' own callback writes the curves, the learning rate, the histograms and the graph; here is what
it does not know: answers to a few examples, what a convolutional network sees, and the words.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from numpy.typing import NDArray
from PIL import Image
from tensorboard.plugins import projector

from training.data.examples import Examples
from training.recipe import Fit, Recipe
from training.report import examples
from training.report.page import Table

NUM_SAMPLES = 12  # validation examples
NUM_WORDS = 10_000  # of an embedding's first rows; more make TensorBoard's page slow
NUM_MAPS = 64  # of a layer
ENLARGED = 8  # times, of a filter


def watch(
    recipe: Recipe[Any], fit: Fit, validation: Examples, folder: Path
) -> list[keras.callbacks.Callback]:
    """Give the callbacks that write to this folder while a network is fitted."""
    callbacks = [
        keras.callbacks.TensorBoard(folder, histogram_freq=1, write_graph=True),
        ShowAnswers(recipe, fit, validation, folder / "answers"),
    ]
    layers = fit.network.layers
    if convolutions := [each for each in layers if isinstance(each, keras.layers.Conv2D)]:
        callbacks.append(ShowConvolutions(fit, convolutions, validation, folder / "convolutions"))
    if embeddings := [each for each in layers if isinstance(each, keras.layers.Embedding)]:
        callbacks.append(ShowWords(fit, embeddings, folder / "words"))
    return callbacks


class ShowAnswers(keras.callbacks.Callback):
    """Writes answers to a few validation examples, the same in every epoch, beside the truth."""

    def __init__(self, recipe: Recipe[Any], fit: Fit, validation: Examples, folder: Path) -> None:
        super().__init__()
        self._recipe, self._fit = recipe, fit
        self._sample = sample(validation)
        self._writer = tf.summary.create_file_writer(str(folder))
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, _logs: object = None) -> None:
        """Remember the epoch, which validation is not told."""
        self._epoch = epoch

    def on_test_begin(self, _logs: object = None) -> None:
        """Answer as would be served after this epoch: averaged weights are in place by now."""
        graph = self._recipe.serve(self._fit)
        outputs = graph.answer_all(self._sample.inputs, len(self._sample))
        judgement = self._recipe.outputs.judge(outputs, self._sample.targets)
        pictures = examples.pictures_of(self._sample.inputs)
        with self._writer.as_default(step=self._epoch):
            tf.summary.scalar("answers/badness", np.mean(judgement.badness))
            if pictures is None:
                table = examples.table(self._sample, judgement, title="validation examples")
                tf.summary.text("answers/examples", markdown(table))
            else:
                drawn = read_png(examples.draw_pictures(pictures, judgement))
                tf.summary.image("answers/examples", drawn[None])

    def on_train_end(self, _logs: object = None) -> None:
        """Write what is still in memory."""
        self._writer.close()


class ShowConvolutions(keras.callbacks.Callback):
    """Writes the filters of these layers, and what each makes of one picture."""

    def __init__(self, fit: Fit, layers: Sequence[Any], validation: Examples, folder: Path) -> None:
        super().__init__()
        self._layers = layers
        self._picture = fit.features(sample(validation).take(np.array([0])).inputs)
        self._maps = keras.Model(fit.network.inputs, [layer.output for layer in layers])
        self._writer = tf.summary.create_file_writer(str(folder))

    def on_epoch_end(self, epoch: int, _logs: object = None) -> None:
        maps_by_layer = keras.tree.flatten(self._maps(self._picture, training=False))
        with self._writer.as_default(step=epoch):
            for layer, maps in zip(self._layers, maps_by_layer, strict=True):
                shown = filters(as_array(layer.kernel))
                tf.summary.image(f"filters/{layer.name}", mosaic(shown)[None])
                of_picture = np.moveaxis(as_array(maps)[0], -1, 0)[:NUM_MAPS, ..., None]
                tf.summary.image(f"feature_maps/{layer.name}", mosaic(of_picture)[None])

    def on_train_end(self, _logs: object = None) -> None:
        """Write what is still in memory."""
        self._writer.close()


class ShowWords(keras.callbacks.Callback):
    """Writes the embeddings of the first words, for TensorBoard's projector."""

    def __init__(self, fit: Fit, layers: Sequence[Any], folder: Path) -> None:
        super().__init__()
        self._layers, self._folder = layers, folder
        self._words = fit.words

    def on_train_end(self, _logs: object = None) -> None:
        # The projector looks where there are events, and nowhere else.
        with tf.summary.create_file_writer(str(self._folder)).as_default(step=0):
            tf.summary.scalar("words/named", len(self._words))
        configuration = projector.ProjectorConfig()
        for layer in self._layers:
            self._write(layer, configuration.embeddings.add())
        path = self._folder / "projector_config.pbtxt"
        path.write_text(text_format.MessageToString(configuration))

    def _write(self, layer: Any, entry: Any) -> None:
        vectors = as_array(layer.embeddings)[:NUM_WORDS]
        entry.tensor_name = layer.name
        entry.tensor_path, entry.metadata_path = f"{layer.name}.tsv", f"{layer.name}-names.tsv"
        np.savetxt(self._folder / entry.tensor_path, vectors, fmt="%.5g", delimiter="\t")
        names = self._words[:NUM_WORDS] or [str(row) for row in range(len(vectors))]
        (self._folder / entry.metadata_path).write_text("\n".join(names) + "\n", encoding="utf-8")


def sample(validation: Examples) -> Examples:
    """Give a few examples, evenly from the whole part."""
    number = min(NUM_SAMPLES, len(validation))
    return validation.take(np.linspace(0, len(validation) - 1, number).astype(np.int64))


def filters(kernel: NDArray[Any]) -> NDArray[Any]:
    """Give float[filter, height, width, 3 or 1] for float[height, width, channel, filter].

    A filter of three channels is shown in colours, any other by the strength of its weights.
    """
    shown = np.moveaxis(kernel, -1, 0)[:NUM_MAPS]
    if shown.shape[-1] != 3:
        shown = np.linalg.norm(shown, axis=-1, keepdims=True)
    return shown.repeat(ENLARGED, axis=1).repeat(ENLARGED, axis=2)


def mosaic(tiles: NDArray[Any]) -> NDArray[np.uint8]:
    """Give uint8[height, width, channel], all tiles in rows, each stretched to its full contrast.

    `tiles` is float[tile, height, width, channel].
    """
    lowest = tiles.min(axis=(1, 2, 3), keepdims=True)
    span = np.maximum(tiles.max(axis=(1, 2, 3), keepdims=True) - lowest, 1e-9)
    pixels = np.pad((tiles - lowest) / span, [(0, 0), (1, 1), (1, 1), (0, 0)])
    across = int(np.ceil(np.sqrt(len(pixels))))
    missing = -len(pixels) % across
    pixels = np.concatenate([pixels, np.zeros((missing, *pixels.shape[1:]))])
    rows = [
        np.concatenate(list(row), axis=1) for row in pixels.reshape(-1, across, *pixels.shape[1:])
    ]
    return (255 * np.concatenate(rows)).astype(np.uint8)


def markdown(table: Table) -> str:
    """Write a table as TensorBoard's text page shows it."""
    rows: Sequence[Sequence[str]] = [table.head, ["---"] * len(table.head), *table.rows]
    return "\n".join(" | ".join(cell.replace("|", "/") for cell in row) for row in rows)


def read_png(png: bytes) -> NDArray[np.uint8]:
    """Give uint8[height, width, 3]."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def as_array(tensor: Any) -> NDArray[np.float32]:
    """Give a weight or an output of any backend and precision."""
    array: NDArray[np.float32] = keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))
    return array
