"""models.config as the gateway reads it: what the model server has been told to serve, and keep."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from google.protobuf import text_format

from proto.management_pb2 import ModelConfig, ModelServerConfig
from serving.gateway.releases.release import Release
from serving.gateway.settings import WrongSettings


class WrongModelsConfig(WrongSettings):
    """The file that lists the model server's models cannot be used; the message names it."""


def content_of(file: Path) -> bytes:
    """Read the file; one that is not there, as while it is replaced, is empty."""
    with suppress(OSError):
        return file.read_bytes()
    return b""


def models_in(file: Path, content: bytes) -> dict[str, ModelConfig]:
    """Return what the file's content says of each model, by name; nothing, if it is empty.

    Raises:
        WrongModelsConfig: it is no models.config.
    """
    config = ModelServerConfig()
    try:
        text_format.Parse(content.decode(), config, allow_unknown_field=True)
    except (text_format.ParseError, UnicodeDecodeError) as error:
        message = f"TFGATE_MODELS_CONFIG: {file} is no models.config: {error}"
        raise WrongModelsConfig(message) from error
    return {each.name: each for each in config.model_config_list.config if each.name}


def labels(config: ModelConfig) -> dict[str, int]:
    """Return which version each of the model's labels stands for."""
    return dict(sorted(config.version_labels.items()))


def kept(config: ModelConfig, there: Collection[int]) -> set[int]:
    """Return which of the versions that are there the model server loads, and keeps loaded."""
    policy = config.model_version_policy
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return set(there)
    if choice == "specific":
        return set(there) & set(policy.specific.versions)
    return set(sorted(there)[-_num_newest(config) :])


def unkept(config: ModelConfig, release: Release, there: Collection[int]) -> str | None:
    """Say which version that a release needs the model server does not keep, and what to change.

    `there` are the versions that the model server knows of, those that failed to load included:
    they count for it as well. So does a version of the release that is still to come, for its
    coming is what pushes an older one out.
    """
    roles = _roles(release)
    everything = {*there, *roles}
    missing = sorted(roles.keys() - kept(config, everything))
    if not missing:
        return None
    named = _listed(f"{version} ({roles[version]})" for version in missing)
    stay = (
        f"version {named} does not stay" if len(missing) == 1 else f"versions {named} do not stay"
    )
    specific = f"{{ specific {{ {' '.join(f'versions: {each}' for each in sorted(roles))} }} }}"
    if config.model_version_policy.HasField("specific"):
        keeps = "those that are listed" + _which(config.model_version_policy.specific.versions)
        policy = specific
    else:
        keeps = f"the newest {_num_newest(config)}" + _which(kept(config, everything))
        num_versions = sum(version >= missing[0] for version in everything)
        policy = f"{{ latest {{ num_versions: {num_versions} }} }} or {specific}"
    return (
        f"of {config.name}'s versions the model server keeps {keeps}: {stay} loaded; set its "
        f"model_version_policy {policy} in models.config, or in the exceptions that it is made with"
    )


def _num_newest(config: ModelConfig) -> int:
    """Unset is 1, and so is 0."""
    return max(1, config.model_version_policy.latest.num_versions)


def _roles(release: Release) -> Mapping[int, str]:
    """Return what each version is needed for; one that has two roles, for the weightier.

    While a candidate is tried, going back means to the stable version: the one before can wait.
    """
    roles = {} if release.previous is None or release.candidate else {release.previous: "previous"}
    if release.shadow is not None:
        roles[release.shadow.version] = "shadow"
    if release.candidate is not None:
        roles[release.candidate.version] = "candidate"
    return roles | {release.stable: "stable"}


def _which(versions: Collection[int]) -> str:
    return f" ({_listed(map(str, sorted(versions)))})" if versions else ", and none is"


def _listed(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
