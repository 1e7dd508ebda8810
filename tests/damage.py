"""What may have happened to the files of a version; a damage is a function of its folder."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

GRAPH = "saved_model.pb"
VARIABLES_INDEX = "variables/variables.index"
VARIABLES_DATA = "variables/variables.data-00000-of-00001"
WARMUP = "assets.extra/tf_serving_warmup_requests"

Damage = Callable[[Path], None]


def remove(name: str) -> Damage:
    """Lose a file."""
    return lambda version: (version / name).unlink()


def cut(name: str, share: float = 0.5) -> Damage:
    """Keep only the first part of a file."""

    def damage(version: Path) -> None:
        os.truncate(version / name, int(share * (version / name).stat().st_size))

    return damage


def remove_variables(version: Path) -> None:
    """Lose the whole folder of variables."""
    shutil.rmtree(version / "variables")
