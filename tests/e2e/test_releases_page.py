"""docs/releases.md, followed line by line in an empty folder: it shows what happens."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import stack

PAGE = (stack.ROOT / "docs/releases.md").read_text()
WALK = PAGE.partition("## The file")[0]
# A block of code with the name of its language, and the block without one after it.
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", WALK, re.DOTALL | re.MULTILINE)
PREFIX = "http://127.0.0.1:8000"
# Whose options name the gateway that the page has at its usual port.
ASKING = {"start", "promote", "rollback", "status"}


class Reader:
    """Somebody who does what the page says, in a folder; `shown` is what they saw since."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        self.folder, self.shown = folder, ""
        self._running = running
        self._url = f"http://127.0.0.1:{stack.free_port()}"

    def save(self, text: str, name: str) -> None:
        (self.folder / name).write_text(text.replace(PREFIX, self._url))

    def run(self, command: str) -> None:
        words = shlex.split(command.replace(PREFIX, self._url))
        settings = dict(word.split("=") for word in words if re.fullmatch(r"[A-Z_]+=\S+", word))
        match words[len(settings) :]:
            case ["tfgate", "up", "--repository", repository]:
                self._start(self.folder / repository, settings)
            case ["tfgate", "release", verb, *rest]:
                url = ["--url", self._url] if verb in ASKING else []
                self._see(["-m", "tfgate", "release", verb, *rest, *url])
            case ["python3", *rest]:
                self._see(rest)
            case ["curl", url]:
                self.shown = httpx.get(url, timeout=60).raise_for_status().text

    def _see(self, arguments: list[str]) -> None:
        finished = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(stack.ROOT), "COLUMNS": "100"},
            text=True,
            capture_output=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        self.shown = finished.stdout.replace(self._url, PREFIX)

    def _start(self, repository: Path, settings: dict[str, str]) -> None:
        """Start what the page does, in the folder of the one who reads it."""
        command = [
            *(sys.executable, "-m", "tfgate", "up", f"--repository={repository}"),
            f"--releases={self.folder / 'releases.toml'}",
            f"--port={self._url.rpartition(':')[2]}",
        ]
        self._running.enter_context(stack.process(command, **settings))
        stack.wait_until(lambda: stack.answers(f"{self._url}/readyz/fares"), "the model")

    def wait_for_version(self, version: int) -> None:
        """Read on as slowly as a version is loaded."""
        stack.wait_until(lambda: version in self._ready(), f"version {version}")

    def rides_until_taken_back(self) -> bool:
        """Ride on, where all rides of the page were over before three looks of the guard were."""
        if self.described()["release"]["state"] == "taken back":
            return True
        self.run("python3 rides.py 100")
        return False

    def described(self) -> dict[str, Any]:
        """Return what the gateway says of the model."""
        described: dict[str, Any] = httpx.get(f"{self._url}/models/fares", timeout=60).json()
        return described

    def _ready(self) -> set[int]:
        return {
            each["version"]
            for each in self.described()["versions"]
            if each["state"] == "AVAILABLE" and each["unready"] is None
        }


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with ExitStack() as running:
        yield Reader(tmp_path, running)


def test_the_page_can_be_followed(reader: Reader) -> None:
    names = iter(re.findall(r"[Ss]ave\s+it\s+as\s+`(\w+\.py)`", WALK))
    for language, text in BLOCKS:
        match language:
            case "python":
                reader.save(text, next(names))
            case "sh":
                for command in text.splitlines():
                    reader.run(command)
                    published = re.fullmatch(r"python3 train_fares.py ([23]) \d+", command)
                    if published:
                        reader.wait_for_version(int(published[1]))
            case "" if "taken back" in text:
                stack.wait_until(reader.rides_until_taken_back, "the guard")
                assert reader.described()["release"]["reason"].startswith("drift:")
            case "":
                check_shown(reader.shown, text)
    assert next(names, None) is None


def check_shown(output: str, page: str) -> None:
    """See that each line of the page is one of the output, whatever figures stand there."""
    lines = {without_figures(line) for line in output.splitlines()}
    for line in page.splitlines():
        if "…" not in line:
            assert without_figures(line) in lines, output


def without_figures(line: str) -> str:
    """Drop amounts, but not the numbers of versions."""
    return re.sub(r"(?<!version )(?<!= )\d[\d.:TZ-]*", "0", line).strip()
