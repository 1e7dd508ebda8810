"""models.config as the gateway reads it: which models the model server has been told to serve."""

from contextlib import suppress
from pathlib import Path

from google.protobuf import text_format

from proto.management_pb2 import ModelServerConfig
from serving.gateway.settings import WrongSettings


class WrongModelsConfig(WrongSettings):
    """The file that lists the model server's models cannot be used; the message names it."""


def content_of(file: Path) -> bytes:
    """Read the file; one that is not there, as while it is replaced, is empty."""
    with suppress(OSError):
        return file.read_bytes()
    return b""


def names_in(file: Path, content: bytes) -> set[str]:
    """Return the names that the file's content lists; none, if it is empty.

    Raises:
        WrongModelsConfig: it is no models.config.
    """
    config = ModelServerConfig()
    try:
        text_format.Parse(content.decode(), config, allow_unknown_field=True)
    except (text_format.ParseError, UnicodeDecodeError) as error:
        message = f"TFGATE_MODELS_CONFIG: {file} is no models.config: {error}"
        raise WrongModelsConfig(message) from error
    return {each.name for each in config.model_config_list.config} - {""}
