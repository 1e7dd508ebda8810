"""The OpenAPI document is true: hundreds of requests made from it are answered as it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests import stack
from tests.fake_model_server import FakeModelServer
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening
from tests.generic_models import generic_version
from tfgate.keys import create

CONFIG = Path(__file__).with_name("schemathesis.toml")
LONGEST_SECONDS = 300


def run_schemathesis(url: str, folder: Path, *options: str) -> str:
    """Ask a gateway whatever its document allows and forbids; fail with what was wrong.

    The program keeps notes of its own in the folder that it runs in.
    """
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", f"{url}/openapi.json", "--no-color", *options),
    ]
    finished = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(stack.ROOT)},
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def num_passed(report: str) -> int:
    [number] = re.findall(r"(\d+) generated, \1 passed", report)
    return int(number)


def models() -> FakeModelServer:
    """Serve what is declared, and something that is not."""
    server = declared_models()
    server.models["forest"] = {1: generic_version("forest")}
    return server


def test_every_answer_is_as_documented(tmp_path: Path) -> None:
    with listening(models()) as address, stack.gateway(address, generic_models="forest") as url:
        stack.wait_until_ready(url)

        assert num_passed(run_schemathesis(url, tmp_path)) > 500


def test_what_is_documented_to_need_a_key_needs_one(tmp_path: Path) -> None:
    key = create(tmp_path / "keys", "everything")
    with (
        listening(models()) as address,
        stack.gateway(address, generic_models="forest", keys_file=str(tmp_path / "keys")) as url,
    ):
        stack.wait_until_ready(url)

        # Each operation is asked once with the key, and three times without a good one.
        options = ["--header", f"Authorization: Bearer {key}", "--phases", "examples"]
        assert num_passed(run_schemathesis(url, tmp_path, *options)) > 20
