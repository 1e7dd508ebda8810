"""How a release file is written: at once, by one at a time, with all that was there before kept."""

import errno
import fcntl
import os
import subprocess
import threading
from pathlib import Path

import pytest

from serving.gateway.releases.release_file import read_releases
from tests.tfgate.release.conftest import Command, StandIn, version
from tfgate.release import history
from tfgate.release.change import work_out, write
from tfgate.release.edits import CannotRelease, Part
from tfgate.release.place import Place

SENTIMENT = "[models.sentiment]\nstable = 3\n"


def start(release: Command, model: str = "sentiment", *options: str) -> str:
    return release("start", model, 4, "--percent=5", "--stable=3", "--offline", *options).stdout


def history_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob(".*.history/*.*"))


def test_a_link_stays_one_and_its_file_is_changed(release: Command, tmp_path: Path) -> None:
    real = tmp_path / "real" / "ours.toml"
    real.parent.mkdir()
    real.write_text(SENTIMENT)
    release.file.symlink_to(real)

    told = start(release)

    assert release.file.is_symlink()
    assert read_releases(real, models=None).models["sentiment"].candidate is not None
    assert f"--- {release.file}" in told
    assert len(history_in(real.parent)) == 2
    assert history_in(tmp_path) == []


def test_mode_and_owner_stay(release: Command, file: Path) -> None:
    file.write_text(SENTIMENT)
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 1234, 4321)
    before = file.stat()

    start(release)

    after = file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )
    assert after.st_ino != before.st_ino  # another file in its place, not the same one rewritten


def test_a_new_file_can_be_read_by_a_gateway_of_another_user(release: Command, file: Path) -> None:
    before = os.umask(0o077)
    try:
        start(release)
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == 0o644


def test_nothing_is_left_beside_the_file(release: Command, file: Path) -> None:
    start(release)
    assert {path.name for path in file.parent.iterdir()} == {file.name, f".{file.name}.history"}


@pytest.mark.parametrize("error", [errno.EROFS, errno.EACCES, errno.ENOSPC])
@pytest.mark.parametrize("at", ["mkdir", "replace"])
def test_a_file_that_cannot_be_written_is_printed_with_what_to_do(
    release: Command, file: Path, monkeypatch: pytest.MonkeyPatch, error: int, at: str
) -> None:
    file.write_text(SENTIMENT)

    def fail(*_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(Path, at, fail)
    result = release("start", "sentiment", 4, "--percent=5", "--offline", exit_code=1)
    monkeypatch.undo()

    assert file.read_text() == SENTIMENT
    assert result.stdout.startswith(SENTIMENT + "\n[models.sentiment.candidate]\nversion = 4\n")
    assert os.strerror(error) in result.stderr
    assert "kubectl create configmap" in result.stderr
    assert "| kubectl apply -f -" in result.stderr
    assert [path.name for path in file.parent.rglob("*") if path.is_file()] in (
        [file.name],
        [file.name, "lock"],
    )


def test_a_folder_that_is_not_there_is_named(release: Command) -> None:
    release.file = release.file / "nowhere" / "releases.toml"

    message = release.refused(
        "start", "sentiment", 4, "--percent=5", "--stable=3", "--offline", exit_code=1
    )

    assert "No such file or directory" in message
    assert str(release.file) in message


def test_it_can_be_printed_instead(release: Command, file: Path) -> None:
    printed = start(release, "sentiment", "--print")

    assert list(file.parent.iterdir()) == []
    file.write_text(printed)
    assert read_releases(file, models=None).models["sentiment"].stable == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[models.sentiment]\nstable = 3\n[models.senti", "releases.toml:3: "),
        ("[models.sentiment]\nstable = 3\nstable = 4\n", "releases.toml:3: "),
        ("[models.sentiment]\nstable = 3\n[models.housing]\nstable = 0\n", "releases.toml:4: "),
        ("[models.sentiment]\nstabel = 3\n", "releases.toml:2: "),
        ("[models.sentiment]\n", "stable"),
        ("[[models]]\n", "releases.toml:1: "),
        ("models = 3\n", "releases.toml:1: "),
    ],
)
def test_a_wrong_file_is_told_with_the_line_and_left_as_it_is(
    release: Command, file: Path, text: str, message: str
) -> None:
    file.write_text(text)

    for command in (
        ["start", "sentiment", 4, "--percent=5"],
        ["shadow", "sentiment", 4],
        ["shadow", "sentiment", "--stop"],
        ["promote", "sentiment"],
        ["rollback", "sentiment"],
        ["status"],
    ):
        assert str(file) in release.refused(*command)
    assert message in release.refused("start", "sentiment", 4, "--percent=5")


def test_bytes_that_are_no_text_are_refused(release: Command, file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    assert "no UTF-8" in release.refused("start", "sentiment", 4, "--percent=5")
    assert "no UTF-8" in release.refused("rollback", "sentiment")


def test_a_half_written_file_names_what_it_was_before(release: Command, file: Path) -> None:
    file.write_text(SENTIMENT)
    start(release)
    file.write_text(file.read_text()[:-20] + '"')

    message = release.refused("rollback", "sentiment")

    backup = Path(message.rpartition("before the last change it was ")[2].strip().strip(")"))
    assert backup.read_text() == SENTIMENT


def test_a_rollback_mends_a_candidate_that_was_spoilt_by_hand(release: Command, file: Path) -> None:
    file.write_text(SENTIMENT)
    start(release)
    file.write_text(file.read_text().replace("percent = 5", "percent = 500"))

    release("rollback", "sentiment")

    assert file.read_text() == SENTIMENT


def test_many_at_once_lose_nothing(file: Path) -> None:
    names = [f"model-{number}" for number in range(8)]
    threads = [threading.Thread(target=write_one, args=(file, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(read_releases(file, models=None).models) == set(names)
    numbers = sorted(entry.number for entry in history.entries(Place(file).histories))
    assert numbers == list(range(1, 9))


def write_one(file: Path, model: str) -> None:
    place = Place(file)

    def edit(_: Part | None) -> Part:
        return {"stable": 1}

    write(place, work_out(place, model, edit), edit, "start")


def test_who_comes_second_to_the_same_model_is_told(release: Command, file: Path) -> None:
    file.write_text(SENTIMENT)
    place = Place(file)

    def edit(part: Part | None) -> Part:
        return {**(part or {}), "shadow": {"version": 9}}

    planned = work_out(place, "sentiment", edit)
    start(release)
    between = file.read_text()

    with pytest.raises(CannotRelease, match="somebody else has changed sentiment"):
        write(place, planned, edit, "shadow")
    assert file.read_text() == between


def test_who_writes_waits_for_the_one_who_writes_already(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is held up in the midst of its writing; the second must not come between."""
    file.write_text(SENTIMENT)
    asked, is_replacing, go_on = threading.Semaphore(0), threading.Event(), threading.Event()
    replace, flock = Path.replace, fcntl.flock

    def slow(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "replace", replace)
        is_replacing.set()
        assert go_on.wait(30)
        return replace(self, target)

    def ask(descriptor: int, operation: int) -> None:
        asked.release()
        flock(descriptor, operation)

    monkeypatch.setattr(Path, "replace", slow)
    monkeypatch.setattr(fcntl, "flock", ask)
    threads = [threading.Thread(target=write_one, args=(file, name)) for name in ("one", "two")]
    threads[0].start()
    assert is_replacing.wait(30)
    threads[1].start()
    assert asked.acquire(timeout=30)
    assert asked.acquire(timeout=30)
    threads[1].join(0.2)  # it would be through by then

    assert file.read_text() == SENTIMENT
    go_on.set()
    for thread in threads:
        thread.join()
    assert set(read_releases(file, models=None).models) == {"one", "two", "sentiment"}


def test_history_lists_what_was_done_and_shows_it(release: Command, file: Path) -> None:
    assert "nothing was changed yet" in release.refused("history")
    file.write_text("# ours\n" + SENTIMENT)
    start(release)
    release("promote", "sentiment", "--offline")
    start(release, "housing")

    lines = [line for line in release("history").stdout.splitlines() if " sentiment" in line]
    assert ["promote" in lines[0], "start" in lines[1]] == [True, True]
    assert "stable is version 4, where it was 3" in lines[0]
    assert "candidate is version 4 with 5 %" in lines[1]
    assert "housing" not in release("history", "sentiment").stdout
    assert "no change 9" in release.refused("history", "--diff=9")

    shown = release("history", "--diff=1").stdout
    assert "+version = 4" in shown
    backup = shown.splitlines()[0].rpartition("before it, ")[2]
    assert Path(backup).read_text() == "# ours\n" + SENTIMENT
    assert Path(backup).name.startswith("0001-20")
    assert backup.endswith("Z-start-sentiment.toml")


def test_a_diff_of_the_history_takes_a_change_back(release: Command, file: Path) -> None:
    """It is a patch, for whoever has no backup of just the right time."""
    file.write_text("# ours\n" + SENTIMENT)
    start(release)
    [diff] = file.parent.glob(".*.history/*.diff")

    patch = ["patch", "--silent", "--reverse", str(file), str(diff)]
    subprocess.run(patch, check=True, cwd=file.parent)

    assert file.read_text() == "# ours\n" + SENTIMENT


def test_the_history_is_bounded(
    release: Command, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "NUM_KEPT", 3)
    file.write_text(SENTIMENT)
    for number in range(4, 9):
        release("shadow", "sentiment", number, "--offline")

    kept = [entry.number for entry in history.entries(Place(file).histories)]
    assert kept == [5, 4, 3]
    assert len(history_in(file.parent)) == 2 * 3


def test_what_changes_nothing_is_not_written(release: Command, file: Path) -> None:
    file.write_text(SENTIMENT)
    release("shadow", "sentiment", 4, "--offline")
    assert "says so already" in release("shadow", "sentiment", 4, "--offline").stdout
    assert len(history_in(file.parent)) == 2


def test_a_folder_has_a_file_for_each_model(release: Command, gateway: StandIn) -> None:
    release.file = gateway.file = release.file.parent / "releases"
    release.file.mkdir()
    ours = release.file / "ours.toml"
    ours.write_text('[cohorts.staff]\nkeys = ["alice"]\n\n' + SENTIMENT)
    gateway.versions["a/b"] = [version(4), version(3)]

    release("start", "sentiment", 4, "--cohort=staff")
    release("start", "a/b", 4, "--percent=5", "--cohort=staff")

    assert sorted(path.name for path in release.file.glob("[!.]*")) == ["a%2Fb.toml", "ours.toml"]
    models = read_releases(release.file, models=None).models
    assert {name: each.stable for name, each in models.items()} == {"a/b": 3, "sentiment": 3}
    told = release("history").stdout
    assert "a/b" in told
    assert "sentiment" in told
    release("rollback", "a/b")
    assert read_releases(release.file, models=None).models["a/b"].candidate is None


def test_a_file_of_a_folder_may_be_named_itself(release: Command) -> None:
    """Both names lead to the same lock and the same history."""
    folder = release.file.parent / "releases"
    folder.mkdir()
    release.file = folder / "sentiment.toml"
    start(release)
    release.file = folder
    release("promote", "sentiment", "--offline")

    numbers = [entry.number for entry in history.entries(Place(folder).histories)]
    assert numbers == [2, 1]


def test_what_is_wrong_with_another_file_of_the_folder_is_told_with_its_name(
    release: Command,
) -> None:
    folder = release.file.parent / "releases"
    folder.mkdir()
    (folder / "housing.toml").write_text("[models.housing]\nstable = 0\n")
    release.file = folder

    message = release.refused("start", "sentiment", 4, "--percent=5", "--stable=3", "--offline")

    assert f"{folder}/housing.toml:2: " in message
    assert not (folder / "sentiment.toml").exists()


def test_without_a_setting_the_file_is_in_the_current_folder(
    gateway: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    start(Command(Path("releases.toml")))
    assert (tmp_path / "releases.toml").is_file()
