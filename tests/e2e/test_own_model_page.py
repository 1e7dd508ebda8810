"""docs/your-own-model.md, followed line by line in an empty folder: it shows what happens."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests import stack
from tests.compare import assert_same

PAGE = (stack.ROOT / "docs/your-own-model.md").read_text()
# A block of code with the name of its language, and the block without one, or of JSON, after it.
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
PREFIX = "http://127.0.0.1:8000"


class Reader:
    """Somebody who does what the page says, in a folder; `shown` is what they saw last."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        self.folder, self.shown = folder, ""
        self._running = running
        self._url = ""

    def save(self, text: str, name: str) -> None:
        (self.folder / name).write_text(text)

    def run(self, command: str) -> None:
        words = shlex.split(command)
        match words[:2]:
            case ["tfgate", "up"]:
                self._start(dict(zip(words[2::2], words[3::2], strict=True)))
            case ["curl", _]:
                self._ask(words)
            case _:
                program = [sys.executable, *(["-m"] if words[0] == "tfgate" else words[1:])]
                if words[0] == "tfgate":
                    # Forty epochs teach a test no more than these.
                    quick = ["--epochs=4", "--batch-size=8"] if words[1] == "train" else []
                    program += [*words, *quick]
                environment = {**os.environ, "PYTHONPATH": str(stack.ROOT), "COLUMNS": "80"}
                finished = subprocess.run(
                    program,
                    cwd=self.folder,
                    env=environment,
                    text=True,
                    capture_output=True,
                    check=False,
                )
                assert finished.returncode == 0, finished.stdout + finished.stderr
                self.shown = finished.stdout

    def _start(self, options: dict[str, str]) -> None:
        """Start what `tfgate up` starts."""
        repository = self.folder / options.pop("--repository")
        models = options.pop("--models-path", None)
        assert not options
        paths = {} if models is None else {"models_path": str(self.folder / models)}
        self._running.close()
        address = self._running.enter_context(stack.model_server(repository, self.folder))
        self._url = self._running.enter_context(stack.gateway(address, **paths, **stack.PATIENT))
        stack.wait_until(self._knows_churn, "the model")

    def _knows_churn(self) -> bool:
        return httpx.get(f"{self._url}/v1/models/churn/versions/1/metadata").is_success

    def _ask(self, words: list[str]) -> None:
        url, header, content = words[1], words[words.index("-H") + 1], words[words.index("-d") + 1]
        name, value = header.split(": ")
        answer = httpx.post(
            url.replace(PREFIX, self._url), content=content, headers={name: value}, timeout=60
        )
        assert answer.is_success, answer.text
        self.shown = answer.text


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with ExitStack() as running:
        yield Reader(tmp_path, running)


def test_the_page_can_be_followed(reader: Reader) -> None:
    names = iter(re.findall(r"save it\s+as `(\w+\.py)`", PAGE))
    for language, text in BLOCKS[1:]:  # the first draws the folders
        match language:
            case "python" if "Field(" in text:
                check_fields(text, (reader.folder / "typed/churn.py").read_text())
            case "python":
                reader.save(text, next(names))
            case "sh":
                for command in text.replace("\\\n", "").splitlines():
                    reader.run(command)
            case "json":
                compare(json.loads(reader.shown), json.loads(text))
            case "":
                check_shown(reader.shown, text)
    assert next(names, None) is None


def check_fields(page: str, file: str) -> None:
    """See that the lines that a user would change are there to be changed."""
    for line in page.splitlines():
        beginning = line.partition("Field(")[0]
        assert f"\n{beginning}Field(" in file


def compare(given: dict[str, object], shown: dict[str, object]) -> None:
    if "request_id" in shown:
        given["request_id"] = shown["request_id"]  # new each time
    assert_same(given, shown, tolerance=1e-3)


def check_shown(output: str, page: str) -> None:
    """See that each line of the page is one of the output, whatever figures stand there."""
    lines = {without_figures(line) for line in output.splitlines()}
    for line in page.splitlines():
        if "…" not in line:
            assert without_figures(line) in lines, line


def without_figures(line: str) -> str:
    # Columns are as wide as the figures in them.
    return re.sub(r"\s+", " ", re.sub(r"-?[\d.]+ ?", "0", line)).strip()
