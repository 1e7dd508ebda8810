"""What waits to be written: as much as there is room for, in rows and in bytes."""

from collections import deque
from threading import Lock

from serving.gateway.prediction_log.kept import Kept

MAX_ROWS = 20_000
MAX_BYTES = 64_000_000
_BLOCK_BYTES = 1_000_000  # of tensors; their records take several times as much, for a moment


class Waiting:
    """Requests in the order in which they came; one thread adds, another takes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: deque[Kept] = deque()
        self._num_rows = self._num_bytes = 0
        self._num_taken = 0  # that are being written

    def add(self, kept: Kept) -> bool:
        """Let a request wait, if there is room; tell whether there was."""
        num_rows = kept.num_rows or 1
        with self._lock:
            if self._num_rows + num_rows > MAX_ROWS or self._num_bytes + kept.num_bytes > MAX_BYTES:
                return False
            self._requests.append(kept)
            self._num_rows += num_rows
            self._num_bytes += kept.num_bytes
        return True

    def take(self, max_rows: int) -> list[Kept]:
        """Take the oldest requests, of not many more rows; what was taken before is done with."""
        block: list[Kept] = []
        num_rows = num_bytes = 0
        with self._lock:
            while self._requests and num_rows < max_rows and num_bytes < _BLOCK_BYTES:
                block.append(self._requests.popleft())
                num_rows += block[-1].num_rows or 1
                num_bytes += block[-1].num_bytes
            self._num_rows -= num_rows
            self._num_bytes -= num_bytes
            self._num_taken = len(block)
        return block

    def give_up(self) -> int:
        """Forget all that is not done with; tell how many requests that are."""
        with self._lock:
            num_lost = len(self._requests) + self._num_taken
            self._requests.clear()
            self._num_rows = self._num_bytes = self._num_taken = 0
        return num_lost
