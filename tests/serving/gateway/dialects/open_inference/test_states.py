"""How versions stand, as Triton's repository extension says it."""

from serving.gateway.dialects.open_inference.states import index, is_ready
from serving.gateway.inference.catalog import VersionState
from serving.gateway.inference.monitor import ModelState

VERSIONS = [
    VersionState(4, "LOADING", None, None),
    VersionState(3, "AVAILABLE", None, None),
    VersionState(2, "AVAILABLE", None, None),
    VersionState(1, "END", "no file", "NOT_FOUND"),
]
FOUND = ModelState(VERSIONS, {3: "its first question failed"}, None)


def test_a_version_is_ready_once_it_has_proved_itself() -> None:
    told = [
        (each.version, each.state, each.reason) for each in index({"m": FOUND}, only_ready=False)
    ]

    assert told == [
        ("4", "LOADING", ""),
        ("3", "UNAVAILABLE", "its first question failed"),
        ("2", "READY", ""),
        ("1", "UNAVAILABLE", "no file"),
    ]
    assert [each.version for each in index({"m": FOUND}, only_ready=True)] == ["2"]
    ready = [version for version in range(1, 6) if is_ready(FOUND, version)]
    assert ready == [2]
    assert is_ready(FOUND, None)


def test_a_model_without_versions_has_a_line() -> None:
    [line] = index({"m": ModelState([], {}, "there is no version")}, only_ready=False)

    assert (line.version, line.state, line.reason) == ("", "UNAVAILABLE", "there is no version")
    assert not is_ready(ModelState([], {}, "there is no version"), None)
