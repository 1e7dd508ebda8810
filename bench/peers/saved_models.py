"""SavedModels inside a peer's own process; what TensorFlow programs commonly do."""

import base64
import io
import os
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

MODELS = Path(os.environ.get("REPOSITORY", Path(__file__).parents[2] / "models"))
# What serves tensors of any kind has those of `foreign_models.py` too.
NAMES = ("housing", "image", "narrow", "sentiment", "wide")

Row = Any  # the fields of an instance, or its numbers
Answer = Any  # the fields of a prediction, or a number


def decode(model: str, instance: Any) -> Row:
    """Turn what a caller sent into one row of the model's input tensors."""
    if model != "image":
        return instance
    picture = Image.open(io.BytesIO(base64.b64decode(instance["image"])))
    return {"pixels": np.asarray(picture.convert("RGB").resize((32, 32)))}


def stack(rows: list[Row]) -> dict[str, Any]:
    """Put rows together: one array a tensor, numbers as float32 unless they are pixels."""
    if isinstance(rows[0], list):
        return {"x": np.array(rows, np.float32)}
    tensors = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        tensors[name] = values.astype(np.float32) if values.dtype.kind in "if" else values
    return tensors


def answers(outputs: dict[str, Any]) -> list[Answer]:
    """Take output arrays apart: a price with bounds, the classes with their scores, or a number."""
    if "y" in outputs:
        numbers: list[Answer] = outputs["y"].tolist()
        return numbers
    if "price" in outputs:
        columns = {name: outputs[name].tolist() for name in ("price", "price_low", "price_high")}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return [
        {
            "label": classes[scores.argmax()].decode(),
            "scores": dict(zip((name.decode() for name in classes), scores.tolist(), strict=True)),
        }
        for classes, scores in zip(outputs["classes"], outputs["scores"], strict=True)
    ]


def split(predictions: list[Answer], sizes: list[int]) -> list[list[Answer]]:
    """Give the answers of a shared batch back to its requests, by their numbers of rows."""
    remaining = iter(predictions)
    return [list(islice(remaining, size)) for size in sizes]


class SavedModel:
    """The newest version of a model, called through its default signature."""

    def __init__(self, model: str, repository: Path = MODELS) -> None:
        versions = [folder for folder in (repository / model).iterdir() if folder.name.isdecimal()]
        newest = max(versions, key=lambda folder: int(folder.name))
        self._loaded = tf.saved_model.load(str(newest))
        self._signature = self._loaded.signatures["serving_default"]

    def run(self, tensors: dict[str, Any]) -> dict[str, Any]:
        """Compute the output arrays of input arrays."""
        outputs = self._signature(**{name: tf.constant(array) for name, array in tensors.items()})
        return {name: tensor.numpy() for name, tensor in outputs.items()}

    def predict(self, rows: list[Row]) -> list[Answer]:
        """Answer decoded rows, in their order."""
        return answers(self.run(stack(rows)))
