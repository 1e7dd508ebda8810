"""The command `tfgate new-model`: which files it writes, and what it refuses to."""

from pathlib import Path

from serving.models import MODELS
from serving.typed_models import name_objection
from tfgate.inspection.places import find
from tfgate.inspection.saved_model import read
from tfgate.new_model.typed_file import NotTyped, typed_file, typed_model


class CannotWrite(Exception):
    """A file cannot be written, or must not be; the message says why."""


def new_model(name: str, source: Path, folder: Path, *, recipe: bool) -> list[Path]:
    """Write the typed file of a model, and its recipe if wanted; give the files.

    Raises:
        NotASavedModel: there is none at the source.
        NotTyped: no such file can be written for it.
        CannotWrite: the name is none or taken, or a file is there already.
    """
    _check_name(name)
    places = find(source)
    if len(places) > 1:
        names = ", ".join(place.model for place in places)
        raise NotTyped(f"{source} holds several models: name the folder of one of {names}")
    model = typed_model(name, read(places[0]))
    files = {folder / f"{name}.py": typed_file(model)}
    if recipe:
        from tfgate.new_model.recipe_file import recipe_file  # noqa: PLC0415

        files[folder / "recipes" / f"{name}.py"] = recipe_file(model)
    for path in files:
        if path.exists():
            message = f"{path} is there already: remove it, or choose another name or folder"
            raise CannotWrite(message)
    for path, text in files.items():
        _write(path, text)
    return list(files)


def _check_name(name: str) -> None:
    if objection := name_objection(name):
        raise CannotWrite(objection)
    if name in MODELS:
        message = f"{name} is a model of tfgate's own: choose another name"
        raise CannotWrite(message)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        raise CannotWrite(message) from error
