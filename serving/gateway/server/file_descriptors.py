"""How many files and connections this process may have open, and a word when none is left.

Without one, a connection cannot be accepted: libuv, below uvloop, closes it at once, in silence.
"""

import errno
import logging
import os
import resource
import threading
import time

_LOGGER = logging.getLogger("tfgate.server")
_POLL_SECONDS = 1


def raise_limit() -> None:
    """Allow as many as the system does: the lower limit is for programs that call select()."""
    _, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))


def watch() -> None:
    """Tell once when none is left, and once when there are some again, from a thread."""
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    exhausted = False
    while True:
        time.sleep(_POLL_SECONDS)
        if _is_exhausted() == exhausted:
            continue
        exhausted = not exhausted
        if exhausted:
            _LOGGER.error(
                "no file descriptors are left: new connections are closed at once until others "
                "end; %d are allowed, more with ulimit -n, LimitNOFILE of systemd, or --ulimit "
                "nofile of Docker",
                resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            )
        else:
            _LOGGER.info("there are file descriptors again: connections are accepted")


def _is_exhausted() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in {errno.EMFILE, errno.ENFILE}
    return False
