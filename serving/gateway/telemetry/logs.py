"""The log on standard output: one JSON object per line, or one plain line for people.

Of requests it knows only how their lines look; `middleware/request_log.py` writes those.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic_core import to_json

LogFormat = Literal["auto", "json", "text"]


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object; `extra={"fields": {…}}` adds fields of one's own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return to_json(line).decode()


class TextFormatter(logging.Formatter):
    """Formats a record for people: when, how grave, what, and below it where it was raised."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or the lines."""
        fields = [f"{name}={value}" for name, value in getattr(record, "fields", {}).items()]
        told = " ".join([record.getMessage(), *fields])
        line = text_line(datetime.fromtimestamp(record.created, UTC), record.levelname, told)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def text_line(time: datetime, level: str, told: str) -> str:
    """Write a line for people, in whose terminal nobody else's control characters may work."""
    plain = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in told)
    return f"{time.astimezone():%H:%M:%S} {level:<7} {plain}"


def is_text(log_format: LogFormat) -> bool:
    """Tell whether lines are for people: they are in a terminal, unless something else is asked."""
    return log_format == "text" or (log_format == "auto" and sys.stdout.isatty())


def log_config(level: str, log_format: LogFormat) -> dict[str, Any]:
    """Return the configuration in the form that logging.config.dictConfig takes."""
    text = is_text(log_format)
    formatter = TextFormatter if text else JsonFormatter
    # What it says of its start and stop, the gateway says in its own words.
    server_level = "WARNING" if text and level == "INFO" else level
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"{__name__}.{formatter.__qualname__}"}},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "stream": "ext://sys.stdout",
            }
        },
        "root": {"level": "WARNING", "handlers": ["stdout"]},
        "loggers": {
            "tfgate": {"level": level},
            "uvicorn.error": {"level": server_level},
            # It warns of every broken form, which is its sender's affair.
            "python_multipart": {"level": "ERROR"},
        },
    }
