"""How the log looks: JSON for programs, text for whoever sits at a terminal."""

import io
import json
import logging
import logging.config
import re
import sys
from collections.abc import Iterator

import pytest

from serving.gateway.telemetry.logs import LogFormat, log_config


class Output(io.StringIO):
    """A standard output that is a terminal, or none."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("", "tfgate", "uvicorn.error")]
    before = [(logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers


def written(
    log_format: LogFormat, monkeypatch: pytest.MonkeyPatch, *, terminal: bool, level: str = "INFO"
) -> str:
    """Let the gateway, its web server and a library say something; return what is written."""
    output = Output(terminal=terminal)
    monkeypatch.setattr(sys, "stdout", output)
    logging.config.dictConfig(log_config(level, log_format))
    logging.getLogger("tfgate.models").info("version %d is up", 2, extra={"fields": {"who": "é"}})
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("library").info("of no interest")
    return output.getvalue()


@pytest.mark.parametrize(("log_format", "terminal"), [("auto", False), ("json", True)])
def test_programs_read_json(
    log_format: LogFormat, terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = written(log_format, monkeypatch, terminal=terminal).splitlines()

    first, second = map(json.loads, lines)
    assert (first["logger"], first["message"]) == ("tfgate.models", "version 2 is up")
    assert first["who"] == "é"
    assert second["message"] == "Started server process"


@pytest.mark.parametrize(("log_format", "terminal"), [("auto", True), ("text", False)])
def test_people_read_one_line_of_what_matters(
    log_format: LogFormat, terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = written(log_format, monkeypatch, terminal=terminal)

    assert re.fullmatch(r"\d\d:\d\d:\d\d INFO    version 2 is up who=é\n", text)


def test_whoever_wants_to_see_all_sees_all(monkeypatch: pytest.MonkeyPatch) -> None:
    text = written("text", monkeypatch, terminal=True, level="DEBUG")

    assert "Started server process" in text


def test_people_see_where_an_error_was_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    output = Output(terminal=True)
    monkeypatch.setattr(sys, "stdout", output)
    logging.config.dictConfig(log_config("INFO", "auto"))
    try:
        raise KeyError("missing")
    except KeyError:
        logging.getLogger("tfgate.error").exception("unexpected")

    assert output.getvalue().splitlines()[1] == "Traceback (most recent call last):"
