"""The folder of all models that are asked: the shipped ones, and the generic ones."""

import shutil
from pathlib import Path

from bench.processes import output_of
from bench.stack import shipped_models


def repository(scratch: Path) -> Path:
    """Make it, unless it is there."""
    folder = scratch / "models"
    if not folder.exists():
        unfinished = scratch / "models-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        shipped_models(unfinished)
        output_of("bench.foreign_models", str(unfinished), log=scratch / "logs" / "models.log")
        unfinished.rename(folder)
    return folder
