"""Bodies that come compressed: inflated as far as the limit, and refused with the true reason."""

import asyncio
import gzip
import json
import tracemalloc
import zlib
from typing import Any

import httpx
import pytest
from starlette.types import Message

from serving.errors import PayloadTooLarge
from serving.gateway.bodies import reading
from tests.drawings import drawing, file_of
from tests.example_bodies import EXAMPLES
from tests.in_process import gateway
from tests.visitor import Answer

SENTIMENT = "/predict/sentiment"
BODY = json.dumps(EXAMPLES["sentiment"]).encode()
PACKED = gzip.compress(BODY, mtime=0)
JSON = "application/json"
GZIP = {b"content-encoding": b"gzip"}


def post(http: httpx.Client, content: Any, encoding: str, path: str = SENTIMENT) -> Answer:
    headers = {"Content-Type": JSON, "Content-Encoding": encoding}
    answer = http.post(path, content=content, headers=headers)
    return Answer(answer.status_code, answer.headers, answer.json())


@pytest.mark.parametrize(
    "name", ["identity", "Identity", "IDENTITY", "", " ", "identity, identity"]
)
def test_no_coding_has_many_names(http: httpx.Client, name: str) -> None:
    assert post(http, BODY, name).status == 200


@pytest.mark.parametrize("name", ["gzip", "GZip", "x-gzip", "identity, gzip", "gzip,"])
def test_gzip_is_inflated(http: httpx.Client, name: str) -> None:
    assert post(http, PACKED, name).status == 200


@pytest.mark.parametrize("window", [15, 9, -15, -9])
def test_deflate_is_inflated_within_zlib_and_bare(http: httpx.Client, window: int) -> None:
    for level in range(10):
        compressor = zlib.compressobj(level, wbits=window)
        packed = compressor.compress(BODY) + compressor.flush()

        assert post(http, packed, "Deflate").status == 200
        pieces = (packed[start : start + 1] for start in range(len(packed)))
        assert post(http, pieces, "deflate").status == 200


@pytest.mark.parametrize(
    ("packed", "reason"),
    [
        (b"", "it ends too early"),
        (b"x", "it ends too early"),
        (zlib.compress(BODY)[:-1], "it ends too early"),
        (zlib.compress(BODY) + b"x", "more bytes follow its end"),
        (BODY, "the body is not the deflate that its Content-Encoding names"),
        (PACKED, "the body is not the deflate that its Content-Encoding names"),
    ],
)
def test_what_is_no_deflate_is_refused(http: httpx.Client, packed: bytes, reason: str) -> None:
    answer = post(http, packed, "deflate")

    assert (answer.status, answer.code) == (400, "malformed-body")
    assert reason in answer.document["detail"]


def test_it_may_come_in_pieces_of_any_size(http: httpx.Client) -> None:
    for size in (1, 7, len(PACKED) - 1):
        pieces = (PACKED[start : start + size] for start in range(0, len(PACKED), size))
        assert post(http, pieces, "gzip").status == 200, size


def test_it_may_have_several_members(http: httpx.Client) -> None:
    packed = gzip.compress(BODY[:9]) + gzip.compress(b"") + gzip.compress(BODY[9:])

    assert post(http, packed, "gzip").status == 200


def test_a_large_body_is_inflated_as_a_whole(http: httpx.Client) -> None:
    batch = json.dumps({"instances": [{"text": f"Film {n}. " * 900} for n in range(128)]}).encode()

    answer = post(http, gzip.compress(batch), "gzip", f"{SENTIMENT}/batch")

    assert answer.status == 200
    assert len(answer.document["predictions"]) == 128


def test_a_file_may_be_compressed_too(http: httpx.Client) -> None:
    headers = {"Content-Type": "image/png", "Content-Encoding": "gzip"}
    picture = gzip.compress(file_of(drawing(), "PNG"))

    assert http.post("/predict/image", content=picture, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "ends too early"),
        (PACKED[:5], "ends too early"),
        (PACKED[:-1], "ends too early"),
        (PACKED[:-8], "ends too early"),
        (PACKED + PACKED[:-1], "ends too early, after 1 complete"),
        (BODY, "incorrect header check"),
        (zlib.compress(BODY), "incorrect header check"),
        (PACKED + b"x", "ends too early, after 1 complete"),
        (PACKED + b"more", "incorrect header check, after 1 complete"),
        (PACKED + bytes(8), "incorrect header check, after 1 complete"),
        (PACKED[:-8] + bytes(4) + PACKED[-4:], "incorrect data check"),
        (PACKED[:-4] + bytes(4), "incorrect length check"),
        (PACKED[:10] + b"\xff" + PACKED[11:], "invalid block type"),
        (1_001 * gzip.compress(b""), "one more member begins, after 1000 complete"),
    ],
)
def test_what_is_no_gzip_is_told_why(http: httpx.Client, content: bytes, reason: str) -> None:
    answer = post(http, content, "gzip")

    assert (answer.status, answer.code) == (400, "malformed-body")
    assert reason in answer.document["detail"]


@pytest.mark.parametrize(
    "name", ["br", "zstd", "compress", "gzip, gzip", "deflate, gzip", "gzip;q=1"]
)
def test_any_other_coding_is_refused_with_what_is_taken(http: httpx.Client, name: str) -> None:
    answer = post(http, PACKED, name)

    assert (answer.status, answer.code) == (415, "unsupported-media-type")
    assert answer.headers["Accept-Encoding"] == "gzip, deflate"
    assert "accepted: gzip, deflate, or none" in answer.document["detail"]


def test_a_wrong_kind_of_body_is_not_blamed_on_its_coding(http: httpx.Client) -> None:
    headers = {"Content-Type": "text/plain", "Content-Encoding": "gzip"}

    answer = http.post(SENTIMENT, content=PACKED, headers=headers)

    assert answer.status_code == 415
    assert "Accept-Encoding" not in answer.headers


def test_the_limit_counts_what_is_inflated() -> None:
    with gateway(max_body_bytes=1_000) as tfgate:
        for length, status in ((900, 200), (1_000, 413)):
            packed = gzip.compress(json.dumps({"text": "a" * length}).encode())
            assert post(tfgate.client, packed, "gzip").status == status


def test_a_bomb_is_inflated_no_further_than_the_limit() -> None:
    bomb = gzip.compress(bytes(100_000_000))
    asked = []

    async def receive() -> Message:
        asked.append(1)
        return {"type": "http.request", "body": bomb, "more_body": True}

    tracemalloc.start()
    with pytest.raises(PayloadTooLarge):
        asyncio.run(reading.read(receive, GZIP, 1_000_000))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(asked) == 1
    assert most < 3_000_000


def test_others_are_served_while_a_large_body_is_inflated() -> None:
    large = gzip.compress(bytes(10_000_000))
    turns = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": large}

    async def serve() -> None:
        nonlocal turns
        inflating = asyncio.ensure_future(reading.read(receive, GZIP, 10_000_000))
        while not inflating.done():
            turns += 1
            await asyncio.sleep(0)
        assert len(inflating.result()) == 10_000_000

    asyncio.run(serve())

    assert turns > 100
