"""Requests as they go over the wire, and the file in which the load generators find them.

For each request the file has a line with its headers, tabs between them, the length of the body
last; then the body, which may hold anything.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

JSON = (("Content-Type", "application/json"),)


@dataclass(frozen=True)
class Question:
    """The body of one request, and the headers that say how to read it."""

    body: bytes
    headers: tuple[tuple[str, str], ...] = JSON

    def record(self) -> bytes:
        """Write it as the file has it."""
        headers = (*self.headers, ("Content-Length", str(len(self.body))))
        line = "\t".join(f"{name}: {value}" for name, value in headers)
        return line.encode() + b"\n" + self.body


def write_questions(questions: Iterable[Question], file: Path) -> Path:
    """Write them to a file; give its path."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(question.record() for question in questions))
    return file


def first_body(file: Path) -> bytes:
    """Read the body of a file's first request."""
    with file.open("rb") as records:
        line = records.readline()
        return records.read(int(line.rpartition(b" ")[2]))
