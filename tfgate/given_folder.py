"""What is given as --repository: a repository, one model's folder, or a SavedModel itself."""

import os
from pathlib import Path

from serving.tf_serving.repository import find_models, find_versions, is_saved_model, version_of

_TRAIN = "Train the shipped models with 'tfgate train all', or name another with --repository."

_KERAS = (".keras", ".h5", ".hdf5")


class WrongFolder(Exception):
    """Nothing can be served from a folder; the message says what is to lie there."""


def repository_of(given: Path, scratch: Path) -> Path:
    """Return the repository that is meant.

    For one model alone it is made in `scratch`, of links, so that nothing else is served that lies
    beside it. A SavedModel is the version that its folder is called, or version 1.

    Raises:
        WrongFolder: there is no version of any model.
    """
    _check_is_folder(given)
    if find_models(given):
        return given
    folder = Path(os.path.abspath(given))  # noqa: PTH100  # unlike resolve(), it leaves links alone
    if find_versions(folder):
        link = scratch / "repository" / _name(folder)
    elif is_saved_model(folder):
        version = version_of(folder.name)
        name = _name(folder if version is None else folder.parent)
        link = scratch / "repository" / name / str(version or 1)
    else:
        raise WrongFolder(_nothing_in(given))
    link.parent.mkdir(parents=True)
    link.symlink_to(folder)
    return scratch / "repository"


def saved_models_without_version(repository: Path) -> list[Path]:
    """Return folders that are SavedModels where folders of their versions belong."""
    return sorted(path for path in repository.iterdir() if _is_saved_model(path))


def _check_is_folder(given: Path) -> None:
    if given.is_file():
        remedy = "One is such as models, with models/NAME/1/saved_model.pb."
        if is_saved_model(given.parent):
            remedy = f"Name the folder that it is in: --repository {given.parent}"
        elif given.suffix in _KERAS:
            remedy = f"keras.saving.load_model({str(given)!r}).export('models/NAME/1') makes one."
        message = f"{given} is a file, and not a folder of SavedModels. {remedy}"
        raise WrongFolder(message)
    if not given.is_dir():
        message = f"there is no model repository at {given}. {_TRAIN}"
        raise WrongFolder(message)
    if not os.access(given, os.R_OK | os.X_OK):
        message = f"the model repository {given} may not be read by this user."
        raise WrongFolder(message)


def _nothing_in(given: Path) -> str:
    said = f"the model repository {given} holds no version of any model"
    if strays := saved_models_without_version(given):
        return f"{said}. {without_version(strays[0])}"
    for inside in sorted(path for path in given.iterdir() if path.is_dir()):
        if os.access(inside, os.R_OK | os.X_OK) and find_models(inside):
            return f"{said}, but a folder in it does: --repository {inside}"
    return (
        f"{said}; one is a SavedModel, such as {given / 'NAME' / '1' / 'saved_model.pb'}. {_TRAIN}"
    )


def without_version(stray: Path) -> str:
    """Say what to do with a SavedModel that lies where folders of versions belong."""
    return (
        f"{stray} is a SavedModel where folders of its versions belong: move what is in it to "
        f"{stray / '1'}, or serve it alone with --repository {stray}"
    )


def _is_saved_model(path: Path) -> bool:
    try:
        return is_saved_model(path)
    except OSError:
        return False


def _name(folder: Path) -> str:
    """Return the name for a model; a hidden folder has one, but no model is hidden."""
    return folder.name.lstrip(".") or "model"
