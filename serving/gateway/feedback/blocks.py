"""Answers by the block: written as columns, found through the places that memory knows.

A row and a text of its own for each answer took 19 to 30 µs of CPU where this takes 6 to 9,
measured in turns on a busy machine, threads and transactions included.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from serving.gateway.feedback.answers import Asked, KeptAnswer, read_rows
from serving.gateway.feedback.places import Places

PLACES = 1_000  # in a block; a place is the block's number times this, and the answer's in it
# Of a block: so many take no millisecond to be read, for one truth as for many.
_MAX_ROWS = 1_000

_ASKERS = "SELECT id, askers FROM blocks WHERE id > ? ORDER BY id"
_OLDEST = "SELECT coalesce(min(id), 0) FROM blocks"
_BLOCK = "SELECT askers, answers FROM blocks WHERE id = ?"


def split(answers: Sequence[KeptAnswer]) -> Iterator[Sequence[KeptAnswer]]:
    """Split answers into blocks of at most so many rows, or of one answer."""
    start = num_rows = 0
    for number, answer in enumerate(answers):
        num_rows += answer.num_rows
        if num_rows > _MAX_ROWS and number > start:
            yield answers[start:number]
            start, num_rows = number, answer.num_rows
    if start < len(answers):
        yield answers[start:]


def write_block(answers: Sequence[KeptAnswer]) -> tuple[bytes, bytes]:
    """Write who asked, and what they were answered."""
    askers = (
        [each.model for each in answers],
        [each.api_key for each in answers],
        [each.request_id for each in answers],
        [each.release_key for each in answers],
    )
    answered = (
        [each.version for each in answers],
        [each.route for each in answers],
        [each.at for each in answers],
        [each.num_rows for each in answers],
        [each.rows for each in answers],
    )
    return orjson.dumps(askers), orjson.dumps(answered)


class Blocks:
    """Finds answers in a file's blocks."""

    def __init__(self) -> None:
        self._places = Places()
        self._last = 0  # block whose places are known

    def find(
        self, connection: sqlite3.Connection, asked: Sequence[Asked]
    ) -> list[tuple[int, KeptAnswer] | None]:
        """Find answers with their places."""
        self._learn(connection)
        places = [self._places.newest(_key(each)) for each in asked]
        first = [next(each, None) for each in places]
        found: list[tuple[int, KeptAnswer] | None] = [None] * len(asked)
        reader = _Reader(connection)
        # In the order in which they lie there, each block is read once.
        for number in sorted(range(len(asked)), key=lambda number: first[number] or 0):
            place = first[number]
            while place is not None:
                answer = reader.read(place)
                if answer is not None and _is(answer, asked[number]):
                    found[number] = (place, answer)
                    break
                place = next(places[number], None)
        return found

    def _learn(self, connection: sqlite3.Connection) -> None:
        """Learn what blocks were added, by whichever worker."""
        for block, askers in connection.execute(_ASKERS, (self._last,)):
            models, api_keys, request_ids, release_keys = orjson.loads(askers)
            start = block * PLACES
            places = range(start, start + len(models))
            self._places.add(zip(models, api_keys, request_ids, strict=True), places)
            keyed = [number for number, key in enumerate(release_keys) if key is not None]
            keys = ((models[each], api_keys[each], None, release_keys[each]) for each in keyed)
            self._places.add(keys, (start + each for each in keyed))
            self._last = block
        [oldest] = connection.execute(_OLDEST).fetchone()
        self._places.settle(oldest * PLACES)


class _Reader:
    """Reads answers, and keeps the block that it has read last."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._block = -1
        self._columns: list[list[Any]] | None = None

    def read(self, place: int) -> KeptAnswer | None:
        """Return the answer in a place, or None if its block has gone."""
        block, number = divmod(place, PLACES)
        if block != self._block:
            found = self._connection.execute(_BLOCK, (block,)).fetchone()
            self._columns = found and [*orjson.loads(found[0]), *orjson.loads(found[1])]
            self._block = block
        if self._columns is None:
            return None
        model, api_key, request_id, release_key, version, route, at, num_rows, rows = (
            column[number] for column in self._columns
        )
        return KeptAnswer(
            model=model,
            version=version,
            route=route,
            request_id=request_id,
            api_key=api_key,
            release_key=release_key,
            at=at,
            num_rows=num_rows,
            rows=read_rows(rows),
        )


def _key(asked: Asked) -> tuple[str | None, ...]:
    if asked.request_id is not None:
        return (asked.model, asked.api_key, asked.request_id)
    return (asked.model, asked.api_key, None, asked.release_key)


def _is(answer: KeptAnswer, asked: Asked) -> bool:
    if (answer.model, answer.api_key) != (asked.model, asked.api_key):
        return False
    if asked.request_id is not None:
        return answer.request_id == asked.request_id
    return answer.release_key == asked.release_key
