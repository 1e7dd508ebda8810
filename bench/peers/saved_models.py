"""The shipped SavedModels inside a peer's own process; what TensorFlow programs commonly do."""

import base64
import io
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

MODELS = Path(__file__).parents[3] / "models"

Row = dict[str, Any]
Answer = dict[str, Any]


def decode(model: str, instance: dict[str, Any]) -> Row:
    """Turn what a caller sent into one row of the model's input tensors."""
    if model != "image":
        return instance
    picture = Image.open(io.BytesIO(base64.b64decode(instance["image"])))
    return {"pixels": np.asarray(picture.convert("RGB").resize((32, 32)))}


def stack(rows: list[Row]) -> dict[str, Any]:
    """Put rows together: one array a tensor, numbers as float32 unless they are pixels."""
    tensors = {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        tensors[name] = values.astype(np.float32) if values.dtype.kind in "if" else values
    return tensors


def answers(outputs: dict[str, Any]) -> list[Answer]:
    """Take output arrays apart: a price with its bounds, or the classes with their scores."""
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

    def __init__(self, model: str) -> None:
        versions = [folder for folder in (MODELS / model).iterdir() if folder.name.isdecimal()]
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
