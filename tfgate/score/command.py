"""What `tfgate score` does: every row of an input asked, in order, and a table of the answers."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tfgate.ask import Gateway
from tfgate.score.asking import Answer, Scorer
from tfgate.score.fields import Taken, taken_by
from tfgate.score.journal import Journal, Scored
from tfgate.score.results import write_whole, writer_for
from tfgate.score.sources import PICTURE, WRONG, Row, Source, WrongTable, source_of

MAX_ROWS = 64  # in a request
MAX_CHARACTERS = 4_000_000  # in a request, about


class SomeFailed(Exception):
    """Some rows have an error in the place of a prediction."""


class CannotWrite(Exception):
    """Something is wrong with a file; the message says what, and how to go on."""


@dataclass(frozen=True)
class Scoring:
    """What is to be scored, by what, and how many requests are out at once.

    `columns` are the columns of fields that have other names; without a `version` or a `label`, the
    version that answers the first rows is asked for all others.
    """

    source: Path
    output: Path
    model: str
    columns: Mapping[str, str]
    version: int | None = None
    label: str | None = None
    parallel: int = 4


def score(gateway: Gateway, scoring: Scoring, console: Console) -> None:
    """Score every row, or go on where an earlier try ended.

    Raises:
        WrongTable: the input is none that the model takes.
        WrongOutput: the output is none that can be written.
        AnotherInput: an earlier try was about something else, or is still at it.
        CannotWrite: the disk is full, or what is read or written is not there any more.
        CannotAsk: the gateway cannot be asked; what was scored stays in the journal.
        SomeFailed: all is written, and some rows have an error.
    """
    source, write = source_of(scoring.source), writer_for(scoring.output, scoring.source)
    taken = taken_by(gateway, scoring.model, scoring.columns)
    taken.check(_first_row(source))
    journal = Journal(scoring.output, _identity(source, scoring))
    try:
        with journal:
            _go_on(gateway, source, scoring, taken, journal, console)
            num_failed = sum(row["error"] is not None for row in journal.rows())
            write_whole(write, journal.rows, scoring.output)
    except OSError as error:
        message = f"{error}. What is scored is in {journal.path}: the same command goes on."
        raise CannotWrite(message) from error
    journal.delete()
    rows = f"{journal.num_rows:,} rows by version {journal.version} of {scoring.model}"
    console.print(f"{scoring.output}: {rows}", soft_wrap=True, highlight=False)
    if num_failed:
        message = f"{num_failed:,} of {journal.num_rows:,} rows have an error: see that column."
        raise SomeFailed(message)


def _first_row(source: Source) -> Row:
    """Read the first row, which must be one: a table that begins otherwise is likely none.

    Raises:
        WrongTable: there is none.
    """
    try:
        with closing(source.read()) as rows:
            first = next(rows, {WRONG: f"{source.path} holds no row."})
    except OSError as error:
        message = f"{source.path} cannot be read: {error.strerror or error}."
        raise WrongTable(message) from error
    if WRONG in first:
        raise WrongTable(first[WRONG])
    return first


def _go_on(
    gateway: Gateway,
    source: Source,
    scoring: Scoring,
    taken: Taken,
    journal: Journal,
    console: Console,
) -> None:
    """Score the rows that are not in the journal yet."""
    version = journal.version or scoring.version
    label = scoring.label if version is None else None
    if journal.num_rows:
        told = f"going on after {journal.num_rows:,} rows, with version {version}"
        console.print(told, highlight=False)
    with (
        ThreadPoolExecutor(scoring.parallel) as threads,
        # Within: who stops stops it first, so that the threads do not wait for a gateway any more.
        Scorer(gateway, taken, version, label) as scorer,
    ):
        _score_all(source, scorer, journal, threads, scoring.parallel, console)


def _identity(source: Source, scoring: Scoring) -> dict[str, object]:
    asked = {"model": scoring.model, "columns": dict(scoring.columns)}
    return {**source.identity, **asked, "asked version": scoring.version, "label": scoring.label}


def _score_all(
    source: Source,
    scorer: Scorer,
    journal: Journal,
    threads: ThreadPoolExecutor,
    parallel: int,
    console: Console,
) -> None:
    columns = [TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %")]
    timing = TimeElapsedColumn(), TimeRemainingColumn()
    with (
        closing(source.read()) as rows,
        Progress(*columns, *timing, console=console) as progress,
    ):
        blocks = _blocks(islice(rows, journal.num_rows, None), scorer.taken)
        task = progress.add_task("scoring", total=1.0)
        out: deque[tuple[list[Row], Future[list[Answer]]]] = deque()
        while True:
            # One alone until there is a version: it is that of all.
            wanted = parallel if scorer.version is not None else 1
            for block in islice(blocks, wanted - len(out)):
                out.append((block, threads.submit(scorer.answer, _instances(block, scorer.taken))))
            if not out:
                return
            block, answers = out.popleft()
            journal.write(_scored(block, answers.result(), scorer.version), scorer.version)
            done = f"{journal.num_rows:,} rows"
            progress.update(task, completed=source.progress(), description=done)


def _blocks(rows: Iterator[Row], taken: Taken) -> Iterator[list[Row]]:
    """Put so many rows together as go into a request."""
    block, size = list[Row](), 0
    for row in rows:
        added = sum(len(str(value)) for value in taken.instance(row).values())
        if block and (len(block) == MAX_ROWS or size + added > MAX_CHARACTERS):
            yield block
            block, size = [], 0
        block.append(row)
        size += added
    if block:
        yield block


def _instances(rows: Sequence[Row], taken: Taken) -> list[Row]:
    return [taken.instance(row) for row in rows if WRONG not in row]


def _scored(rows: Sequence[Row], answers: Sequence[Answer], version: int | None) -> list[Scored]:
    left = iter(answers)
    scored: list[Scored] = []
    for row in rows:
        answer = Answer(error=row[WRONG]) if WRONG in row else next(left)
        scored.append(
            {
                "row": {name: row[name] for name in row if name not in {PICTURE, WRONG}},
                "prediction": answer.prediction,
                "version": None if answer.error else version,
                "error": answer.error,
            }
        )
    return scored
