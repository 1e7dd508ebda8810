"""What holds of every example, whatever it answers."""

import subprocess
import sys
from pathlib import Path

import pytest

from serving.models import MODELS
from serving.typed_models import load_models
from tests.examples.published import FOLDER
from training.recipes import load_recipes

NAMES = sorted(path.parent.name for path in FOLDER.glob("*/__init__.py"))
MOST_LINES = 250  # of Python: what an example needs more, others need, too


def test_each_is_found_by_its_folder_with_its_recipe() -> None:
    assert sorted(load_models(FOLDER).keys() - MODELS.keys()) == NAMES
    assert sorted(load_recipes(FOLDER).keys() - MODELS.keys()) == NAMES


def test_who_serves_them_needs_no_tensorflow() -> None:
    code = (
        "import sys; from pathlib import Path; from serving.typed_models import load_models;"
        f"load_models(Path({str(FOLDER)!r}));"
        "print([m for m in ('tensorflow', 'keras', 'training') if m in sys.modules])"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert finished.stdout.decode().strip() == "[]"


@pytest.mark.parametrize("name", NAMES)
def test_each_is_short(name: str) -> None:
    files: list[Path] = sorted((FOLDER / name).rglob("*.py"))
    assert sum(len(path.read_text().splitlines()) for path in files) <= MOST_LINES
