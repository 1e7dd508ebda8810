"""What `tfgate predict` asks: a file, standard input, what is given, or the model's example."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from serving.contract import Model
from serving.models import MODELS

STANDARD_INPUT = "-"

Models = Mapping[str, Model[Any, Any]]


class WrongQuestion(Exception):
    """It is no question for that model; the message says what is one, and nothing was sent."""


@dataclass(frozen=True)
class Question:
    """The body of a request."""

    content: bytes
    media_type: str = "application/json"


def read_question(name: str, given: str | None, models: Models = MODELS) -> Question:
    """Make a request's body of what was given on the command line, or of what is piped in.

    Raises:
        WrongQuestion: there is no such model or file, or the model takes something else.
    """
    check_model(name, models)
    model = models[name]
    if given is None and not (sys.stdin is None or sys.stdin.isatty()):
        piped = sys.stdin.buffer.read()
        if piped:
            return _of_bytes(name, model, piped, "standard input")
        typer.echo("tfgate: nothing was piped in; this is the model's own example", err=True)
    if given is None:
        return Question(model.example.model_dump_json().encode())
    if given == STANDARD_INPUT:
        return _of_bytes(name, model, sys.stdin.buffer.read(), "standard input")
    if os.path.isfile(given):  # noqa: PTH113  # a text may be longer than a path, which Path minds
        return _of_bytes(name, model, _read(given), given)
    return _of_text(name, model, given)


def check_model(name: str, models: Models = MODELS) -> None:
    """See that there is a model of that name.

    Raises:
        WrongQuestion: there is none.
    """
    if name not in models:
        message = f"there is no model {name!r}; there are {', '.join(sorted(models))}."
        raise WrongQuestion(message)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}."
        raise WrongQuestion(message) from error


def _of_bytes(name: str, model: Model[Any, Any], content: bytes, source: str) -> Question:
    """Make a body of what a file holds, or of what came in; `source` is its name."""
    upload = model.upload
    if upload is not None and not content.lstrip().startswith(b"{"):
        # Which kind of file it is, the gateway sees for itself.
        return Question(content, upload.media_type)
    try:
        return _of_text(name, model, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        message = (
            f"{source} is no text in UTF-8: byte {error.start} is 0x{content[error.start]:02x}. "
            "'iconv -f LATIN1 -t UTF-8' makes it one if it is in Latin-1."
        )
        raise WrongQuestion(message) from error


def _of_text(name: str, model: Model[Any, Any], text: str) -> Question:
    if text.lstrip().startswith("{"):
        return Question(_encoded(text))
    if model.upload is not None:
        _read(text)
        message = f"{name} takes a file's path, - for standard input, or a JSON object."
        raise WrongQuestion(message)
    fields = list(model.request.model_fields)
    if len(fields) != 1:
        example = model.example.model_dump_json()
        message = f"{name} takes a JSON object, such as '{example}', or a file that holds one."
        raise WrongQuestion(message)
    return Question(_encoded(json.dumps({fields[0]: text}, ensure_ascii=False)))


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        message = "what was given is no text in UTF-8; a file, or standard input, may be the way."
        raise WrongQuestion(message) from error
