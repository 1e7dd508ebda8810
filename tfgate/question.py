"""What `tfgate predict` asks: a file, standard input, what is given, or the model's example."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer

STANDARD_INPUT = "-"
JSON = "application/json"


class WrongQuestion(Exception):
    """It is no question for that model; the message says what is one, and nothing was sent."""


@dataclass(frozen=True)
class Takes:
    """What a model takes, and where; requests are JSON.

    `example` makes a valid request, `of_text` one of what is no object, if the model takes that;
    `upload` is the media type of the files that it takes as they are; `of_file` makes a request of
    one that is no text, if the model may take such.
    """

    model: str
    path: str
    example: Callable[[], str]
    of_text: Callable[[str], str] | None = None
    upload: str | None = None
    of_file: Callable[[bytes], str] | None = None


@dataclass(frozen=True)
class Question:
    """The body of a request."""

    content: bytes
    media_type: str = JSON


def read_question(takes: Takes, given: str | None) -> Question:
    """Make a request's body of what was given on the command line, or of what is piped in.

    Raises:
        WrongQuestion: there is no such file, or the model takes something else.
    """
    if given is None and not (sys.stdin is None or sys.stdin.isatty()):
        piped = sys.stdin.buffer.read()
        if piped:
            return _of_bytes(takes, piped, "standard input")
        typer.echo("tfgate: nothing was piped in; this is the model's own example", err=True)
    if given is None:
        return Question(_encoded(takes.example()))
    if given == STANDARD_INPUT:
        return _of_bytes(takes, sys.stdin.buffer.read(), "standard input")
    if os.path.isfile(given):  # noqa: PTH113  # a text may be longer than a path, which Path minds
        return _of_bytes(takes, _read(given), given)
    return _of_text(takes, given)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}."
        raise WrongQuestion(message) from error


def _of_bytes(takes: Takes, content: bytes, source: str) -> Question:
    """Make a body of what a file holds, or of what came in; `source` is its name."""
    if takes.upload is not None and not content.lstrip().startswith(b"{"):
        # Which kind of file it is, the gateway sees for itself.
        return Question(content, takes.upload)
    try:
        return _of_text(takes, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        if takes.of_file is not None:
            return Question(takes.of_file(content).encode())
        message = (
            f"{source} is no text in UTF-8: byte {error.start} is 0x{content[error.start]:02x}. "
            "'iconv -f LATIN1 -t UTF-8' makes it one if it is in Latin-1."
        )
        raise WrongQuestion(message) from error


def _of_text(takes: Takes, text: str) -> Question:
    if text.lstrip().startswith("{"):
        return Question(_encoded(text))
    if takes.upload is not None:
        _read(text)
        message = f"{takes.model} takes a file's path, - for standard input, or a JSON object."
        raise WrongQuestion(message)
    if takes.of_text is None:
        example = takes.example()
        message = (
            f"{takes.model} takes a JSON object, such as '{example}', or a file that holds one."
        )
        raise WrongQuestion(message)
    return Question(_encoded(takes.of_text(text)))


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        message = "what was given is no text in UTF-8; a file, or standard input, may be the way."
        raise WrongQuestion(message) from error
