"""Programs that pip cannot install; tests that run one say how to get it where it is missing."""

import os
import shutil

import pytest


def path_of(program: str) -> str | None:
    """Find a program, servers included, which not everybody has on the PATH."""
    return shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")


def needs(program: str, *, package: str) -> pytest.MarkDecorator:
    """Skip a test, or all of a module, unless a program of Debian's `package` is installed."""
    remedy = f"sudo apt-get install --no-install-recommends {package}"
    return pytest.mark.skipif(
        path_of(program) is None, reason=f"{program} is not installed: {remedy}"
    )
