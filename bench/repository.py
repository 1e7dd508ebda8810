"""The folder of all models that are asked: the shipped ones, and the generic ones."""

import shutil
from pathlib import Path

from bench.foreign_models import WIDTHS
from bench.processes import output_of
from bench.stack import shipped_models
from serving.models import MODELS


def repository(scratch: Path) -> Path:
    """Make it, unless all of it is there: an older benchmark may have left fewer models."""
    folder = scratch / "models"
    if not all((folder / model).is_dir() for model in (*MODELS, *WIDTHS)):
        shutil.rmtree(folder, ignore_errors=True)
        unfinished = scratch / "models-unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        shipped_models(unfinished)
        output_of("bench.foreign_models", str(unfinished), log=scratch / "logs" / "models.log")
        unfinished.rename(folder)
    return folder
