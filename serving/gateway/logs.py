"""Logging: one JSON object per line on standard output, the same for uvicorn's own messages."""

from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS


def log_config(level: str) -> dict[str, Any]:
    """Return the configuration in the form that logging.config.dictConfig takes."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
                "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
                "datefmt": "%Y-%m-%dT%H:%M:%S%z",
                # uvicorn repeats its messages there with colours.
                "reserved_attrs": [*RESERVED_ATTRS, "color_message"],
            }
        },
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "formatter": "json",
                "stream": "ext://sys.stdout",
            }
        },
        "root": {"level": "WARNING", "handlers": ["stdout"]},
        "loggers": {"tfgate": {"level": level}, "uvicorn.error": {"level": level}},
    }
