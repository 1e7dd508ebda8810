from typing import Any

import pytest
from tensorflow_serving.config.file_system_storage_path_source_pb2 import (
    FileSystemStoragePathSourceConfig,
)

from serving.embedded.version_policy import versions_on_disk, wanted_versions
from serving.tf_serving.repository import version_of

Policy = FileSystemStoragePathSourceConfig.ServableVersionPolicy


@pytest.mark.parametrize(
    ("directory", "version"),
    [
        ("1", 1),
        ("00001", 1),
        ("0", 0),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("tmp-3", None),
        ("-9223372036854775809", None),
        ("-3", -3),
        ("+3", 3),
        (" 3 ", 3),
        ("3.old", None),
        ("- 3", None),
        ("1e3", None),
        ("0x10", None),
        ("-", None),
        ("", None),
        ("٣", None),
    ],
)
def test_only_whole_numbers_are_versions(directory: str, version: int | None) -> None:
    assert version_of(directory) == version


def test_two_spellings_of_a_version_are_one() -> None:
    assert versions_on_disk(["2", "1", "001", "assets"]) == {1: "1", 2: "2"}


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (Policy(), {7}),
        (Policy(latest=Policy.Latest(num_versions=2)), {3, 7}),
        (Policy(latest=Policy.Latest(num_versions=9)), {1, 3, 7}),
        (Policy(latest=Policy.Latest(num_versions=0)), {7}),
        (Policy(all=Policy.All()), {1, 3, 7}),
        (Policy(specific=Policy.Specific(versions=[3, 4])), {3}),
        (Policy(specific=Policy.Specific()), set()),
    ],
)
def test_policies(policy: Any, wanted: set[int]) -> None:
    assert wanted_versions(policy, [1, 3, 7]) == wanted


def test_an_empty_folder_offers_nothing() -> None:
    assert wanted_versions(Policy(), []) == set()
