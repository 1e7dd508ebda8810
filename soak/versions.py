"""New versions without any training: copies of a shipped one with somewhat different weights."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from bench.stack import shipped_version

GRAPH = "saved_model.pb"
RELATIVE_CHANGE = 0.05


def write_version(model: str, number: int, folder: Path) -> Path:
    """Write a version beside its place; `publish_version` makes it one.

    The same number always gets the same weights.
    """
    draft = folder / f"tmp-{number}"
    shutil.copytree(shipped_version(model), draft)
    _change_weights(draft / GRAPH, np.random.default_rng(number))
    return draft


def publish_version(draft: Path) -> Path:
    """Rename a written version to its number, so that servers see all of it or nothing."""
    return draft.rename(draft.with_name(draft.name.removeprefix("tmp-")))


def remove_version(folder: Path, number: int) -> None:
    """Remove a version, if it is there, so that servers see all of it or nothing."""
    if (folder / str(number)).exists():
        shutil.rmtree((folder / str(number)).rename(folder / f"old-{number}"))


def _change_weights(graph: Path, random: np.random.Generator) -> None:
    """Change what the functions of a graph hold as constants: its weights are among them."""
    saved_model = SavedModel.FromString(graph.read_bytes())
    for function in saved_model.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            if node.op == "Const" and _is_weight(node.attr["value"].tensor):
                weight = tf.make_ndarray(node.attr["value"].tensor)
                changed = weight * random.normal(1, RELATIVE_CHANGE, weight.shape)
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(changed, weight.dtype))
    graph.write_bytes(saved_model.SerializeToString())


def _is_weight(constant: Any) -> bool:
    return constant.dtype == tf.float32 and len(constant.tensor_shape.dim) > 1
