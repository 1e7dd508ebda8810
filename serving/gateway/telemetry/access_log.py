"""The log of requests: one JSON line each, on standard output, written in blocks.

The logging package takes longer over a line than the gateway over the prediction that it tells of:
it serves everything else. A block is at most a tenth of a second old when it is written.
"""

import asyncio
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json

_BLOCK_SECONDS = 0.1
_BLOCK_LINES = 256


class AccessLog:
    """Takes the lines whose level is high enough; `flush` is to be called once more at the end."""

    def __init__(self, level: str) -> None:
        self._level = logging.getLevelNamesMapping()[level]
        self._lines: list[bytes] = []

    def wants(self, level: int) -> bool:
        """Tell whether lines of a level, one of the logging package's, are written."""
        return level >= self._level

    def write(self, level: int, fields: dict[str, Any]) -> None:
        """Take one line."""
        line = {
            "time": datetime.now(UTC),
            "level": logging.getLevelName(level),
            "logger": "tfgate.access",
            **fields,
        }
        self._lines.append(to_json(line))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(_BLOCK_SECONDS, self.flush)
        elif len(self._lines) >= _BLOCK_LINES:
            self.flush()

    def flush(self) -> None:
        """Write what was taken."""
        if self._lines:
            lines, self._lines = self._lines, []
            sys.stdout.write(b"\n".join([*lines, b""]).decode())
            sys.stdout.flush()
