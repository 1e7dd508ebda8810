"""The programs that a page shows: run as they stand there, each where its client is installed."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.foreign.clients.environments import RUN_SECONDS, environment_of, needs_client
from tests.programs import needs
from tests.stack import ROOT

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"-?\d+\.\d+")
# Where the pages say that the gateway is.
HTTP, GRPC = "127.0.0.1:8000", "127.0.0.1:8001"
# What a program imports says which client it is of; of several the first one here.
CLIENTS = {
    "tritonclient": "tritonclient",
    "kserve": "kserve",
    "tensorflow_serving": "tensorflow_serving_api",
    "requests": "requests",
}


@dataclass(frozen=True)
class Program:
    """Lines of a shell or of Python, and what the page shows below them."""

    language: str
    text: str
    shown: str | None

    @property
    def client(self) -> str | None:
        """The client that it needs, if it is one of Python's."""
        imported = re.findall(r"^(?:import|from) (\w+)", self.text, re.MULTILINE)
        return next((CLIENTS[each] for each in CLIENTS if each in imported), None)

    @property
    def mark(self) -> pytest.MarkDecorator:
        """What skips it where it cannot run."""
        return needs("curl", package="curl") if self.client is None else needs_client(self.client)

    def run(self, http: str, grpc: str) -> str:
        """Run it against a gateway; return what it prints."""
        text = self.text.replace(HTTP, http).replace(GRPC, grpc)
        if self.language == "sh":
            command = ["bash", "-euo", "pipefail", "-c", text.replace("curl ", "curl --silent ")]
        else:
            assert self.client is not None, f"of which client is this?\n{self.text}"
            command = [str(environment_of(self.client).python), "-c", text]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def programs(page: Path) -> list[Program]:
    """Read the programs of a page; output is what follows one at once."""
    text = page.read_text()
    blocks = list(BLOCK.finditer(text))
    found = []
    for index, block in enumerate(blocks):
        if block[1] not in ("sh", "python"):
            continue
        following = blocks[index + 1] if index + 1 < len(blocks) else None
        is_output = (
            following is not None
            and following[1] in ("json", "text")
            and not text[block.end() : following.start()].strip()
        )
        shown = following[2] if following is not None and is_output else None
        found.append(Program(block[1], block[2], shown))
    return found
