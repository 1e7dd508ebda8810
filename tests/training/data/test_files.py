"""Files are found where they are, else fetched, checked and cached."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from training.data.files import DataFile, check_folder, locate
from training.errors import DataCorrupt, DataNotFound, WrongOption

CONTENT = b"a,b\n1,2\n"
OWN = "a table of your own"
CHECKSUM = f"md5:{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def published(tmp_path: Path) -> Iterator[str]:
    """Serve a file over HTTP, and give its address."""
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "table.csv").write_bytes(CONTENT)
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/table.csv"
        server.shutdown()
        thread.join()


def test_a_file_of_ones_own_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("not what the checksum says")
    file = DataFile("http://127.0.0.1:9/table.csv", CHECKSUM, ("table.csv", "other.csv"), OWN)
    assert locate(file, tmp_path) == tmp_path / "other.csv"


def test_a_fetched_file_is_kept(published: str) -> None:
    file = DataFile(published, CHECKSUM, ("table.csv",), OWN)
    path = locate(file, None)
    assert path.read_bytes() == CONTENT
    unreachable = DataFile("http://127.0.0.1:9/table.csv", CHECKSUM, ("table.csv",), OWN)
    assert locate(unreachable, None) == path


def test_another_checksum_is_refused_and_not_kept(published: str, tmp_path: Path) -> None:
    file = DataFile(published, "md5:" + 32 * "0", ("table.csv",), OWN)
    with pytest.raises(DataCorrupt, match="does not have the checksum md5:0000"):
        locate(file, None)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_without_data_and_network_the_error_says_what_to_put_where() -> None:
    file = DataFile("http://127.0.0.1:9/table.csv", CHECKSUM, ("table.csv",), OWN)
    with pytest.raises(DataNotFound) as caught:
        locate(file, None)
    assert str(caught.value) == (
        "http://127.0.0.1:9/table.csv cannot be downloaded: get the file elsewhere, put it into a "
        "folder as table.csv, and name that folder with --data"
    )


def test_a_folder_without_data_is_refused_with_all_that_could_lie_there(tmp_path: Path) -> None:
    file = DataFile("https://example.org/table.csv", CHECKSUM, ("table.csv", "other.csv"), OWN)
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(DataNotFound) as caught:
        locate(file, tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds no table.csv or other.csv, but elsewhere/: put the file there (it is "
        "published at https://example.org/table.csv), or leave --data out to have it downloaded; "
        "or put data of your own there: a table of your own"
    )


def test_a_folder_that_is_not_there_is_named_beside_what_is(tmp_path: Path) -> None:
    (tmp_path / "houses").mkdir()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(WrongOption) as caught:
        check_folder(tmp_path / "house" / "data")
    assert str(caught.value) == (
        f"--data {tmp_path}/house/data: there is no such folder; {tmp_path} holds houses/, "
        "notes.txt"
    )


def test_a_file_in_the_place_of_its_folder_is_told_from_one(tmp_path: Path) -> None:
    (tmp_path / "houses.csv").touch()
    with pytest.raises(WrongOption) as caught:
        check_folder(tmp_path / "houses.csv")
    assert str(caught.value) == (
        f"--data {tmp_path}/houses.csv is a file: name the folder that holds it, {tmp_path}"
    )
