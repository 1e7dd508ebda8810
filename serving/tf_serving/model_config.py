"""models.config for a model repository: what TensorFlow Serving is to serve, and from where."""

from pathlib import Path

from google.protobuf import text_format

from proto.management_pb2 import (
    ModelConfig,
    ModelConfigList,
    ModelServerConfig,
    ServableVersionPolicy,
)

# The version before the newest stays up too, so that a bad one can be compared and rolled back.
NUM_VERSIONS = 2


def model_config(repository: Path) -> str:
    """Write models.config, as text, for every model folder of a repository.

    The base paths are absolute: TensorFlow Serving accepts no others. Links in them stay links, for
    they may come to point elsewhere while it serves.
    """
    policy = ServableVersionPolicy(latest=ServableVersionPolicy.Latest(num_versions=NUM_VERSIONS))
    configs = [
        ModelConfig(
            name=folder.name,
            base_path=str(folder.absolute()),
            model_platform="tensorflow",
            model_version_policy=policy,
        )
        for folder in sorted(repository.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
    ]
    config = ModelServerConfig(model_config_list=ModelConfigList(config=configs))
    return text_format.MessageToString(config)
