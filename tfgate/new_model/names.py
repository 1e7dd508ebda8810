"""Names of fields and of classes, from those of tensors and of models."""

import keyword
import re
from collections.abc import Iterable

from pydantic import BaseModel

LONGEST = 40
# What the annotations beside the fields are written with.
_MEANT = {"bool", "float", "int", "list", "str", "Annotated", "Field"}


def field_names(tensors: Iterable[str]) -> dict[str, str]:
    """Give each tensor the name of a field: its own, as far as a field can be called so."""
    names: dict[str, str] = {}
    for tensor in tensors:
        name = wanted = _field_name(tensor)
        number = 2
        while name in names.values():
            name, number = f"{wanted}_{number}", number + 1
        names[tensor] = name
    return names


def class_name(name: str) -> str:
    """Give the first part of a class's name for a model's, or a field's."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _field_name(tensor: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "_", tensor)[:LONGEST].strip("_")
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower() if name[:1].islower() else name
    if not name or name[0].isdigit():
        name = f"tensor_{name}"
    if keyword.iskeyword(name) or name in _MEANT or hasattr(BaseModel, name):
        name += "_"
    return name
