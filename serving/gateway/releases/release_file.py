"""Stub."""

import tomllib
from collections.abc import Collection
from pathlib import Path
from serving.gateway.releases.release import Releases


class ReleaseFile:
    def __init__(self, path: Path, models: Collection[str] | None) -> None:
        self.path = path
        self.problem: str | None = None
        self.releases = Releases()
        self._seen = b""
        self.refresh()

    def refresh(self) -> bool:
        try:
            content = self.path.read_bytes()
        except OSError:
            return False
        if content == self._seen:
            return False
        self._seen = content
        try:
            self.releases = Releases.model_validate(tomllib.loads(content.decode()))
        except ValueError as error:
            self.problem = str(error)
            return False
        self.problem = None
        return True
