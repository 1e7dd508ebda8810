"""Which of the versions on disk a model's policy asks for; touches no file and loads nothing."""

import re
from collections.abc import Iterable

from tensorflow_serving.config import file_system_storage_path_source_pb2 as source_pb2

# The spellings that absl::SimpleAtoi reads, with which TF Serving reads them.
_WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)
_VERSIONS = range(-(2**63), 2**63)


def version_of(directory: str) -> int | None:
    """Return the version that a directory's name spells (`00001` is 1), None for other names."""
    if not _WHOLE_NUMBER.fullmatch(directory):
        return None
    version = int(directory)
    return version if version in _VERSIONS else None


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
