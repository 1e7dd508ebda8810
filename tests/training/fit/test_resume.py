"""A training that was interrupted ends, once it goes on, with the weights of one that was not."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.tiny_recipes import TINY, Trained
from training.pipeline import TrainingOptions, divide, train
from training.recipe import Recipe, Training

EPOCHS = 12  # many more than go by before the kill
LIMIT_SECONDS = 240


def test_a_training_goes_on_from_its_checkpoint_to_the_same_weights(trained: Trained) -> None:
    whole, name = trained.training, trained.card.name
    state = state_in(trained.after_one_epoch / name)
    assert (len(state["curves"]["loss"]), state["finished"]) == (1, False)

    options = TrainingOptions(None, Path(), trained.after_one_epoch, resume=True)
    resumed = train(name, whole.recipe, whole.data, whole.splits, options, whole.seed)
    assert resumed.state.curves == whole.state.curves
    for weight, expected in zip(weights(resumed), weights(whole), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_a_killed_training_goes_on_from_its_last_whole_epoch(
    tiny_recipes: dict[str, Recipe[Any]], data_folder: Path, tmp_path: Path
) -> None:
    kill_after_an_epoch("housing", data_folder, tmp_path)
    left = state_in(tmp_path / "housing")
    epochs = len(left["curves"]["loss"])
    assert 1 <= epochs < EPOCHS

    recipe = tiny_recipes["housing"].changed({"epochs": EPOCHS})
    data = recipe.load(data_folder)
    options = TrainingOptions(data_folder, tmp_path, tmp_path, resume=True)
    resumed = train("housing", recipe, data, divide(recipe, data), options, seed=0)
    assert resumed.state.epochs == EPOCHS
    for name, curve in left["curves"].items():
        assert resumed.state.curves[name][:epochs] == curve


def state_in(checkpoints: Path) -> Any:
    (state,) = checkpoints.glob("*/newest/state.json")
    return json.loads(state.read_text())


def kill_after_an_epoch(name: str, data_folder: Path, checkpoints: Path) -> None:
    """Run the command, and kill it while it is in its second epoch or saves what came of it."""
    changes = [f"--set={key}={value}" for key, value in {**TINY[name], "epochs": EPOCHS}.items()]
    repository = checkpoints / "models"
    places = [f"--data={data_folder}", f"--checkpoints={checkpoints}", f"--repository={repository}"]
    command = [sys.executable, "-m", "tfgate", "train", name, *changes, *places]
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


def weights(training: Training) -> list[Any]:
    values: list[Any] = training.fit.network.get_weights()
    return values
