"""Whether the files that the settings name could be used by a process that starts now."""

from serving.gateway.inference.models_config import content_of, models_in
from serving.gateway.middleware.keys import read_keys
from serving.gateway.releases.release_file import ReleaseFile
from serving.gateway.settings import Settings, WrongSettings
from serving.typed_models import load_models


def check_files(settings: Settings) -> None:
    """Read what a process reads at its start.

    Raises:
        WrongKeys: the file of API keys cannot be used.
        WrongModels: a typed model of a user's own cannot be loaded.
        WrongSettings: the model server's list of models cannot be used, or a model is required
            that does not exist.
    """
    known = settings.known_models(load_models(settings.models_path))
    unknown = [] if known is None else sorted(set(settings.required_models) - known)
    if unknown:
        there = ", ".join(sorted(known or ()))
        message = f"wrong settings: TFGATE_REQUIRED_MODELS: there is no {unknown[0]}, only {there}"
        raise WrongSettings(message)
    if settings.keys_file is not None:
        read_keys(settings.keys_file, known)
    if settings.releases is not None:
        problem = ReleaseFile(settings.releases, models=known).problem
        if problem is not None:
            message = f"TFGATE_RELEASES: {problem}"
            raise WrongSettings(message)
    if settings.models_config is not None:
        models_in(settings.models_config, content_of(settings.models_config))
