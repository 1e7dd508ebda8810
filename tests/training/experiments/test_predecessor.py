"""What is said of a new version beside the one before it, by models that were really trained."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from serving.card import Metric
from tests.tiny_recipes import Trained
from training.experiments.predecessor import Comparison, compare, do_overlap


@pytest.fixture
def folder(trained: Trained, tmp_path: Path) -> Path:
    """A model's folder with one version in it, the first."""
    folder = tmp_path / trained.card.name
    shutil.copytree(trained.folder, folder / "1")
    return folder


def compared(trained: Trained, folder: Path, **changes: Any) -> Comparison | None:
    """Compare what was trained, as if it were version 3, with what lies in the folder."""
    shutil.copytree(trained.folder, folder / "3")
    card = trained.card.model_copy(update={"version": 3, **changes})
    training = trained.training
    return compare(training.recipe, card, training.splits.validation, folder)


def test_the_version_before_is_asked_the_same_examples(trained: Trained, folder: Path) -> None:
    """It is the very same one here, so that every figure must be."""
    found = compared(trained, folder)

    assert found is not None
    assert (found.name, found.before, found.version) == (trained.card.name, 1, 3)
    assert found.remark is None
    assert [new for _, new in found.metrics] == trained.card.validation_metrics
    for old, new in found.metrics:
        assert old.name == new.name
        assert old.value == pytest.approx(new.value, rel=1e-4, abs=1e-5)
        assert do_overlap(old, new) is (None if new.standard_error is None else True)


@pytest.mark.parametrize("trained", ["housing"], indirect=True)
def test_the_newest_before_it_is_asked_and_no_draft(trained: Trained, folder: Path) -> None:
    for name in ("2", "tmp-x", "10"):
        shutil.copytree(trained.folder, folder / name)
    (folder / "0009").mkdir()

    found = compared(trained, folder)

    assert found is not None
    assert found.before == 2


@pytest.mark.parametrize("trained", ["housing"], indirect=True)
def test_without_a_version_before_nothing_is_said(trained: Trained, folder: Path) -> None:
    shutil.rmtree(folder / "1")

    assert compared(trained, folder) is None


@pytest.mark.parametrize("trained", ["housing"], indirect=True)
def test_one_of_other_tensors_cannot_be_asked(trained: Trained, folder: Path) -> None:
    shutil.rmtree(folder / "1")
    module = tf.Module()
    spec = tf.TensorSpec([None], tf.float32, "x")
    function = tf.function(lambda x: {"y": x}).get_concrete_function(spec)
    tf.saved_model.save(module, str(folder / "1"), {"serving_default": function})

    found = compared(trained, folder)

    assert found is not None
    assert found.metrics == ()
    assert found.remark == (
        "version 1 of housing cannot be compared: it takes or gives other tensors than the new one"
    )


@pytest.mark.parametrize("trained", ["housing"], indirect=True)
def test_one_that_is_damaged_costs_no_training(trained: Trained, folder: Path) -> None:
    (folder / "1" / "saved_model.pb").write_bytes(b"\x00 no graph")

    found = compared(trained, folder)

    assert found is not None
    assert found.remark is not None
    assert "cannot be loaded" in found.remark


@pytest.mark.parametrize("trained", ["housing"], indirect=True)
def test_one_of_other_data_may_have_seen_the_examples(trained: Trained, folder: Path) -> None:
    other = trained.card.data_set.model_copy(update={"sha256": "0" * 64})

    found = compared(trained, folder, data_set=other)

    assert found is not None
    assert found.metrics
    assert found.remark is not None
    assert "may have seen these very examples" in found.remark


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ((0.80, 0.01), (0.83, 0.01), True),  # 1.96 (0.01 + 0.01) is 0.0392
        ((0.80, 0.01), (0.84, 0.01), False),
        ((0.84, 0.01), (0.80, 0.01), False),
        ((0.80, 0.01), (0.80, None), None),
    ],
)
def test_intervals_overlap_where_both_reach(
    old: tuple[float, float], new: tuple[float, float | None], expected: bool | None
) -> None:
    blank = Metric(name="accuracy", value=0, unit="1", definition="")
    first, second = (
        blank.model_copy(update={"value": value, "standard_error": error})
        for value, error in (old, new)
    )
    assert do_overlap(first, second) is expected
