"""What each foreign SavedModel is asked; TensorFlow in this process tells what is right."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.contract import Tensors
from tests.contract.tf_serving.saved_models import build_classifier, build_halves
from tests.foreign import saved_models
from tests.foreign.saved_models import COMMON_DTYPES, DTYPES


@dataclass(frozen=True)
class Question:
    """Tensors for one signature of a model; `left_out` are those that it has defaults for."""

    inputs: Tensors
    signature: str = "serving_default"
    left_out: Tensors = field(default_factory=dict)


@dataclass(frozen=True)
class ForeignModel:
    """How a SavedModel is written, and what it is asked.

    Requests of several clients may be joined for one that `is_batched`: its tensors have rows, none
    of which depends on another.
    """

    build: Callable[[Path], None]
    questions: tuple[Question, ...]
    is_batched: bool = True


def answers(version: Path, questions: Sequence[Question]) -> list[Tensors]:
    """Ask a SavedModel in this process, once for each question."""
    loaded = tf.saved_model.load(str(version))
    told: list[Tensors] = []
    for question in questions:
        # Unlike a model server, a function loaded here knows no defaults.
        inputs = {
            name: tf.constant(array)
            for name, array in {**question.inputs, **question.left_out}.items()
        }
        outputs = loaded.signatures[question.signature](**inputs)
        told.append({name: np.asarray(tensor) for name, tensor in outputs.items()})
    return told


def publish(repository: Path, names: Mapping[str, ForeignModel]) -> None:
    """Write models into a repository, each as its version 1."""
    for name, model in names.items():
        model.build(repository / name / "1")


def _int64(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _float32(*values: Any) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def _texts(*values: bytes) -> NDArray[np.object_]:
    return np.array(values, object)


def _examples(*features: dict[str, list[float]]) -> NDArray[np.object_]:
    """Write each as a message, which is no text."""
    return _texts(
        *(
            tf.train.Example(
                features=tf.train.Features(
                    feature={
                        name: tf.train.Feature(float_list=tf.train.FloatList(value=values))
                        for name, values in each.items()
                    }
                )
            ).SerializeToString()
            for each in features
        )
    )


FOREIGN_MODELS: dict[str, ForeignModel] = {
    "half_plus_two": ForeignModel(
        build_halves,
        (Question({"x": _float32([1.0], [5.0])}), Question({"x": _float32([-4.0])})),
    ),
    "classifier": ForeignModel(
        build_classifier,
        (Question({"examples": _examples({"x": [0.5, 1.5]}, {"x": [-2.0, 300.0]})}, "predict"),),
    ),
    "two_ids_of_keras": ForeignModel(
        saved_models.two_ids_of_keras,
        (
            Question({"user": _int64(3), "item": _int64(19)}),
            Question({"user": _int64(1, 2, 9), "item": _int64(0, 7, 13)}),
            Question({"user": _int64(5, 5), "item": _int64(6, 8)}, "serve"),
        ),
    ),
    "three_signatures": ForeignModel(
        saved_models.three_signatures,
        (
            Question({"point": np.array([[1.0, 2.0, 3.0], [0.1, -7.5, 1e9]])}),
            Question(
                {"start": np.array([[0.0, 0.0, 0.0]]), "end": np.array([[3.0, 4.0, 0.5]])},
                "distance",
            ),
            Question({"column": np.array(1, np.int32)}, "weights"),
        ),
    ),
    "sum_explained": ForeignModel(
        saved_models.sum_explained,
        # Why is not asked here: of many who ask at once, few are told.
        (Question({"parts": _float32([1, 2], [0.5, 4])}),),
    ),
    "padded_ids": ForeignModel(
        saved_models.padded_ids,
        (
            Question({"ids": np.array([[1, 2, 3], [10, 0, 0]], np.int32)}),
            Question({"ids": np.array([[4, 5, 6, 7, 8, 9]], np.int32)}),
            Question({"ids": np.array([[3]], np.int32)}),
        ),
    ),
    "scalar_input": ForeignModel(
        saved_models.scalar_input,
        (
            Question({"factor": np.array(2.5, np.float32), "vector": _float32(1, 2, 3)}),
            Question({"factor": np.array(-1, np.float32), "vector": _float32(0.1, 0, 7)}),
        ),
        is_batched=False,
    ),
    "scalar_beside_batch": ForeignModel(
        saved_models.scalar_beside_batch,
        (
            Question({"point": _float32([1, 2]), "threshold": np.array(2.5, np.float32)}),
            Question({"point": _float32([1, 2], [0, 9]), "threshold": np.array(5, np.float32)}),
        ),
        is_batched=False,
    ),
    "fixed_batch": ForeignModel(
        saved_models.fixed_batch,
        (
            Question({"pair": _float32([1, 2], [3, 4], [5, 6], [7, 8])}),
            Question({"pair": _float32([0.5, 2], [0, 4], [-1, 6], [1e-3, 8])}),
        ),
        is_batched=False,
    ),
    "any_rank": ForeignModel(
        saved_models.any_rank,
        (
            Question({"value": np.array(3, np.int64)}),
            Question({"value": _int64(1, -2)}),
            Question({"value": np.array([[[1], [2]]], np.int64)}),
        ),
        is_batched=False,
    ),
    "words_in_table": ForeignModel(
        saved_models.words_in_table,
        (
            Question({"text": _texts(b"dog")}),
            Question({"text": _texts("Käse".encode(), b"", b"no such word")}),
        ),
    ),
    "hundred_heads": ForeignModel(
        saved_models.hundred_heads,
        (
            Question({"features": _float32(range(8))}),
            Question({"features": _float32([0.1] * 8, [-3] * 8)}),
        ),
    ),
    "large": ForeignModel(
        saved_models.large,
        (Question({"row": _int64(3)}), Question({"row": _int64(0, 74_999, 500)})),
    ),
    "softmax_over_batch": ForeignModel(
        saved_models.softmax_over_batch,
        (
            Question({"weight": _float32(1)}),
            Question({"weight": _float32(1, 2, 3)}),
            Question({"weight": _float32(0.5, 0.25)}),
        ),
        is_batched=False,
    ),
    "mean_over_batch": ForeignModel(
        saved_models.mean_over_batch,
        (
            Question({"point": _float32([1, 2], [3, 5])}),
            Question({"point": _float32([10, 20], [30, 50], [70, 80])}),
        ),
        is_batched=False,
    ),
    "all_dtypes": ForeignModel(
        saved_models.all_dtypes,
        (
            Question({f"{name}_in": array for name, array in DTYPES.items()}),
            Question(
                {f"{name}_in": DTYPES[name] for name in COMMON_DTYPES},
                "common",
            ),
        ),
    ),
    "complex_numbers": ForeignModel(
        saved_models.complex_numbers, (Question({"x": _float32(1.5, -2)}, "real"),)
    ),
    "optional_input": ForeignModel(
        saved_models.optional_input,
        (
            Question({"x": _float32(1, 2), "more": _float32(0.5, 0.25)}),
            Question({"x": _float32(1, 2)}, left_out={"more": _float32(10)}),
            Question({"x": _float32(1, 2)}, "scale", {"factor": np.array(2, np.float32)}),
        ),
    ),
}
