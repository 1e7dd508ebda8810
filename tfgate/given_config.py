"""What is given as --models-config: a models.config of its owner's, read and never written."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from serving.tf_serving.model_config import WrongExceptions, read_exceptions


class WrongConfig(Exception):
    """Nothing can be served by a models.config; the message says what is to be in it."""


class GivenConfig:
    """The models that the file lists, by name, each with the folder of its versions."""

    def __init__(self, file: Path) -> None:
        """Read the file.

        Raises:
            WrongConfig: it is none, lists no model, or names a folder that TF Serving would not.
        """
        self.file = file.absolute()
        self.models: Mapping[str, Path] = self._read()

    def look(self) -> None:
        """Read the file again; a wrong one changes nothing, as the model server says itself."""
        with suppress(WrongConfig):
            self.models = self._read()

    def _read(self) -> Mapping[str, Path]:
        try:
            configs = read_exceptions(self.file)
        except WrongExceptions as error:
            raise WrongConfig(f"--models-config: {error}") from error
        if not configs:
            message = f"--models-config: {self.file} lists no model; one is config {{ name: "
            raise WrongConfig(f'{message}"churn" base_path: "/models/churn" }}.')
        for name, config in configs.items():
            folder = Path(config.base_path)
            if not folder.is_absolute() or not folder.is_dir():
                what = "folder of versions" if folder.is_absolute() else "path from / on"
                message = f"base_path of {name} is {config.base_path!r}, which is no {what}."
                raise WrongConfig(f"--models-config: {self.file}: {message}")
        return {name: Path(config.base_path) for name, config in configs.items()}
