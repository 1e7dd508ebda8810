"""Where typed models come from: our own, a user's folder of files, installed packages.

Knows neither HTTP nor gRPC; `load_value` is for whatever else a user writes into files.
"""

import hashlib
import importlib
import keyword
import re
import sys
import traceback
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from serving.contract import Model
from serving.models import MODELS

GROUP = "tfgate.models"  # of entry points
_MAX_TOLD = 300  # characters of an error in a file
_VALUE = "MODEL"

ValueT = TypeVar("ValueT")


class WrongModels(Exception):
    """A file or a package that should bring a model does not; the message says which, and why."""


def load_models(folder: Path | None = None) -> dict[str, Model[Any, Any]]:
    """Give every typed model by its name: a file's name, or that of an entry point.

    In the folder, files and packages whose names begin with an underscore are none of models.

    Raises:
        WrongModels: one cannot be imported, brings no model, or has a name that is none or taken.
    """
    models, sources = dict(MODELS), dict.fromkeys(MODELS, "tfgate itself")
    for name, source, model in (*_of_folder(folder), *_of_packages()):
        if name in models:
            message = f"{source}: the name {name} is taken by {sources[name]}; choose another"
            raise WrongModels(message)
        models[name], sources[name] = model, source
    return models


def name_objection(name: str) -> str | None:
    """Say why something cannot be a model's name, if it cannot.

    It stands in paths, in metrics and in Python.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        return f"{name!r} is no name: it must be a letter, then letters, digits and underscores"
    if keyword.iskeyword(name):
        return f"{name!r} is no name: it means something in Python"
    return None


def load_value(folder: Path, name: str, attribute: str, kind: type[ValueT]) -> ValueT:
    """Import a file of a folder, or a package in it, and give what it calls so.

    The name is dotted for what lies deeper, as in Python: `churn.recipe`. Files may import one
    another relatively. A file is imported once in a process.

    Raises:
        WrongModels: it cannot be imported, or has no such value.
    """
    package = _package(folder)
    file = _file_of(folder, name)
    try:
        module = importlib.import_module(f"{package}.{name}")
    # Whatever a user's file does wrong, its user is told in one sentence.
    except (Exception, SystemExit) as error:
        message = f"{_place(error, folder, file)}: {_in_a_line(error)}"
        raise WrongModels(message) from error
    if not hasattr(module, attribute):
        message = (
            f"{file} has no {attribute}: end it with {attribute} = {kind.__name__}(…), or begin "
            "its name with an underscore if it only helps the others"
        )
        raise WrongModels(message)
    return _checked(getattr(module, attribute), str(file), attribute, kind)


def _of_folder(folder: Path | None) -> Iterator[tuple[str, str, Model[Any, Any]]]:
    if folder is None:
        return
    for name in names_in(folder):
        yield name, str(_file_of(folder, name)), load_value(folder, name, _VALUE, Model)


def names_in(folder: Path) -> list[str]:
    """Name the files and the packages of a folder that must bring a value.

    Raises:
        WrongModels: the folder cannot be read, or a name is none.
    """
    try:
        files = {path.stem: path for path in folder.glob("*.py")}
        packages = {path.parent.name: path for path in folder.glob("*/__init__.py")}
    except OSError as error:
        message = f"{folder} cannot be read: {error.strerror}"
        raise WrongModels(message) from error
    found = {name: path for name, path in (files | packages).items() if not name.startswith("_")}
    for name, path in sorted(found.items()):
        if objection := name_objection(name):
            message = f"{path}: {objection}"
            raise WrongModels(message)
    return sorted(found)


def _of_packages() -> Iterator[tuple[str, str, Model[Any, Any]]]:
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        package = point.dist.name if point.dist else point.module
        source = f"the package {package} ({point.name} = {point.value!r})"
        if objection := name_objection(point.name):
            message = f"{source}: {objection}"
            raise WrongModels(message)
        yield point.name, source, _checked(_loaded(point, source), source, "it", Model)


def _loaded(point: EntryPoint, source: str) -> object:
    try:
        return point.load()
    # Whatever an installed package does wrong, whoever starts tfgate is told in one sentence.
    except (Exception, SystemExit) as error:
        message = f"{source}: {_in_a_line(error)}"
        raise WrongModels(message) from error


def _checked(value: object, source: str, what: str, kind: type[ValueT]) -> ValueT:
    if isinstance(value, kind):
        return value
    wanted = f"{kind.__module__}.{kind.__name__}"
    message = f"{source}: {what} is {_described(value)}, and must be a {wanted}"
    raise WrongModels(message)


def _described(value: object) -> str:
    if isinstance(value, ModuleType):
        return f"the module {value.__name__}"
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"


def _package(folder: Path) -> str:
    """Give the name under which the files of a folder are imported: one of its own.

    A model may so be named as any module of Python's, and two folders may have files of one name.
    """
    place = folder.resolve()
    name = f"tfgate_files_{hashlib.sha256(str(place).encode()).hexdigest()[:16]}"
    if name not in sys.modules:
        package = ModuleType(name)
        package.__path__ = [str(place)]
        sys.modules[name] = package
    importlib.invalidate_caches()
    return name


def _file_of(folder: Path, name: str) -> Path:
    place = folder.joinpath(*name.split("."))
    package = place / "__init__.py"
    return package if package.is_file() else place.with_suffix(".py")


def _place(error: BaseException, folder: Path, file: Path) -> str:
    """Name the last line of the folder's files that the error came from."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    ours = str(folder.resolve())
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame for frame in frames if frame.filename.startswith(ours)]
    return f"{lines[-1].filename}, line {lines[-1].lineno}" if lines else str(file)


def _in_a_line(error: BaseException) -> str:
    text = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    return f"{type(error).__name__}: {text[:_MAX_TOLD]}"
