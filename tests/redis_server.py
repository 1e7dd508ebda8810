"""A Redis of a test's own, really started; it may be killed, started again, and made to hang."""

import signal
import socket
import subprocess
from types import TracebackType
from typing import Self

from tests import stack
from tests.programs import needs, path_of

# For `pytestmark`, or above a test.
NEEDED = needs("redis-server", package="redis-server")


class RedisServer:
    """Listens on a port of its own as long as the context lasts, and writes nothing down.

    `flags` are those of redis-server, such as `--requirepass`.
    """

    def __init__(self, *flags: str) -> None:
        self.port = stack.free_port()
        self._flags = flags
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What a client without a password connects to."""
        return f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _error_type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it listens; it holds nothing, also if it was killed before."""
        # No snapshots: then it writes no file, and its folder does not matter.
        always = ("--bind", "127.0.0.1", "--port", str(self.port), "--save", "")
        command = [str(path_of("redis-server")), *always, *self._flags]
        self._process = process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        stack.wait_until(lambda: process.poll() is not None or self._listens(), "start of Redis")
        assert process.poll() is None, "redis-server ended at once"

    def kill(self) -> None:
        """End it without a word, also while it hangs; nothing happens if it has ended before."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def hang(self) -> None:
        """Let it answer nothing from now on; the kernel still takes connections for it."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer again, also what was asked meanwhile."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None, "it was never started"
        self._process.send_signal(number)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
