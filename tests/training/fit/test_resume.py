"""A training that was killed ends, once it goes on, with the weights of one that was not."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tiny_recipes import TINY
from training.models import RECIPES
from training.pipeline import TrainingOptions, divide, train
from training.recipe import Recipe, Training

EPOCHS = 12  # many more than go by before the kill
LIMIT_SECONDS = 240


@pytest.mark.parametrize("name", RECIPES)
def test_a_killed_training_goes_on_to_the_same_weights(
    name: str, tiny_recipes: dict[str, Recipe[Any]], data_folder: Path, tmp_path: Path
) -> None:
    kill_after_an_epoch(name, data_folder, tmp_path / "killed")
    (state,) = tmp_path.glob(f"killed/{name}/*/newest/state.json")
    left = json.loads(state.read_text())
    assert not left["finished"]
    assert 1 <= len(left["curves"]["loss"]) < EPOCHS

    recipe = tiny_recipes[name].changed({"epochs": EPOCHS})
    resumed = finish(
        name, recipe, TrainingOptions(data_folder, tmp_path, tmp_path / "killed", resume=True)
    )
    assert list((tmp_path / "killed" / name).iterdir()) == [state.parents[1]]
    whole = finish(name, recipe, TrainingOptions(data_folder, tmp_path, tmp_path / "whole"))
    assert resumed.state.curves == whole.state.curves
    for weight, expected in zip(weights(resumed), weights(whole), strict=True):
        np.testing.assert_array_equal(weight, expected)


def kill_after_an_epoch(name: str, data_folder: Path, checkpoints: Path) -> None:
    """Run the command, and kill it while it is in its second epoch or saves what came of it."""
    settings = [f"--set={key}={value}" for key, value in {**TINY[name], "epochs": EPOCHS}.items()]
    repository = checkpoints.parent / "models"
    places = [f"--data={data_folder}", f"--checkpoints={checkpoints}", f"--repository={repository}"]
    command = [sys.executable, "-m", "tfgate", "train", name, *settings, *places]
    with subprocess.Popen(
        ["timeout", str(LIMIT_SECONDS), *command],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as running:
        assert running.stdout is not None
        shown = []
        for line in running.stdout:
            shown.append(line)
            if line.startswith("epoch 2/"):
                break
        os.killpg(running.pid, 9)
    assert shown[-1].startswith("epoch 2/"), "".join(shown)
    assert not repository.exists()


def finish(name: str, recipe: Recipe[Any], options: TrainingOptions) -> Training:
    data = recipe.load(options.data)
    return train(name, recipe, data, divide(recipe, data), options, seed=0)


def weights(training: Training) -> list[Any]:
    values: list[Any] = training.fit.network.get_weights()
    return values
