"""models.config as text: what TensorFlow Serving is to serve, and from where."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from google.protobuf import text_format

from proto.management_pb2 import (
    ModelConfig,
    ModelConfigList,
    ModelServerConfig,
    ServableVersionPolicy,
)

# The version before the newest stays up too, so that a bad one can be compared and rolled back.
NUM_VERSIONS = 2
_RULE = ModelConfig(
    model_version_policy=ServableVersionPolicy(
        latest=ServableVersionPolicy.Latest(num_versions=NUM_VERSIONS)
    )
)


class WrongExceptions(Exception):
    """A file of exceptions cannot be used; the message says where it is wrong."""


def model_config(
    models: Mapping[str, Path], exceptions: Mapping[str, ModelConfig] = MappingProxyType({})
) -> str:
    """Write models.config for models by name, each with the folder of its versions.

    The base paths are absolute: TensorFlow Serving accepts no others. Links in them stay links, for
    they may come to point elsewhere while it serves.
    """
    configs = []
    for name, folder in sorted(models.items()):
        config = ModelConfig()
        config.CopyFrom(exceptions.get(name, _RULE))
        config.name, config.base_path = name, str(folder.absolute())
        config.model_platform = "tensorflow"
        if not config.HasField("model_version_policy"):
            config.model_version_policy.CopyFrom(_RULE.model_version_policy)
        configs.append(config)
    config_list = ModelServerConfig(model_config_list=ModelConfigList(config=configs))
    # Also without a model it is a text, as it must be: an empty file is refused.
    return text_format.MessageToString(config_list)


def read_exceptions(file: Path) -> dict[str, ModelConfig]:
    """Read what is to be served otherwise than by the rule: by name, what differs from it.

    The file has the form of models.config itself, and may hold nothing but comments.

    Raises:
        WrongExceptions: it cannot be read, or parsed, or names a model twice or none.
    """
    try:
        config = text_format.Parse(file.read_text(), ModelServerConfig())
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        message = f"{file}: {error}"
        raise WrongExceptions(message) from error
    exceptions: dict[str, ModelConfig] = {}
    for each in config.model_config_list.config:
        if not each.name or each.name in exceptions:
            message = f"{file}: each config needs a name of its own, not {each.name!r}"
            raise WrongExceptions(message)
        exceptions[each.name] = each
    return exceptions
