"""The page's files as they are sent: how heavy, how often, and what they may do."""

import gzip
import hashlib
import re
from collections.abc import Iterator

import pytest

from serving.gateway.page.files import document, files
from tests.in_process import Gateway, gateway

MAX_BYTES = 100_000  # of everything, compressed
PRISTINE = "72284e8e9079c87817145df1110f74e8a2aa040b2fc384922e18dfcb46fc1fd7"


@pytest.fixture(scope="module")
def running() -> Iterator[Gateway]:
    with gateway() as running:
        yield running


def test_the_whole_page_is_light() -> None:
    sent = [document(""), *files().values()]

    assert sum(len(each.gzipped or each.content) for each in sent) <= MAX_BYTES


def test_the_first_paint_needs_one_request_more(running: Gateway) -> None:
    shown = running.client.get("/").text

    # Scripts of type module do not hold up what is painted.
    assert re.findall(r'<link rel="stylesheet" href="([^"]*)"', shown) == ["page/style.css"]
    assert re.findall(r"<script(?! type=\"module\" src=)", shown) == []
    assert "<style" not in shown
    assert "Asking which models there are" in shown


def test_every_module_is_named_in_the_document(running: Gateway) -> None:
    shown = running.client.get("/").text

    for name, file in files().items():
        if name.endswith(".js"):
            assert f'<link rel="modulepreload" href="page/{name}">' in shown
            for imported in re.findall(r'from "([^"]+)"', file.content.decode()):
                assert imported.startswith("."), f"{name} imports {imported}"


def test_the_page_asks_nobody_else() -> None:
    """Its policy forbids it; nothing in it even tries."""
    for name, file in files().items():
        if name.endswith((".js", ".css")) and not name.startswith("vendor/"):
            for line in file.content.decode().splitlines():
                code = line.partition("// ")[0]
                assert not re.search(r"https?://|@import|\bimport\(", code), f"{name}: {line}"


def test_the_library_is_as_it_was_published() -> None:
    digest = hashlib.sha256(files()["vendor/htm-preact.js"].content).hexdigest()

    assert digest == PRISTINE


def test_what_a_browser_has_is_not_sent_again(running: Gateway) -> None:
    for path in ("/", "/page/app.js"):
        first = running.client.get(path)
        again = running.client.get(path, headers={"If-None-Match": first.headers["ETag"]})

        assert first.status_code == 200
        assert first.headers["Cache-Control"] == "no-cache"
        assert again.status_code == 304
        assert again.content == b""
        other = running.client.get(path, headers={"If-None-Match": 'W/"other"'})
        assert other.status_code == 200


def test_files_are_compressed_for_whoever_takes_it(running: Gateway) -> None:
    file = files()["app.js"]
    for encoding, expected in (("gzip, br", gzip.compress(file.content)), ("br", file.content)):
        answer = running.client.get("/page/app.js", headers={"Accept-Encoding": encoding})

        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Content-Length"] == str(len(expected))
        assert answer.content == file.content


def test_a_picture_is_not_compressed_again(running: Gateway) -> None:
    answer = running.client.get("/page/pictures/ship.png", headers={"Accept-Encoding": "gzip"})

    assert answer.headers["Content-Type"] == "image/png"
    assert "Content-Encoding" not in answer.headers


def test_the_page_may_run_its_own_files_alone(running: Gateway) -> None:
    policy = running.client.get("/").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_no_other_file_is_sent(running: Gateway) -> None:
    for path in ("files.py", "../app.py", "..%2fapp.py", "vendor/LICENSE", "", "index.html"):
        assert running.client.get(f"/page/{path}").status_code == 404


def test_links_begin_where_the_gateway_is_reached() -> None:
    assert b"<base" not in document("").content
    assert b'<base href="/a/b/">' in document("/a/b").content
    assert document("").etag != document("/a/b").etag
