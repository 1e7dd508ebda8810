"""What takes records, and how it says that it does not."""

from collections.abc import Sequence
from typing import Protocol

from serving.gateway.prediction_log.records import Record


class Refused(Exception):
    """These records are not taken, and others may be; the message says why."""


class Target(Protocol):
    """A place for records; `max_rows` are given to it at once, and of one request all."""

    max_rows: int

    def write(self, records: Sequence[Record]) -> None:
        """Take records.

        Raises:
            OSError: it takes none for now.
            Refused: it does not take these.
        """

    def rotate(self) -> None:
        """Finish what is due, though nothing be written.

        Raises:
            OSError: it cannot.
        """

    def close(self) -> None:
        """Take no more, and finish what was begun.

        Raises:
            OSError: it cannot.
        """
