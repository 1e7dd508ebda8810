"""models.config as its repository changes: what a model server would read after each look."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelServerConfig

from serving.tf_serving.follower import Follower
from serving.tf_serving.model_config import WrongExceptions
from tests.serving.tf_serving.test_repository import write


class Followed:
    """A repository with its models.config, as it is followed."""

    def __init__(self, folder: Path) -> None:
        self.repository = folder / "models"
        self.file = folder / "models.config"
        self.repository.mkdir(exist_ok=True)

    def publish(self, *models: str) -> None:
        for model in models:
            write(self.repository / model / "1", "saved_model.pb")

    def follow(self, exceptions: Path | None = None, releases: Path | None = None) -> Follower:
        return Follower(self.repository, self.file, exceptions, releases)

    def versions(self, model: str, *versions: int) -> None:
        for version in versions:
            write(self.repository / model / str(version), "saved_model.pb")

    def policy(self) -> str:
        """Return the policy of the first model."""
        return str(self.configs()[0].model_version_policy).replace("\n", " ")

    def configs(self) -> list[ModelConfig]:
        """Read the file as the server does, which refuses one that is empty."""
        text = self.file.read_text()
        assert text
        config = text_format.Parse(text, ModelServerConfig())
        assert config.WhichOneof("config") == "model_config_list"
        return list(config.model_config_list.config)

    def names(self) -> list[str]:
        return [config.name for config in self.configs()]


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


def test_at_first_it_is_what_lies_there(followed: Followed) -> None:
    followed.publish("b", "a")

    followed.follow()

    assert followed.names() == ["a", "b"]
    (first, _) = followed.configs()
    assert first.base_path == str(followed.repository / "a")
    assert first.model_platform == "tensorflow"
    assert first.model_version_policy.latest.num_versions == 2


def test_an_empty_repository_is_a_configuration_without_models(followed: Followed) -> None:
    followed.follow()

    assert followed.names() == []


def test_a_name_may_have_any_letter(followed: Followed) -> None:
    names = ['a "quoted" name', "back\\slash", "new\nline", "ünï 模型"]
    followed.publish(*names)

    followed.follow()

    assert followed.names() == sorted(names)


def test_a_model_comes_once_it_is_the_same_for_two_looks(followed: Followed) -> None:
    follower = followed.follow()
    followed.publish("churn")
    growing = followed.repository / "churn" / "1" / "variables"

    follower.look()
    assert followed.names() == []
    growing.touch()
    follower.look()
    assert followed.names() == []
    growing.write_text("more")
    follower.look()
    assert followed.names() == []

    follower.look()
    assert followed.names() == ["churn"]
    assert list(follower.models) == ["churn"]


def test_a_model_that_is_still_copied_keeps_no_other_waiting(followed: Followed) -> None:
    follower = followed.follow()
    followed.publish("slow", "quick")

    for length in (1, 2, 3):
        (followed.repository / "slow" / "1" / "variables").write_text("x" * length)
        follower.look()

    assert followed.names() == ["quick"]


def test_a_model_goes_once_it_is_away_for_two_looks(followed: Followed) -> None:
    followed.publish("a", "b")
    follower = followed.follow()

    shutil.rmtree(followed.repository / "b")
    follower.look()
    assert followed.names() == ["a", "b"]
    follower.look()
    assert followed.names() == ["a"]

    followed.publish("b")
    follower.look()
    follower.look()
    assert followed.names() == ["a", "b"]


def test_a_folder_that_is_replaced_does_not_go(followed: Followed) -> None:
    followed.publish("a", "b")
    follower = followed.follow()
    folder = followed.repository / "b"

    for _ in range(3):
        aside = folder.rename(followed.repository / ".b")
        follower.look()
        aside.rename(folder)
        follower.look()
        assert followed.names() == ["a", "b"]


def test_a_version_that_is_written_anew_in_its_place_does_not_go(followed: Followed) -> None:
    """The server has it in memory, and sees only that the folder is there."""
    followed.publish("a", "b")
    follower = followed.follow()

    (followed.repository / "b" / "1" / "saved_model.pb").unlink()
    for _ in range(3):
        follower.look()

    assert followed.names() == ["a", "b"]


def empty_it(repository: Path) -> None:
    """Leave the mount point."""
    shutil.rmtree(repository)
    repository.mkdir()


def put_a_file(repository: Path) -> None:
    shutil.rmtree(repository)
    repository.touch()


@pytest.mark.parametrize("lose", [empty_it, put_a_file, shutil.rmtree])
def test_a_repository_that_is_away_changes_nothing(
    lose: Callable[[Path], None], followed: Followed, caplog: pytest.LogCaptureFixture
) -> None:
    followed.publish("a", "b")
    follower = followed.follow()

    lose(followed.repository)
    for _ in range(3):
        follower.look()

    assert followed.names() == ["a", "b"]
    assert len(caplog.records) == 1  # said, and not each second
    assert str(followed.repository) in caplog.text
    if followed.repository.is_file():
        followed.repository.unlink()
    followed.publish("a", "b", "c")
    follower.look()
    follower.look()
    assert followed.names() == ["a", "b", "c"]


def test_the_file_is_replaced_and_only_when_it_changes(followed: Followed) -> None:
    followed.publish("a")
    follower = followed.follow()
    before = followed.file.stat()

    follower.look()
    assert followed.file.stat() == before

    followed.publish("b")
    with followed.file.open() as reader:
        follower.look()
        follower.look()
        # Who had opened it still reads the whole of the one before.
        assert '"b"' not in reader.read()
    assert followed.file.stat().st_ino != before.st_ino
    assert {path.name for path in followed.file.parent.iterdir()} == {"models", "models.config"}


def test_a_file_that_cannot_be_written_is_tried_again(
    followed: Followed, caplog: pytest.LogCaptureFixture
) -> None:
    followed.publish("a")
    follower = followed.follow()
    followed.publish("b")
    obstacle = write(followed.file.with_name(".models.config.draft"))

    for _ in range(3):
        follower.look()
    assert followed.names() == ["a"]
    assert len(caplog.records) == 1

    obstacle.rmdir()
    follower.look()
    follower.look()
    assert followed.names() == ["a", "b"]


def test_what_comes_and_goes_is_told(followed: Followed, caplog: pytest.LogCaptureFixture) -> None:
    followed.publish("a")
    follower = followed.follow()
    with caplog.at_level(logging.INFO):
        followed.publish("b")
        follower.look()
        follower.look()
        shutil.rmtree(followed.repository / "a")
        follower.look()
        follower.look()

    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "b has come",
        "a has gone",
    ]


PIN = """
# The newest one is bad.
model_config_list {
  config {
    name: "b"
    model_version_policy { specific { versions: 3 } }
    version_labels { key: "stable" value: 3 }
  }
}
"""


def test_exceptions_say_what_differs_and_are_followed(tmp_path: Path, followed: Followed) -> None:
    followed.publish("a", "b")
    exceptions = tmp_path / "exceptions.config"
    exceptions.write_text("# none\n")
    follower = followed.follow(exceptions)
    ruled = followed.configs()

    exceptions.write_text(PIN)
    follower.look()

    a, b = followed.configs()
    assert a == ruled[0]
    assert b.model_version_policy.WhichOneof("policy_choice") == "specific"
    assert list(b.model_version_policy.specific.versions) == [3]
    assert dict(b.version_labels) == {"stable": 3}
    assert (b.base_path, b.model_platform) == (str(followed.repository / "b"), "tensorflow")

    exceptions.write_text(PIN.replace("model_version_policy { specific { versions: 3 } }", ""))
    follower.look()
    assert followed.configs()[1].model_version_policy == ruled[1].model_version_policy

    exceptions.write_text("")
    follower.look()
    assert followed.configs() == ruled


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("model_config_list { config { nam: 'b' } }", "1:30"),
        ("model_config_list { config { } }", "name of its own"),
        (
            "model_config_list { config { name: 'b' } config { name: 'b' } }",
            "name of its own, not 'b'",
        ),
    ],
)
def test_wrong_exceptions_are_refused_at_first_and_later_change_nothing(
    wrong: str, message: str, tmp_path: Path, followed: Followed, caplog: pytest.LogCaptureFixture
) -> None:
    followed.publish("a", "b")
    exceptions = tmp_path / "exceptions.config"
    exceptions.write_text(wrong)
    with pytest.raises(WrongExceptions, match=message):
        followed.follow(exceptions)

    exceptions.write_text(PIN)
    follower = followed.follow(exceptions)
    right = followed.configs()
    exceptions.write_text(wrong)
    follower.look()

    assert followed.configs() == right
    assert message in caplog.text


def test_a_folder_that_cannot_be_read_at_present_does_not_go(followed: Followed) -> None:
    followed.publish("a", "b")
    follower = followed.follow()
    folder = followed.repository / "b"

    shutil.rmtree(folder)
    folder.symlink_to(folder)  # a circle, which is no sign of anything having been taken away
    for _ in range(3):
        follower.look()

    assert followed.names() == ["a", "b"]


NEWEST = "latest {   num_versions: 2 } "


def specific(*versions: int) -> str:
    return f"specific {{ {' '.join(f'  versions: {version}' for version in versions)} }} "


def test_versions_that_a_release_needs_stay_whatever_is_published(
    followed: Followed, tmp_path: Path
) -> None:
    releases = tmp_path / "releases"
    followed.versions("a", 1, 2, 3)
    follower = followed.follow(releases=releases)
    assert followed.policy() == NEWEST

    # Also while they are the newest: a server may see a version before it sees this file.
    releases.mkdir()
    (releases / "a.toml").write_text(
        "[models.a]\nstable = 2\nprevious = 1\ncandidate = {version = 3, percent = 5}\n"
    )
    follower.look()
    assert followed.policy() == specific(1, 2, 3)

    followed.versions("a", 4, 5)
    follower.look()
    assert followed.policy() == specific(1, 2, 3, 4, 5)

    # What is shadowed is asked for before it is there.
    (releases / "a.toml").write_text("[models.a]\nstable = 3\nshadow = {version = 6}\n")
    follower.look()
    assert followed.policy() == specific(3, 4, 5, 6)

    (releases / "a.toml").write_text("# no release any more\n")
    follower.look()
    assert followed.policy() == NEWEST


def test_the_newest_stay_beside_what_a_release_needs(followed: Followed, tmp_path: Path) -> None:
    releases = tmp_path / "releases.toml"
    followed.versions("a", 1, 2, 3, 4)
    releases.write_text("[models.a]\nstable = 1\n")
    followed.follow(releases=releases)
    assert followed.policy() == specific(1, 3, 4)


def test_an_exception_says_how_many_stay_beside_what_a_release_needs(
    followed: Followed, tmp_path: Path
) -> None:
    releases = tmp_path / "releases.toml"
    exceptions = tmp_path / "exceptions.config"
    followed.versions("a", 1, 2, 3, 4)
    releases.write_text("[models.a]\nstable = 1\n")
    for policy in ("latest {}", "latest { num_versions: 1 }"):
        text = f'config {{ name: "a" model_version_policy {{ {policy} }} }}'
        exceptions.write_text(f"model_config_list {{ {text} }}")
        followed.follow(exceptions, releases)
        assert followed.policy() == specific(1, 4)


def test_versions_that_an_exception_lists_count_more_than_a_release(
    followed: Followed, tmp_path: Path
) -> None:
    releases = tmp_path / "releases.toml"
    exceptions = tmp_path / "exceptions.config"
    followed.versions("a", 1, 2)
    releases.write_text("[models.a]\nstable = 1\n")
    exceptions.write_text(PIN.replace('"b"', '"a"'))
    followed.follow(exceptions, releases)
    assert followed.policy() == specific(3)


@pytest.mark.parametrize("text", ["[models.a]\nstable = 'x'\n", "[models.a", "", None])
def test_wrong_releases_change_nothing_and_are_told_once(
    followed: Followed, tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str | None
) -> None:
    releases = tmp_path / "releases.toml"
    followed.versions("a", 1, 2, 3)
    releases.write_text("[models.a]\nstable = 1\n")
    follower = followed.follow(releases=releases)

    releases.unlink()
    if text is not None:
        releases.write_text(text)
    for _ in range(3):
        follower.look()

    assert followed.policy() == specific(1, 2, 3)
    told = [each for each in caplog.messages if "the releases from before go on" in each]
    assert len(told) == 1
    assert str(releases) in told[0]
