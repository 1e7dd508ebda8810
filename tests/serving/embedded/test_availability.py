import pytest

from serving.embedded.availability import Action, Phase, VersionSnapshot, next_action


def version(number: int, phase: Phase, wanted: bool = True) -> VersionSnapshot:
    return VersionSnapshot(number, wanted, phase)


@pytest.mark.parametrize(
    ("versions", "action"),
    [
        ([], None),
        ([version(1, "ready")], None),
        ([version(1, "new"), version(2, "new")], Action("load", 2)),
        # the old one stays until the new one is ready
        ([version(1, "ready", wanted=False), version(2, "new")], Action("load", 2)),
        ([version(1, "ready", wanted=False), version(2, "between")], None),
        ([version(1, "ready", wanted=False), version(2, "ready")], Action("unload", 1)),
        # nothing is wanted any more, or one old version is enough to stay available
        ([version(1, "ready", wanted=False)], Action("unload", 1)),
        (
            [version(1, "ready", False), version(2, "ready", False), version(3, "new")],
            Action("unload", 1),
        ),
    ],
)
def test_the_new_is_loaded_before_the_old_is_unloaded(
    versions: list[VersionSnapshot], action: Action | None
) -> None:
    assert next_action(versions) == action
