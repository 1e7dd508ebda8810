"""The base install is the gateway: what needs more says what to install."""

import subprocess
import sys

import pytest

from tests.stack import free_port


@pytest.mark.parametrize(
    ("arguments", "package", "extra"),
    [
        (["train", "housing"], "keras", "training"),
        (["model-server", f"--port={free_port()}", "--model_base_path=/m"], "tensorflow", "local"),
    ],
)
def test_a_command_that_needs_more_names_the_extra(
    arguments: list[str], package: str, extra: str
) -> None:
    # An entry of None makes Python say that there is no such module.
    code = (
        f"import sys; sys.modules.update(keras=None, tensorflow=None);"
        f"from tfgate.cli import app; app({arguments!r})"
    )

    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert finished.returncode == 1
    last_line = finished.stderr.splitlines()[-1]
    assert package in last_line
    assert f"tfgate[{extra}]" in last_line
    assert "Traceback" not in finished.stderr
