"""Train to serve: HTTP answers what the trained Keras network says of the same example.

Also when a model is trained anew while it is being served.
"""

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
from tests.tiny_recipes import TINY
from training import pipeline
from training.data.examples import Examples
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


def train(
    name: str, recipe: Recipe[Any], data_folder: Path, repository: Path, seed: int = 0
) -> Trained:
    """Train and publish as the pipeline does, but keep the network."""
    options = TrainingOptions(
        data_folder, repository, repository.parent / f"{repository.name}-checkpoints"
    )
    data = recipe.load(data_folder)
    training = pipeline.train(name, recipe, data, pipeline.divide(recipe, data), options, seed=seed)
    card = pipeline.publish_best(name, [training], [], options)
    return Trained(training.graph.reference(), card, data.test)


@dataclass(frozen=True)
class Served:
    """Every recipe, trained in seconds, and a gateway that serves the results."""

    models: dict[str, Trained]
    repository: Path
    url: str

    def ask(self, name: str, documents: list[dict[str, Any]], **query: int) -> dict[str, Any]:
        answer = httpx.post(
            f"{self.url}/predict/{name}/batch",
            params=query,
            json={"instances": documents},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document


@pytest.fixture(scope="module")
def served(
    tiny_recipes: dict[str, Recipe[Any]],
    data_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    repository, scratch = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("config")
    models = {
        name: train(name, recipe, data_folder, repository) for name, recipe in tiny_recipes.items()
    }
    with (
        stack.model_server(repository, scratch) as address,
        stack.gateway(address, **stack.PATIENT) as url,
    ):
        stack.wait_until_ready(url)
        yield Served(models, repository, url)


@pytest.mark.parametrize("name", TINY)
def test_http_says_what_the_network_says(served: Served, name: str) -> None:
    trained = served.models[name]
    documents = documents_of(trained)

    answer = served.ask(name, documents)

    assert_same(answer["predictions"], expected(name, trained), tolerance=TOLERANCE)


def test_a_model_that_is_trained_anew_goes_live_and_the_version_before_can_be_pinned(
    served: Served, tiny_recipes: dict[str, Recipe[Any]], data_folder: Path
) -> None:
    name, old = "housing", served.models["housing"]
    documents = documents_of(old)

    new = train(name, tiny_recipes[name], data_folder, served.repository, seed=1)
    stack.wait_until(
        lambda: served.ask(name, documents)["version"] == new.card.version, "the new version"
    )

    for trained in (new, old):
        answer = served.ask(name, documents, version=trained.card.version)
        assert_same(answer["predictions"], expected(name, trained), tolerance=TOLERANCE)
    assert expected(name, new) != expected(name, old), "a mix-up would not be noticed"
    listed = httpx.get(f"{served.url}/models/{name}").json()["versions"]
    assert [(each["version"], each["state"]) for each in listed] == [
        (2, "AVAILABLE"),
        (1, "AVAILABLE"),
    ]
    assert [each["card"]["version"] for each in listed] == [2, 1]


def documents_of(trained: Trained) -> list[dict[str, Any]]:
    inputs = trained.held_out.inputs
    rows = zip(*inputs.values(), strict=True)
    return [as_request(dict(zip(inputs, row, strict=True))) for row in rows]


def expected(name: str, trained: Trained) -> list[dict[str, Any]]:
    """What Keras says of the examples that were held out."""
    inputs = trained.held_out.inputs
    outputs = trained.network.answer_all(inputs, len(trained.held_out))
    return MODELS[name].postprocess(inputs, outputs, trained.card)


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
