"""The registry: every module in this folder is a model, and its file name is the model's name."""

import pkgutil
from importlib import import_module
from typing import Any

from serving.contract import Model

MODELS: dict[str, Model[Any, Any]] = {
    module.name: import_module(f"{__name__}.{module.name}").MODEL
    for module in pkgutil.iter_modules(__path__)
}
