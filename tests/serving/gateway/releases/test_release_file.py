"""A file of releases is read as it was meant, or refused with its line; the last good counts."""

import logging
import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.gateway.inference.router import Router
from serving.gateway.releases.board import Board
from serving.gateway.releases.release import Release, Releases
from serving.gateway.releases.release_file import (
    NoReleasesYet,
    ReleaseFile,
    WrongReleases,
    read_releases,
)
from tests.serving.gateway.releases.release_texts import GOOD, all_releases, toml_of

MODELS = ("housing", "sentiment")
SHORT = "[models.sentiment]\nstable = 3\n"
OTHER = "[models.housing]\nstable = 1\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "releases.toml"


def refusal(path: Path, text: str | bytes) -> str:
    """Return what is said of a file, without its name: its line and the reason."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(WrongReleases) as caught:
        read_releases(path, models=MODELS)
    return str(caught.value).removeprefix(f"{path}:")


def test_a_file_says_all_of_a_release(path: Path) -> None:
    path.write_text(GOOD)

    releases = read_releases(path, models=MODELS)
    release = releases.models["sentiment"]

    assert releases.cohorts["staff"].headers == {"X-Beta": ("yes",)}
    assert release.versions == {2, 3, 4}
    assert release.identity("sentiment") == "sentiment/4/2026-11-29T12:00:00+00:00"
    assert release.guard is not None
    assert release.guard.errors == 0.01


@settings(max_examples=50)
@given(all_releases())
def test_what_is_written_is_read_from_a_file_or_a_folder(releases: Releases) -> None:
    parts = [
        *(Releases(cohorts={name: cohort}) for name, cohort in releases.cohorts.items()),
        # Without the cohorts, which are in other files.
        *(
            Releases.model_construct(cohorts={}, models={name: release})
            for name, release in releases.models.items()
        ),
    ]
    with TemporaryDirectory() as folder:
        path = Path(folder, "releases.toml")
        path.write_text(f"# all\n{toml_of(releases)}")
        parted = Path(folder, "releases")
        parted.mkdir()
        for number, part in enumerate([*parts, Releases()]):
            (parted / f"{number}.toml").write_text(f"# part {number}\n{toml_of(part)}")

        assert read_releases(path, models=releases.models) == releases
        assert read_releases(parted, models=None) == releases


@given(st.data())
def test_a_damaged_file_is_refused_by_name(data: st.DataObject) -> None:
    content = bytearray(GOOD.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(start + 30, len(content))))
        content[start:end] = data.draw(
            st.binary(max_size=4)
            | st.text(max_size=8).map(str.encode)
            | st.sampled_from(GOOD.splitlines(keepends=True)).map(str.encode)
            | st.sampled_from('[]{}"#=.,\n').map(str.encode)
        )
    assert_read_or_refused(bytes(content))


@given(
    st.binary()
    | st.text().map(str.encode)
    | st.lists(st.sampled_from(re.findall(r"\w+|\W", GOOD))).map(
        lambda words: "".join(words).encode()
    )
)
def test_anything_else_is_refused_by_name(content: bytes) -> None:
    assert_read_or_refused(content)


def assert_read_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "releases.toml")
        path.write_bytes(content)
        told = None
        try:
            read_releases(path, models=MODELS)
        except NoReleasesYet:
            assert not content.decode("utf-8-sig").strip()
        except WrongReleases as error:
            told = str(error)
    if told is not None:
        place = re.match(rf"{re.escape(str(path))}:([0-9]+): ", told)
        assert place is not None, told
        assert 1 <= int(place[1]) <= content.count(b"\n") + 1


@pytest.mark.parametrize(
    ("good", "wrong", "line", "reason"),
    [
        # Shares.
        ("version = 4", "version = 4\npercent = 101", 11, "or equal to 100; received 101"),
        ("version = 4", "version = 4\ncompare = 100.01", 11, "received 100.01"),
        *(
            ("version = 4", f"version = 4\ncompare = {share}", 11, reason)
            for share, reason in [
                ("-1", "greater than or equal to 0; received -1"),
                ("nan", "finite number; received NaN"),
                ("inf", "finite number; received an infinite number"),
                ("-inf", "finite number; received an infinite number"),
                ("true", "valid number; received true"),
                ('"5"', "valid number; received the text '5'"),
                ("[5]", "valid number; received a list of 1 item"),
                ("9" * 400, "too large"),
                ("1e999", "infinite"),
            ]
        ),
        # Versions.
        ("version = 4", "version = 0", 10, "greater than or equal to 1; received 0"),
        ("version = 4", "version = -4", 10, "received -4"),
        ("version = 4", 'version = "4"', 10, "valid integer; received the text '4'"),
        ("version = 4", "version = 4.0", 10, "valid integer; received 4.0"),
        ("version = 4", "version = true", 10, "valid integer; received true"),
        ("version = 4", "version = 9223372036854775808", 10, "received 9223372036854775808"),
        ("version = 4", f"version = {'9' * 5000}", 10, "more than can be read"),
        ("version = 4", "version = 3", 10, "version 3 is stable already"),
        ("version = 4\n", "", 9, "candidate.version: is missing"),
        ("stable = 3\n", "", 5, "sentiment.stable: is missing"),
        ("previous = 2", "previous = 3", 7, "version 3 is stable already"),
        ("previous = 2", "shadow.version = 3", 7, "version 3 is stable already"),
        # Times and steps.
        ("12:00:00Z", "12:00:00", 15, "says no zone"),
        ("2026-11-29T12:00:00Z", '"2026-11-29T12:00:00Z"', 15, "without quotes"),
        ("2026-11-29T12:00:00Z", "2026-11-29", 15, "2026-11-29 is no time"),
        ("2026-11-29T12:00:00Z", "12:00:00", 15, "12:00:00 is no time"),
        ("2026-11-29T12:00:00Z", "1764417600", 15, "1764417600 is no time"),
        ("2026-11-29T12:00:00Z", "0001-01-01T00:00:00+14:00", 15, "another century"),
        ("2026-11-29T12:00:00Z", "9999-12-31T23:59:59-14:00", 15, "another century"),
        ("2026-11-29T12:00:00Z", "2026-02-30T12:00:00Z", 15, "Invalid date"),
        ("started = 2026-11-29T12:00:00Z\n", "", 11, "steps need the time from which they count"),
        ('"10%/30m"', '"0.5%/30m"', 13, "0.5% comes after 1%; a share grows"),
        ('"10%/30m"', '"101%/30m"', 13, "at most 100%"),
        ('"10%/30m"', '"10%/0s"', 13, "a duration is more than 0s"),
        ('"10%/30m"', '"10%/999999999999d"', 13, "at most 366d"),
        ('"1%/10m"', '"1%"', 12, "'1%' is no step; one is '5%/30m'"),
        ('"1%/10m"', "1", 12, "1 is no step"),
        ('"1%/10m"', '{percent = 1, lasts = "10m"}', 12, "is no step"),
        ('steps = [\n  "1%/10m",\n  "10%/30m",\n]', "steps = []", 11, "an item at least"),
        ('steps = [\n  "1%/10m",\n  "10%/30m",\n]', 'steps = "1%/10m"', 11, "is to be a list"),
        ("version = 4", "version = 4\npercent = 5", 12, "either percent or steps, not both"),
        # Who is named.
        ('["staff"]', '["staf"]', 16, "there is no cohort 'staf'; did you mean staff?"),
        ('["staff"]', '["x"]', 16, "there is no cohort 'x'; there are staff"),
        ('["staff"]', '"staff"', 16, "is to be a list; received the text 'staff'"),
        ('["alice"]', '["alice", 3]', 2, "keys.1: Input should be a valid string; received 3"),
        ('["alice"]', '[\n"alice",\n""]', 4, "keys.1: is no name"),
        ('["alice"]', '["' + "a" * 65 + '"]', 2, "at most 64"),
        ("X-Beta", "'X Beta'", 3, "headers.X Beta: 'X Beta' is no name of a header"),
        ("X-Beta", "'X-Bäta'", 3, "is no name of a header"),
        ("X-Beta", "''", 3, "'' is no name of a header"),
        ("X-Beta", "'X:Beta'", 3, "is no name of a header"),
        ("X-Beta =", 'x-beta = ["no"], X-Beta =', 3, "X-Beta and x-beta are the same header"),
        ('["yes"]', "[]", 3, "an item at least"),
        ('["yes"]', '"yes"', 3, "is to be a list"),
        ('["yes"]', '[" yes"]', 3, "comes with no request"),
        ('["yes"]', '["yes\\r\\nX-Other: 1"]', 3, "comes with no request"),
        ("[cohorts.staff]", "[cohorts.'st aff']", 1, "is no name"),
        ("[cohorts.staff]", "[cohorts.b]\n[cohorts.staff]", 1, "cohorts.b: nobody is in it"),
        ("[cohorts.staff]", "[cohorts.b]\nkeys = []\n[cohorts.staff]", 1, "nobody is in it"),
        (
            "[cohorts.staff]",
            '[cohorts.b]\nkeys = [\n  "bob",\n  "alice",\n]\n[cohorts.staff]',
            7,
            "keys.0: 'alice' is in the cohort b as well",
        ),
        (
            "[cohorts.staff]",
            '[cohorts.b]\nheaders.x-beta = ["no", "yes"]\n[cohorts.staff]',
            5,
            "X-Beta.0: 'yes' is in the cohort b as well",
        ),
        # The guard.
        ("errors = 0.01\n", "", 18, "it has no rule, and never takes back; give it one of errors"),
        ("errors = 0.01", "tolerance = 0.1", 18, "it has no rule"),
        ("errors = 0.01", "disagreement = 0.1", 20, "give the candidate compare = 10"),
        ("errors = 0.01", "errors = 1.0", 20, "less than 1; received 1.0"),
        ("errors = 0.01", "errors = nan", 20, "finite number; received NaN"),
        ("errors = 0.01", 'errors = "1%"', 20, "received the text '1%'"),
        ("errors = 0.01", "p99_ratio = 0.9", 20, "greater than or equal to 1"),
        ("errors = 0.01", "drift = 0", 20, "greater than 0"),
        ('"5m"', '"0s"', 19, "a duration is more than 0s"),
        ('"5m"', "300", 19, "300 is no duration; one is '30s', '10m', '1.5h' or '2d'"),
        ('"5m"', '"5 minutes"', 19, "'5 minutes' is no duration"),
        ("window =", "least_requests = 0\nwindow =", 19, "greater than or equal to 1"),
        ("window =", "least_requests = 1.5\nwindow =", 19, "received 1.5"),
        # Names.
        ("[cohorts.staff]", "[cohort.staff]", 1, "cohort: has no meaning here; did you mean"),
        ("[models.sentiment]", "[sentiment]", 5, "no meaning here; there are cohorts, models"),
        ("stable", "stabel", 6, "stabel: has no meaning here; did you mean stable?"),
        ("stable", "STABLE", 6, "did you mean stable?"),
        ("version", "vesion", 10, "did you mean version?"),
        ("errors", "error", 20, "did you mean errors?"),
        ("keys", "key", 2, "did you mean keys?"),
        ("sentiment.guard", "sentiment.gard", 18, "did you mean guard?"),
        ("previous = 2", "percent = 2", 7, "there are stable, previous, candidate, shadow, guard"),
        ("previous = 2", '"a\\nb" = 2', 7, "models.sentiment.'a\\nb': has no meaning here"),
        # What is to be a table, and is none.
        ("[models.sentiment]", "[[models.sentiment]]", 5, "is to be a table; received a list of 1"),
        ("[cohorts.staff]", "[cohorts]\nb = 3\n[cohorts.staff]", 2, "cohorts.b: is to be a table"),
        # TOML.
        ("stable = 3", "stable = three", 6, "this is no TOML: Invalid value at column 10"),
        ("stable = 3", "stable 3", 6, "this is no TOML"),
        ("stable = 3", "stable = 3\nstable = 4", 7, "this is no TOML"),
        ("[models.sentiment]", "[models.sentiment", 5, "this is no TOML"),
        ('"10%/30m",\n]', '"10%/30m",\n', 15, "this is no TOML"),
        ("stable = 3", f"stable = {'[' * 3000}", 6, "more than can be read"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(
    path: Path, good: str, wrong: str, line: int, reason: str
) -> None:
    assert good in GOOD

    told = refusal(path, GOOD.replace(good, wrong, 1))

    assert told.startswith(f"{line}: ")
    assert reason in told
    assert len(told) < 400


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("[models.sentimnt]\nstable = 3\n", 1, "no model 'sentimnt'; did you mean sentiment?"),
        ("models.x.stable = 3\n", 1, "there is no model 'x'; there are housing, sentiment"),
        ("models = 3\n", 1, "models: is to be a table; received 3"),
        ("# x\n[[models]]\n", 2, "models: is to be a table; received a list of 1 item"),
        (f"{SHORT}[models.sentiment.candidate]\nversion = 4\n", 3, "nobody would come to it"),
        (f"{SHORT}[models.sentiment.guard]\nerrors = 0.1\n", 3, "there is no candidate"),
        ("models.sentiment={stable=3, candidate={version=4, cohorts=[\n'x']}}", 2, "there is none"),
        ("models.sentiment.stable=3\r\nmodels.sentiment.shadow.version=3\r\n", 2, "stable already"),
        (f"{OTHER}{SHORT}{OTHER}", 5, "this is no TOML"),
        (GOOD.encode("utf-16"), 1, "byte 0xff is no UTF-8"),
        (f"# x\n# é\n{SHORT}".encode("latin-1"), 2, "byte 0xe9 is no UTF-8; save the file as text"),
        (b"\x7fELF\x02\x01\x01\x00", 1, "this is no TOML"),
        (b"\x1f\x8b\x08\x00", 1, "byte 0x8b is no UTF-8"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_as_a_whole_is_told_with_its_line(
    path: Path, text: str | bytes, line: int, reason: str
) -> None:
    told = refusal(path, text)

    assert told.startswith(f"{line}: ")
    assert reason in told


def test_a_name_that_may_be_a_key_itself_is_not_repeated(path: Path) -> None:
    assert "geheim" not in refusal(path, GOOD.replace("alice", "geheim/+/" * 9))


def test_a_file_may_begin_with_a_byte_order_mark(path: Path) -> None:
    path.write_text(GOOD, encoding="utf-8-sig")

    assert list(read_releases(path, models=MODELS).models) == ["sentiment"]


def test_a_file_is_not_read_without_end(path: Path) -> None:
    path.write_text("# no end\n" * 30_000)

    with pytest.raises(WrongReleases, match="larger than 250,000 bytes; share it out"):
        read_releases(path, models=None)


def test_a_mistake_in_a_long_file_is_found(path: Path) -> None:
    cohorts = "".join(f"[cohorts.c{each}]\nkeys = ['k{each}']\n" for each in range(500))

    assert refusal(path, f"{cohorts}[cohorts.d]\nkeys = ['k77']\n").startswith("1002: ")


def test_a_pipe_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path)

    with pytest.raises(WrongReleases, match="neither a file nor a folder"):
        read_releases(path, models=None)


def test_what_is_not_there_is_told_apart(path: Path) -> None:
    with pytest.raises(NoReleasesYet, match=f"{path}: there is no such file"):
        read_releases(path, models=None)
    with pytest.raises(NoReleasesYet, match=r"there is no \*\.toml in this folder"):
        read_releases(path.parent, models=None)
    path.write_text(" \n\n")
    with pytest.raises(NoReleasesYet, match="it is empty; to have no releases, leave a comment"):
        read_releases(path, models=None)


class TestFolder:
    def test_a_model_in_two_files_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.toml").write_text(SHORT)
        (tmp_path / "b.toml").write_text(OTHER + SHORT)

        with pytest.raises(WrongReleases) as caught:
            read_releases(tmp_path, models=None)

        assert str(caught.value) == (
            f"{tmp_path}/b.toml:3: models.sentiment is in {tmp_path}/a.toml as well; keep one"
        )

    def test_a_cohort_in_two_files_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.toml").write_text("[cohorts.staff]\nkeys = ['alice']\n")
        (tmp_path / "b.toml").write_text("[cohorts.staff]\nkeys = ['bob']\n")

        with pytest.raises(WrongReleases, match=r"b\.toml:1: cohorts\.staff is in .*a\.toml"):
            read_releases(tmp_path, models=None)

    def test_a_caller_in_cohorts_of_two_files_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.toml").write_text("[cohorts.a]\nkeys = ['alice']\n")
        (tmp_path / "b.toml").write_text("# x\n[cohorts.b]\nkeys = ['alice']\n")

        with pytest.raises(WrongReleases, match=r"b\.toml:3: .*'alice' is in the cohort a"):
            read_releases(tmp_path, models=None)

    def test_files_are_read_in_order_of_their_names(self, tmp_path: Path) -> None:
        for number in reversed(range(10)):
            (tmp_path / f"{number}.toml").write_text(f"[models.m{number}]\nstable = 1\n")

        releases = read_releases(tmp_path, models=None)

        assert list(releases.models) == [f"m{number}" for number in range(10)]

    def test_a_mistake_is_told_with_its_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.toml").write_text(SHORT)
        (tmp_path / "b.toml").write_text(OTHER.replace("1", "0"))
        (tmp_path / "c.toml").write_text("# none\n")

        with pytest.raises(WrongReleases, match=r"b\.toml:2: models\.housing\.stable"):
            read_releases(tmp_path, models=None)

    @pytest.mark.parametrize("content", ["", "\n"])
    def test_an_empty_file_beside_others_is_one_that_is_being_written(
        self, tmp_path: Path, content: str
    ) -> None:
        (tmp_path / "a.toml").write_text(SHORT)
        (tmp_path / "b.toml").write_text(content)

        with pytest.raises(WrongReleases, match=r"b\.toml: it is empty") as caught:
            read_releases(tmp_path, models=None)
        assert not isinstance(caught.value, NoReleasesYet)

    def test_a_link_to_nowhere_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "a.toml").write_text(SHORT)
        (tmp_path / "b.toml").symlink_to("gone")

        with pytest.raises(WrongReleases, match=r"b\.toml: there is no such file") as caught:
            read_releases(tmp_path, models=None)
        assert not isinstance(caught.value, NoReleasesYet)

    def test_other_files_are_left_out(self, tmp_path: Path) -> None:
        (tmp_path / "a.toml").write_text(SHORT)
        for name in (".a.toml", ".#b.toml", "a.toml~", "a.toml.bak", "a.json", "toml"):
            (tmp_path / name).write_text("no TOML")
        (tmp_path / "folder.toml").mkdir()

        assert list(read_releases(tmp_path, models=None).models) == ["sentiment"]


class TestFollowing:
    def test_a_file_may_come_later(self, path: Path) -> None:
        file = ReleaseFile(path, models=MODELS)

        assert not file.refresh()
        assert (file.releases, file.problem) == (Releases(), None)
        assert str(file) == f"there are no releases in {path} yet"

        path.touch()
        assert not file.refresh()
        assert file.problem is None

        path.write_text(SHORT)
        assert file.refresh()
        assert file.releases == read_releases(path, models=MODELS)
        assert str(file) == f"releases in {path}: sentiment"

    def test_that_it_is_not_there_yet_is_logged(
        self, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def hindrance(model: str, release: Release) -> str | None:
            return None

        with caplog.at_level(logging.INFO, "tfgate.releases"):
            Board(ReleaseFile(path, models=MODELS), Router(), hindrance)

        assert caplog.messages == [f"there are no releases in {path} yet"]

    def test_a_file_that_is_there_counts_at_once(self, path: Path) -> None:
        path.write_text(SHORT.rstrip())

        assert list(ReleaseFile(path, models=MODELS).releases.models) == ["sentiment"]

    def test_what_has_not_changed_is_not_told_twice(self, path: Path) -> None:
        path.write_text(SHORT)
        file = ReleaseFile(path, models=MODELS)
        releases = file.releases

        assert [file.refresh() for _ in range(3)] == [False] * 3
        read = file.releases
        assert not file.refresh()
        assert file.releases is read
        path.write_text(f"# another comment\n{SHORT}")
        assert not file.refresh()
        assert file.releases == releases

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            ("", "it is empty"),
            ("\n", "it is empty"),
            ("[models.sentiment]\nstable = \n", ":2: this is no TOML"),
            ("[models.sentiment]\nstable = 0\n", ":2: models.sentiment.stable"),
            ("[models.other]\nstable = 3\n", ":1: models.other: there is no model 'other'"),
            (None, "there is no such file"),
        ],
    )
    def test_the_last_good_file_counts(self, path: Path, content: str | None, problem: str) -> None:
        path.write_text(SHORT)
        file = ReleaseFile(path, models=MODELS)
        good = file.releases

        if content is None:
            path.unlink()
        else:
            path.write_text(content)

        for _ in range(3):
            assert not file.refresh()
            assert file.releases is good
            assert file.problem is not None
            assert problem in file.problem

        path.write_text(OTHER)
        assert file.refresh()
        assert (list(file.releases.models), file.problem) == (["housing"], None)

    def test_a_good_file_that_comes_back_is_no_problem_any_more(self, path: Path) -> None:
        path.write_text(SHORT)
        file = ReleaseFile(path, models=MODELS)
        path.write_text("wrong\n")
        file.refresh()
        path.write_text(SHORT)

        assert not file.refresh()
        assert file.problem is None

    def test_a_file_that_is_wrong_from_the_start_is_told(self, path: Path) -> None:
        path.write_text("wrong\n")

        file = ReleaseFile(path, models=MODELS)

        assert file.releases == Releases()
        assert file.problem is not None
        assert file.problem.startswith(f"{path}:1: ")
        assert str(file) == f"releases in {path}: none"

    @pytest.mark.parametrize("content", ["# none\n", "[models]\n"])
    def test_the_last_release_ends_by_a_file_that_says_so(self, path: Path, content: str) -> None:
        path.write_text(SHORT)
        file = ReleaseFile(path, models=MODELS)
        path.write_text(content)

        assert file.refresh()
        assert (file.releases, file.problem) == (Releases(), None)

    def test_half_a_file_changes_nothing(self, path: Path) -> None:
        path.write_text(GOOD)
        file = ReleaseFile(path, models=MODELS)
        good = file.releases
        # Cut at the end of a line, half a file may be as good as a whole one.
        for end in (end for end in range(len(GOOD)) if GOOD[:end][-1:] != "\n"):
            path.write_text(GOOD[:end])
            assert not file.refresh()
            assert file.releases is good

    def test_a_file_without_a_last_line_break_counts_at_a_second_look(self, path: Path) -> None:
        path.write_text(SHORT)
        file = ReleaseFile(path, models=MODELS)
        path.write_text("[models.sentiment]\nstable = 41")

        assert not file.refresh()
        assert file.refresh()
        assert file.releases.models["sentiment"].stable == 41

    def test_a_file_that_is_written_twice_at_once_is_read_again(self, path: Path) -> None:
        path.write_text(SHORT)
        file = ReleaseFile(path, models=MODELS)
        for version in range(4, 8):
            path.write_text(SHORT.replace("3", str(version)))
            file.refresh()
            status = path.stat()
            path.write_text(SHORT.replace("3", "9"))
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
            file.refresh()

            assert file.releases.models["sentiment"].stable == 9

    def test_a_mounted_folder_changes_by_a_link(self, tmp_path: Path) -> None:
        """As Kubernetes swaps the files of a ConfigMap."""
        mount = tmp_path / "mount"
        mount.mkdir()
        for name, text in (("..1", SHORT), ("..2", OTHER)):
            (mount / name).mkdir()
            (mount / name / "releases.toml").write_text(text)
        (mount / "..data").symlink_to("..1")
        (mount / "releases.toml").symlink_to("..data/releases.toml")
        folder, file = (
            ReleaseFile(mount, models=None),
            ReleaseFile(mount / "releases.toml", models=None),
        )
        assert list(folder.releases.models) == list(file.releases.models) == ["sentiment"]

        (mount / "..data_tmp").symlink_to("..2")
        (mount / "..data_tmp").rename(mount / "..data")

        assert folder.refresh()
        assert file.refresh()
        assert list(folder.releases.models) == list(file.releases.models) == ["housing"]

    def test_files_of_a_folder_come_and_go(self, tmp_path: Path) -> None:
        folder = ReleaseFile(tmp_path, models=None)
        assert (folder.releases, folder.problem) == (Releases(), None)

        (tmp_path / "a.toml").write_text(SHORT)
        (tmp_path / "b.toml").write_text(OTHER)
        assert folder.refresh()
        assert list(folder.releases.models) == ["sentiment", "housing"]

        (tmp_path / "a.toml").unlink()
        assert folder.refresh()
        assert list(folder.releases.models) == ["housing"]

        (tmp_path / "b.toml").unlink()
        assert not folder.refresh()
        assert folder.problem == f"{tmp_path}: there is no *.toml in this folder"

    def test_a_model_that_comes_later_is_no_mistake_any_more(self, path: Path) -> None:
        path.write_text(OTHER)
        models = ["sentiment"]
        file = ReleaseFile(path, models=models)
        assert [file.refresh() for _ in range(3)] == [False] * 3
        told = file.problem
        models.append("housing")

        assert file.refresh()
        assert list(file.releases.models) == ["housing"]
        assert told is not None
        assert file.problem is None

    def test_a_folder_may_take_the_place_of_a_file(self, path: Path) -> None:
        path.write_text(SHORT)
        file = ReleaseFile(path, models=None)
        path.unlink()
        path.mkdir()
        (path / "a.toml").write_text(OTHER)

        assert file.refresh()
        assert list(file.releases.models) == ["housing"]
