"""Dockerfiles as data: stages and instructions; runs none of them."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from tests.stack import ROOT

DOCKERFILES = sorted(
    path
    for folder in ("serving", "tfgate", "training")
    for path in (ROOT / folder).rglob("Dockerfile")
)


@dataclass(frozen=True)
class Instruction:
    """One instruction: its keyword, its options such as --from, and what follows them."""

    keyword: str
    options: dict[str, str]
    text: str

    @property
    def words(self) -> list[str]:
        """What follows, as a list: an exec form's JSON, or what lies between blanks."""
        words: list[str] = json.loads(self.text) if self.is_exec_form else self.text.split()
        return words

    @property
    def is_exec_form(self) -> bool:
        """Whether no shell is between the container and the program."""
        return self.text.startswith("[")


@dataclass(frozen=True)
class Stage:
    """A FROM and what follows it."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, keyword: str) -> list[Instruction]:
        """Return the instructions of one kind."""
        return [each for each in self.instructions if each.keyword == keyword]

    def only(self, keyword: str) -> Instruction:
        """Return the one instruction of a kind."""
        (instruction,) = self.all(keyword)
        return instruction

    @property
    def environment(self) -> dict[str, str]:
        """What ENV sets."""
        pairs = [word for each in self.all("ENV") for word in each.words]
        return dict(pair.split("=", 1) for pair in pairs)


def read(path: Path) -> list[Stage]:
    """Read a Dockerfile that names its stages, if it has several."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    logical = "\n".join(lines).replace("\\\n", " ").splitlines()
    stages: list[Stage] = []
    for instruction in (_instruction(line) for line in logical if line.strip()):
        if instruction.keyword == "FROM":
            base, *name = re.split(r"\s+AS\s+", instruction.text)
            stages.append(Stage(base, "".join(name)))
        else:
            stages[-1].instructions.append(instruction)
    return stages


def _instruction(line: str) -> Instruction:
    keyword, text = line.split(maxsplit=1)
    options: dict[str, str] = {}
    while option := re.match(r"--([a-z-]+)=(\S+)\s+", text):
        options[option[1]] = option[2]
        text = text[option.end() :]
    if keyword == "HEALTHCHECK":
        text = text.removeprefix("CMD ").strip()
    return Instruction(keyword, options, text)
