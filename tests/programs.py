"""Programs and libraries that pip cannot install; tests that need one say how to get it."""

import os
import shutil
from ctypes.util import find_library

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


def needs_library(name: str, *, package: str) -> pytest.MarkDecorator:
    """Skip a test, or all of a module, unless a library of Debian's `package` is installed."""
    remedy = f"sudo apt-get install --no-install-recommends {package}"
    return pytest.mark.skipif(
        find_library(name) is None, reason=f"lib{name} is not installed: {remedy}"
    )
