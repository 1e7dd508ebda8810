"""`python -m serving.tf_serving` as a container runs it: it writes, follows, and ends."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import stack
from tests.serving.tf_serving.test_follower import Followed

PROGRAM = [sys.executable, "-m", "serving.tf_serving"]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=stack.ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=stack.START_SECONDS,
    )


def test_it_writes_the_file_once(tmp_path: Path) -> None:
    followed = Followed(tmp_path)
    followed.publish("churn")

    finished = run(followed.repository, "--write", followed.file)

    assert finished.returncode == 0, finished.stderr
    assert followed.names() == ["churn"]
    assert "churn" in finished.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_follows_the_repository_until_it_is_told_to_stop(number: int, tmp_path: Path) -> None:
    followed = Followed(tmp_path)
    command = [*PROGRAM, str(followed.repository), f"--write={followed.file}", "--follow"]
    with stack.process(command) as running:
        stack.wait_until(followed.file.exists, "the first file")
        assert followed.names() == []
        followed.publish("churn")
        stack.wait_until(lambda: followed.names() == ["churn"], "the model")

        running.send_signal(number)

        assert running.wait(stack.STOP_SECONDS) == 0


def test_what_it_cannot_do_is_one_line_and_an_exit_code(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    for arguments in ((nowhere, "--write", tmp_path / "f"), (tmp_path, "--write", nowhere / "f")):
        finished = run(*arguments)

        assert finished.returncode == 1
        assert str(nowhere) in finished.stderr
        assert len(finished.stderr.splitlines()) == 1


def test_it_needs_no_tensorflow_and_no_gateway() -> None:
    """It runs beside the model server for as long as that does, and is to cost next to nothing."""
    code = "import serving.tf_serving.__main__, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=stack.ROOT, capture_output=True, text=True, check=True
    ).stdout.split()

    packages = {module.partition(".")[0] for module in loaded}
    assert packages.isdisjoint({"tensorflow", "tensorflow_serving", "numpy", "pydantic", "grpc"})
    assert not any(module.startswith("serving.gateway") for module in loaded)
