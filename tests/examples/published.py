"""Trains an example on tiny data and publishes it, and lets a gateway ask what was published.

As a user has it, who names the folder of the examples and nothing else. There is no server: what
is asked is the exported graph, in this process.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from serving.card import ModelCard
from serving.contract import Signature, Tensors, TensorSpec
from tests.fake_model_server import FakeModelServer, FakeSignature, FakeVersion
from tests.in_process import Gateway, gateway
from training.outputs.acceptance import AcceptanceGate
from training.pipeline import TrainingOptions, run
from training.recipe import Recipe
from training.recipes import load_recipes
from training.serving_graph import to_tensorflow

FOLDER = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Published:
    """Version 1 of an example, with its card, in a repository of its own."""

    card: ModelCard
    options: TrainingOptions

    @property
    def folder(self) -> Path:
        return self.options.repository / self.card.name / "1"

    @contextmanager
    def asked(self) -> Iterator[Gateway]:
        """Run a gateway before it, until the context ends."""
        server = FakeModelServer({self.card.name: {1: _version(self.folder)}})
        with gateway(server, models_path=FOLDER) as running:
            yield running


def tiny(name: str, changes: Mapping[str, Any]) -> Recipe[Any]:
    """Give an example's recipe with other hyper-parameters, and a gate that lets all pass."""
    recipe = load_recipes(FOLDER)[name].changed(changes)
    gate = recipe.gate
    bounds = {"minimum": -np.inf, "maximum": min(gate.maximum * 1e6, np.inf)}
    return replace(recipe, gate=AcceptanceGate(gate.metric, **bounds))


def publish(name: str, recipe: Recipe[Any], data: Path, folder: Path) -> Published:
    """Train and publish version 1; all that is written lies in the folder."""
    options = TrainingOptions(
        data,
        folder / "models",
        folder / "checkpoints",
        command=f"tfgate train {name} --models-path examples",
        reports=folder / "reports",
        tensorboard=folder / "runs",
        models_path=FOLDER,
    )
    card, _validation = run(name, recipe, options)
    return Published(card, options)


def _version(folder: Path) -> FakeVersion:
    loaded = tf.saved_model.load(str(folder))
    signatures = {name: _signature(each) for name, each in loaded.signatures.items()}
    return FakeVersion({name: FakeSignature(*each) for name, each in signatures.items()})


def _signature(function: Any) -> tuple[Signature, Callable[[Tensors], Tensors]]:
    def answer(inputs: Tensors) -> Tensors:
        outputs = function(**to_tensorflow(inputs))
        return {name: tensor.numpy() for name, tensor in outputs.items()}

    inputs, outputs = function.structured_input_signature[1], function.structured_outputs
    return Signature(_specs(inputs), _specs(outputs)), answer


def _specs(tensors: Mapping[str, Any]) -> dict[str, TensorSpec]:
    return {name: TensorSpec(each.dtype.name, tuple(each.shape)) for name, each in tensors.items()}
