"""Train to serve: HTTP answers what the trained Keras network says of the same example."""

import base64
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from serving.card import ModelCard
from serving.models import MODELS
from tests import stack
from tests.compare import assert_same
from training import pipeline
from training.data.examples import Examples
from training.models import RECIPES
from training.pipeline import TrainingOptions
from training.recipe import Recipe
from training.serving_graph import ServingGraph

TOLERANCE = 1e-5  # relative or absolute, of float32 arithmetic in another order


@dataclass(frozen=True)
class Trained:
    """A model that was just trained: the network as Keras has it, and examples it never saw."""

    network: ServingGraph
    card: ModelCard
    held_out: Examples


def train(name: str, recipe: Recipe[Any], data_folder: Path, repository: Path) -> Trained:
    """Train and publish as the pipeline does, but keep the network."""
    options = TrainingOptions(
        data_folder, repository, repository.parent / f"{repository.name}-checkpoints"
    )
    data = recipe.load(data_folder)
    training = pipeline.train(name, recipe, data, pipeline.divide(recipe, data), options, seed=0)
    card = pipeline.publish_best(name, [training], [], options)
    network = ServingGraph(training.graph.features, training.fit.network, training.graph.answer)
    return Trained(network, card, data.test)


@pytest.fixture(scope="module")
def trained(
    tiny_recipes: dict[str, Recipe[Any]],
    data_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[dict[str, Trained], str]]:
    """Every recipe, trained in seconds, and a gateway that serves the results."""
    repository, scratch = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("config")
    models = {
        name: train(name, recipe, data_folder, repository) for name, recipe in tiny_recipes.items()
    }
    with stack.model_server(repository, scratch) as address, stack.gateway(address) as url:
        stack.wait_until_ready(url)
        yield models, url


@pytest.mark.parametrize("name", RECIPES)
def test_http_says_what_the_network_says(
    trained: tuple[dict[str, Trained], str], name: str
) -> None:
    models, url = trained
    model, examples = MODELS[name], models[name].held_out
    columns = [[*column] for column in examples.inputs.values()]
    rows = [
        dict(zip(examples.inputs, values, strict=True)) for values in zip(*columns, strict=True)
    ]
    documents = [as_request(row) for row in rows]

    answer = httpx.post(f"{url}/predict/{name}/batch", json={"instances": documents}, timeout=60)

    assert answer.status_code == 200, answer.text
    outputs = models[name].network.answer_all(examples.inputs, len(documents))
    expected = model.postprocess(examples.inputs, outputs, models[name].card)
    assert_same(answer.json()["predictions"], expected, tolerance=TOLERANCE)


def as_request(row: Mapping[str, Any]) -> dict[str, Any]:
    """Write a row of input tensors as the request that it came from."""
    if "pixels" in row:
        file = io.BytesIO()
        # Lossless: the same pixels arrive.
        Image.fromarray(np.asarray(row["pixels"])).save(file, "PNG")
        return {"image": base64.b64encode(file.getvalue()).decode()}
    return {name: as_json(value) for name, value in row.items()}


def as_json(value: Any) -> str | float | None:
    if isinstance(value, bytes):
        return value.decode()
    return None if math.isnan(value) else float(value)
