"""Logging of everything but requests: one JSON object per line on standard output."""

import logging
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json


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


def log_config(level: str) -> dict[str, Any]:
    """Return the configuration in the form that logging.config.dictConfig takes."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": f"{__name__}.{JsonFormatter.__qualname__}"}},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "formatter": "json",
                "stream": "ext://sys.stdout",
            }
        },
        "root": {"level": "WARNING", "handlers": ["stdout"]},
        "loggers": {
            "tfgate": {"level": level},
            "uvicorn.error": {"level": level},
            # It warns of every broken form, which is its sender's affair.
            "python_multipart": {"level": "ERROR"},
        },
    }
