"""Publishes a version: written beside its place, reloaded, checked, then renamed to its integer.

A model server that polls the folder sees the whole version or none of it.
"""

import errno
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import tensorflow as tf

from serving.card import ModelCard
from serving.contract import Model, Signature, Tensors, TensorSpec
from training.errors import ExportRefused
from training.publish.operations import devices_by_operation
from training.publish.warmup import write_warmup
from training.serving_graph import Batch, ServingGraph, to_tensorflow

PREDICT, EXPLAIN = "serving_default", "explain"  # signatures
BATCH_SIZES = (1, 8)  # of the warm-up requests

# The fused and the plain form of a network add the same numbers in another order.
RELATIVE_TOLERANCE = 1e-4
ABSOLUTE_TOLERANCE = 1e-5


def next_version(model_folder: Path) -> int:
    """Give the integer after the highest version in a model's folder, or 1."""
    names = [path.name for path in model_folder.glob("*")]
    return max((int(name) for name in names if re.fullmatch(r"\d+", name)), default=0) + 1


def publish(
    graph: ServingGraph,
    reference: ServingGraph,
    card: ModelCard,
    model: Model[Any, Any],
    folder: Path,
) -> Path:
    """Export `graph` as the version that the card names, and give the version's folder.

    `reference` is the same model with the network as it was trained; `folder` is the model's folder
    in the repository.

    Raises:
        ExportRefused: the export does not load, needs a GPU, does not have the declared signature
            or does not answer the example as `reference` does, or the version exists by now.
    """
    examples = {size: model.preprocess([model.example] * size) for size in (1, 3, *BATCH_SIZES)}
    with _beside(folder) as draft:
        _save(graph, card, model.signature, draft)
        _check_operations(draft)
        loaded = tf.saved_model.load(str(draft)).signatures
        _check_signature(PREDICT, loaded[PREDICT], model.signature)
        batches = [no_rows(model.signature), examples[1], examples[3]]
        for batch in batches:
            _check_answer(loaded[PREDICT], reference, batch)
        warmup = [(PREDICT, examples[size]) for size in BATCH_SIZES]
        if graph.explain is not None:
            _check_signature(EXPLAIN, loaded[EXPLAIN], _explaining(model))
            for batch in batches:
                _check_explanation(loaded, batch)
            warmup.append((EXPLAIN, examples[1]))
        _check_description(loaded["describe"], card)
        write_warmup(draft, card.name, warmup)
        return _rename(draft, folder / str(card.version))


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """Give a path on the same file system, which servers ignore as it is no integer."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="tmp-", dir=folder) as temporary:
        # Not the temporary folder itself: only its owner may read that one.
        yield Path(temporary) / "saved_model"


def _save(graph: ServingGraph, card: ModelCard, signature: Signature, path: Path) -> None:
    text = card.model_dump_json()

    @tf.function
    def describe(request: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"card": tf.fill(tf.shape(request), text)}

    inputs = {name: _tensor_spec(name, spec) for name, spec in signature.inputs.items()}
    request = tf.TensorSpec([None], tf.string, "request")
    signatures = {
        PREDICT: _traced(graph, inputs),
        "describe": describe.get_concrete_function(request),
    }
    if graph.explain is not None:
        signatures[EXPLAIN] = _traced(graph.explain, inputs)
    try:
        tf.saved_model.save(graph, str(path), signatures)
    except tf.errors.ResourceExhaustedError as error:  # so TensorFlow says that the disk is full
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error


def _traced(answer: Callable[[Batch], dict[str, Any]], inputs: Mapping[str, tf.TensorSpec]) -> Any:
    @tf.function
    def serve(**batch: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(batch)

    return serve.get_concrete_function(**inputs)


def _tensor_spec(name: str, spec: TensorSpec) -> tf.TensorSpec:
    return tf.TensorSpec([None, *spec.row_shape], spec.dtype, name)


def no_rows(signature: Signature) -> Tensors:
    """Give the inputs of a batch without rows."""
    return {
        name: np.empty((0, *spec.row_shape), object if spec.dtype == "string" else spec.dtype)
        for name, spec in signature.inputs.items()
    }


def _check_operations(draft: Path) -> None:
    """See that a server without a GPU can run the graph: what is exported on one may not be."""
    lacking = [
        name for name, devices in devices_by_operation(draft).items() if "CPU" not in devices
    ]
    if lacking:
        raise ExportRefused(
            f"the export has operations that no CPU can run ({', '.join(lacking)}): export it on a "
            "machine whose GPUs are hidden (CUDA_VISIBLE_DEVICES=-1)"
        )


def _explaining(model: Model[Any, Any]) -> Signature:
    """Give what the signature must be that explains the model's answers.

    Raises:
        ExportRefused: the model declares nothing of the kind.
    """
    if model.explanation is None:
        raise ExportRefused(
            "the recipe gives explanations, which serving/models does not declare: set explanation"
        )
    declared = model.signature
    outputs = {**declared.outputs, **model.explanation.outputs}
    return replace(declared, outputs=outputs)


def _check_signature(name: str, loaded: Any, declared: Signature) -> None:
    exported, expected = exported_signature(loaded), declared_signature(declared)
    for output in declared.optional_outputs - exported["outputs"].keys():
        del expected["outputs"][output]
    if exported != expected:
        raise ExportRefused(
            f"the export has the signature {name} of {exported}, but serving/models declares "
            f"{expected}: make the recipe and the declaration agree"
        )


def exported_signature(loaded: Any) -> dict[str, dict[str, str]]:
    """Describe the tensors that a function of a loaded SavedModel takes and gives."""
    return {
        "inputs": _describe_specs(loaded.structured_input_signature[1]),
        "outputs": _describe_specs(loaded.structured_outputs),
    }


def declared_signature(declared: Signature) -> dict[str, dict[str, str]]:
    """Describe a signature in the same way."""
    return {
        "inputs": {name: str(spec) for name, spec in declared.inputs.items()},
        "outputs": {name: str(spec) for name, spec in declared.outputs.items()},
    }


def _describe_specs(specs: Any) -> dict[str, str]:
    return {
        name: str(TensorSpec(spec.dtype.name, tuple(spec.shape))) for name, spec in specs.items()
    }


def _check_answer(loaded: Any, reference: ServingGraph, batch: Tensors) -> None:
    """Compare the exported graph with the trained network, on a batch of any size."""
    tensors = to_tensorflow(batch)
    expected = reference(tensors)
    for name, answer in loaded(**tensors).items():
        if not _close(answer.numpy(), expected[name].numpy()):
            raise ExportRefused(
                f"the exported graph answers the example with another {name} than the trained "
                "network: what the recipe serves is not what it fitted"
            )


def _check_explanation(loaded: Any, batch: Tensors) -> None:
    """See that whoever asks why is answered as everybody is."""
    tensors = to_tensorflow(batch)
    explained = loaded[EXPLAIN](**tensors)
    for name, answer in loaded[PREDICT](**tensors).items():
        if not _close(explained[name].numpy(), answer.numpy()):
            raise ExportRefused(
                f"the signature {EXPLAIN} answers the example with another {name} than {PREDICT}"
            )


def _close(answer: Any, expected: Any) -> bool:
    if answer.shape != expected.shape:
        return False
    if answer.dtype == object:
        return bool(np.all(answer == expected))
    return bool(np.allclose(answer, expected, RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE))


def _check_description(loaded: Any, card: ModelCard) -> None:
    texts = loaded(request=tf.constant(["", ""]))["card"].numpy()
    if [ModelCard.model_validate_json(text) for text in texts] != [card, card]:
        raise ExportRefused("the export does not describe itself with the card it was given")


def _rename(draft: Path, version_folder: Path) -> Path:
    try:
        return draft.rename(version_folder)
    except OSError as error:
        raise ExportRefused(
            f"{version_folder} appeared while this version was trained: train again, one run of a "
            "model at a time"
        ) from error
