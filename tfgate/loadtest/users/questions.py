"""What is asked of a model, and what an answer of it looks like; knows nothing of who asks."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

MOST_INSTANCES = 16
JSON = "application/json"
Instance = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """A request, but for where the gateway listens; it is posted."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Model(Protocol):
    """A model that can be asked, one thing at a time or several."""

    @property
    def name(self) -> str:
        """What it is called."""

    def one(self, source: random.Random) -> Question:
        """Think of a question."""

    def several(self, source: random.Random) -> Question:
        """Think of a batch of them."""

    def answered_by(self, headers: Mapping[str, str], content: bytes, /) -> str:
        """Read in an answer which model gave it.

        Raises:
            ValueError: it is no answer.
        """


@dataclass(frozen=True)
class TypedModel:
    """A model that takes objects of its own kind, and perhaps files as they are."""

    name: str
    instance: Callable[[random.Random], Instance]
    file: Callable[[random.Random], tuple[str, bytes]] | None = None

    def one(self, source: random.Random) -> Question:
        """Send a file half of the time, where that can be."""
        if self.file is not None and source.random() < 0.5:
            media_type, content = self.file(source)
            return Question(self._path, {"Content-Type": media_type}, content)
        return self._question("", self.instance(source))

    def several(self, source: random.Random) -> Question:
        """Send a batch."""
        number = source.randint(2, MOST_INSTANCES)
        instances = [self.instance(source) for _ in range(number)]
        return self._question("/batch", {"instances": instances})

    def answered_by(self, _headers: Mapping[str, str], content: bytes) -> str:
        """Read the model in a document."""
        return str(json.loads(content)["model"])

    @property
    def _path(self) -> str:
        return f"/predict/{quote(self.name, safe='')}"

    def _question(self, path: str, document: Instance) -> Question:
        return Question(self._path + path, {"Content-Type": JSON}, json.dumps(document).encode())
