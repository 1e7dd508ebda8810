"""Programs that tests run and pip cannot install; where one is missing, its tests say how to get it."""

import shutil

import pytest


def needs(program: str, *, package: str) -> pytest.MarkDecorator:
    """Skip a test, or all of a module, unless a program of Debian's `package` is installed."""
    return pytest.mark.skipif(
        shutil.which(program) is None,
        reason=f"{program} is not installed: sudo apt-get install --no-install-recommends {package}",
    )
