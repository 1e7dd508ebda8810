"""`python mortal.py PARENT PROGRAM ARGUMENTS`: becomes a program that does not outlive its parent.

kill -9 leaves a parent no time to stop what it has started; on Linux the kernel does it.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>; it stays set in the program that is run


def main(parent: int, command: list[str]) -> None:
    """Become the program, unless the parent has gone before it could be watched."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            return
    os.execvp(command[0], command)  # noqa: S606  # the command is ours


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
