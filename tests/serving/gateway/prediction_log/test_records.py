"""A record: whatever a model takes and answers is found in it, as JSON has it."""

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from serving.gateway.prediction_log.digests import digest_with, read_key
from serving.gateway.prediction_log.kept import keep
from serving.gateway.prediction_log.records import records_of
from tests.serving.gateway.prediction_log.answers import answered, records


@given(
    of_numpy.arrays(
        st.one_of(
            of_numpy.floating_dtypes(sizes=(16, 32, 64)),
            of_numpy.integer_dtypes(),
            of_numpy.unsigned_integer_dtypes(),
            of_numpy.boolean_dtypes(),
        ),
        of_numpy.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4),
    )
)
def test_any_numbers_are_written_as_json_has_them(array: Any) -> None:
    found_records = records(answered(y=array))
    assert len(found_records) == len(array)
    for record, row in zip(found_records, array, strict=True):
        found = json.loads(orjson.dumps(record))["outputs"]["y"]
        finite = np.isfinite(row) if row.dtype.kind == "f" else np.ones(np.shape(row), bool)
        values: Any = np.asarray(row, object)
        expected = np.where(finite, values, np.full(values.shape, None, object))
        assert np.array_equal(np.array(found, object), expected)


def test_texts_that_are_none_and_halves_are_written_too() -> None:
    texts = np.array([b"caf\xc3\xa9", b"\xff\x00"], dtype=object)
    halves = np.array([1.5, -2.0], ml_dtypes.bfloat16)
    wide = np.zeros((2, 5_000), np.float32)
    first, second = records(answered(t=texts, h=halves, w=wide))
    assert first["outputs"]["t"] == "café"
    assert base64.b64decode(second["outputs"]["t"]["b64"]) == b"\xff\x00"
    assert (first["outputs"]["h"], second["outputs"]["h"]) == (1.5, -2.0)
    assert first["outputs"]["w"] == {"dtype": "float32", "shape": [5_000]}


def test_what_has_no_rows_is_one_record() -> None:
    [record] = records(answered(total=np.array(2, np.float32)))
    assert (record["row"], record["outputs"]) == (0, {"total": 2})


def hashed(x: Any, key: bytes = b"k" * 32) -> list[str]:
    return [record["inputs"]["x"] for record in records(answered(x=x), "hash", key)]


def test_a_digest_tells_equal_from_other_and_nothing_to_who_has_no_key() -> None:
    ages = np.array([41, 42], np.int64)
    first, second = hashed(ages)
    assert first != second
    assert hashed(ages) == [first, second]
    assert hashed(ages, b"o" * 32)[0] not in {first, second}
    guesses = {sha256(np.int64(age).tobytes()).hexdigest() for age in range(150)}
    assert guesses.isdisjoint({first, second})


def test_texts_in_lists_are_told_apart_by_where_one_ends() -> None:
    lists = np.array([[b"a", b"bc"], [b"ab", b"c"]], dtype=object)
    first, second = hashed(lists)
    assert first != second


def test_a_large_input_is_hashed_as_a_whole() -> None:
    pictures = np.zeros((2, 5_000), np.uint8)
    pictures[1, -1] = 1
    first, second = hashed(pictures)
    assert first != second


def test_a_key_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("secret\n")
    with pytest.raises(ValueError, match="6 bytes, and 16 are the least"):
        read_key(file)
    file.write_text("0123456789abcdef\n")
    assert read_key(file) == b"0123456789abcdef"


@pytest.mark.parametrize(
    ("route", "told"),
    [("stable", "stable"), ("candidate", "candidate"), ("pinned", "pinned"), (None, "pinned")],
)
def test_the_route_and_the_key_are_those_at_the_time_of_the_answer(
    route: str | None, told: str
) -> None:
    each = answered()
    each.context.route, each.context.key = route, "shop"
    kept = keep(each, 1.5, {})
    each.context.route, each.context.key = "stable", None
    record = next(records_of(kept, {}, digest_with(b"")))
    assert (record["route"], record["key"]) == (told, "shop")
    assert record["time"] == "1970-01-01T00:00:01.500+00:00"


def test_what_waits_holds_neither_the_call_nor_the_body_that_it_came_in() -> None:
    call = np.arange(100_000.0)
    body = np.frombuffer(bytes(800), np.float64)
    kept = keep(answered(x=body[:2], y=call[:2], wide=np.zeros((2, 5_000))), 0, {"x": "keep"})
    assert all(column.base is None for column in (kept.inputs["x"], kept.outputs["y"]))  # type: ignore[union-attr]
    assert kept.num_bytes < 2_000
    assert keep(answered(x=body, y=call[:2]), 0, {}).inputs == {}


def test_texts_count_with_their_bytes() -> None:
    texts = np.array([b"x" * 5_000, b"y" * 7_000], dtype=object)
    assert keep(answered(x=texts), 0, {"*": "keep"}).num_bytes > 12_000
