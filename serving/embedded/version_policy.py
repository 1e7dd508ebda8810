"""Which of the versions on disk a model's policy asks for; touches no file and loads nothing."""

from collections.abc import Iterable

from tensorflow_serving.config import file_system_storage_path_source_pb2 as source_pb2

from serving.tf_serving.repository import version_of


def versions_on_disk(names: Iterable[str]) -> dict[int, str]:
    """Return version -> directory name; of two spellings of a version the last in order counts."""
    spelled = {name: version_of(name) for name in sorted(names)}
    return {version: name for name, version in spelled.items() if version is not None}


def wanted_versions(
    policy: source_pb2.FileSystemStoragePathSourceConfig.ServableVersionPolicy,
    on_disk: Iterable[int],
) -> set[int]:
    """Return the versions to serve: all, the listed ones that exist, or the latest few (one)."""
    present = set(on_disk)
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return present
    if choice == "specific":
        return present & set(policy.specific.versions)
    count = max(1, policy.latest.num_versions)
    return set(sorted(present, reverse=True)[:count])
