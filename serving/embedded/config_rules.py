"""What a models.config says and which changes to it are legal; touches no model and no state.

The rules and their texts are TF Serving's (server_core.cc).
"""

from collections.abc import Iterable

from tensorflow_serving.config import model_server_config_pb2 as config_pb2

from serving.embedded.statuses import invalid_argument
from serving.embedded.text_protos import read_text_proto

ModelServerConfig = config_pb2.ModelServerConfig

TENSORFLOW_PLATFORM = "tensorflow"


def read_config_file(path: str) -> config_pb2.ModelServerConfig:
    """Read a ModelServerConfig in text format.

    Raises:
        StatusError: see `read_text_proto`.
    """
    return read_text_proto(path, config_pb2.ModelServerConfig())


def single_model_config(name: str, base_path: str) -> config_pb2.ModelServerConfig:
    """Return the configuration of `--model_name` and `--model_base_path`."""
    model = config_pb2.ModelConfig(
        name=name, base_path=base_path, model_platform=TENSORFLOW_PLATFORM
    )
    return config_pb2.ModelServerConfig(
        model_config_list=config_pb2.ModelConfigList(config=[model])
    )


def platform_of(model: config_pb2.ModelConfig) -> str:
    """Return the platform, also from the deprecated `model_type`.

    Raises:
        StatusError: INVALID_ARGUMENT when both or neither are set, or the type is no platform.
    """
    if model.model_type == config_pb2.MODEL_TYPE_UNSPECIFIED:
        if not model.model_platform:
            raise invalid_argument(
                "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
                f"ModelServerConfig::model_platform, model name is {model.name}"
            )
        return str(model.model_platform)
    if model.model_platform:
        raise invalid_argument(
            "Illegal setting both ModelServerConfig::model_type (deprecated) and "
            f"ModelServerConfig::model_platform, model name is {model.name}"
        )
    if model.model_type != config_pb2.TENSORFLOW:
        raise invalid_argument(
            f"ModelServerConfig::model_type choice {model.model_type} not supported."
        )
    return TENSORFLOW_PLATFORM


def check_list(models: Iterable[config_pb2.ModelConfig]) -> None:
    """Check a list of models on its own.

    Raises:
        StatusError: INVALID_ARGUMENT for a name listed twice or a relative base path.
    """
    models = list(models)
    seen = set()
    for model in models:
        if model.name in seen:
            raise invalid_argument(
                f"Illegal to list model {model.name} multiple times in config list"
            )
        seen.add(model.name)
    for model in models:
        if not model.base_path.startswith("/") and "://" not in model.base_path:
            raise invalid_argument(
                f"Expected model {model.name} to have an absolute path or URI; "
                f"got base_path()={model.base_path}"
            )


def check_transition(
    before: Iterable[config_pb2.ModelConfig], after: Iterable[config_pb2.ModelConfig]
) -> None:
    """Check that no model changes its platform.

    The platforms of `before` are read first: a stored entry without one makes every later
    configuration fail, as in TF Serving.

    Raises:
        StatusError: INVALID_ARGUMENT for a changed or missing platform.
    """
    platforms = {model.name: platform_of(model) for model in before}
    for model in after:
        old = platforms.get(model.name)
        if old is not None and (new := platform_of(model)) != old:
            raise invalid_argument(
                f"Illegal to change a model's platform. For model {model.name} platform was {old} "
                f"and new platform requested is {new}"
            )


def check_platforms(models: Iterable[config_pb2.ModelConfig]) -> None:
    """Check that every model's platform is one that can be served.

    Raises:
        StatusError: INVALID_ARGUMENT for any other platform.
    """
    for model in models:
        platform = platform_of(model)
        if platform != TENSORFLOW_PLATFORM:
            raise invalid_argument(f"Model {model.name} requests unsupported platform {platform}")
