"""models.config as text: what TensorFlow Serving is to serve, and from where."""

from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

from google.protobuf import text_format

from proto.management_pb2 import (
    ModelConfig,
    ModelConfigList,
    ModelServerConfig,
    ServableVersionPolicy,
)
from serving.tf_serving.repository import find_versions

# The version before the newest stays up too, so that a bad one can be compared and rolled back.
NUM_VERSIONS = 2
_NEWEST = ServableVersionPolicy(latest=ServableVersionPolicy.Latest(num_versions=NUM_VERSIONS))
_NOTHING: Mapping[str, ModelConfig] = MappingProxyType({})
_NOBODY: Mapping[str, Collection[int]] = MappingProxyType({})


class WrongExceptions(Exception):
    """A file of exceptions cannot be used; the message says where it is wrong."""


def model_config(
    models: Mapping[str, Path],
    exceptions: Mapping[str, ModelConfig] = _NOTHING,
    released: Mapping[str, Collection[int]] = _NOBODY,
) -> str:
    """Write models.config for models by name, each with the folder of its versions.

    `released` are the versions that a model's release needs. The base paths are absolute:
    TensorFlow Serving accepts no others. Links in them stay links, for they may come to point
    elsewhere while it serves.
    """
    configs = []
    for name, folder in sorted(models.items()):
        config = ModelConfig()
        if name in exceptions:
            config.CopyFrom(exceptions[name])
        config.name, config.base_path = name, str(folder.absolute())
        config.model_platform = "tensorflow"
        if not config.HasField("model_version_policy"):
            config.model_version_policy.CopyFrom(_NEWEST)
        _keep(config.model_version_policy, folder, released.get(name, ()))
        configs.append(config)
    config_list = ModelServerConfig(model_config_list=ModelConfigList(config=configs))
    # Also without a model it is a text, as it must be: an empty file is refused.
    return text_format.MessageToString(config_list)


def _keep(policy: ServableVersionPolicy, folder: Path, needed: Collection[int]) -> None:
    """Keep what a release needs besides the newest versions; what is listed by number stays.

    These by their numbers, also while they are the newest: a server that keeps the newest may see
    that another was published before it reads that the one which is stable is to stay.
    """
    if needed and policy.HasField("latest"):
        newest = sorted(find_versions(folder))[-max(1, policy.latest.num_versions) :]
        policy.specific.versions.extend(sorted({*newest, *needed}))


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
