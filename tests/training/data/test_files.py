"""Files are found where they are, else fetched, checked and cached."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from training.data.files import DataFile, locate
from training.errors import DataCorrupt, DataNotFound

CONTENT = b"a,b\n1,2\n"
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
    file = DataFile("http://127.0.0.1:9/table.csv", CHECKSUM, ("table.csv", "other.csv"))
    assert locate(file, tmp_path) == tmp_path / "other.csv"


def test_a_fetched_file_is_kept(published: str) -> None:
    file = DataFile(published, CHECKSUM, ("table.csv",))
    path = locate(file, None)
    assert path.read_bytes() == CONTENT
    unreachable = DataFile("http://127.0.0.1:9/table.csv", CHECKSUM, ("table.csv",))
    assert locate(unreachable, None) == path


def test_another_checksum_is_refused_and_not_kept(published: str, tmp_path: Path) -> None:
    file = DataFile(published, "md5:" + 32 * "0", ("table.csv",))
    with pytest.raises(DataCorrupt, match="does not have the checksum md5:0000"):
        locate(file, None)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_without_data_and_network_the_error_says_what_to_put_where() -> None:
    file = DataFile("http://127.0.0.1:9/table.csv", CHECKSUM, ("table.csv",))
    with pytest.raises(DataNotFound) as caught:
        locate(file, None)
    assert str(caught.value) == (
        "http://127.0.0.1:9/table.csv cannot be downloaded: get the file elsewhere, put it into a "
        "folder as table.csv, and name that folder with --data"
    )
