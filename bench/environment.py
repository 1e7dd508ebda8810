"""A virtual environment for programs whose requirements contradict ours, kept between runs."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_INSTALL_SECONDS = 1200


@dataclass(frozen=True)
class Environment:
    """What a requirements file asks for, installed in a folder."""

    requirements: Path
    folder: Path

    @property
    def python(self) -> Path:
        """Name the interpreter that runs in it."""
        return self.folder / "bin" / "python"

    @property
    def is_installed(self) -> bool:
        """Tell whether it holds what the file asks for now."""
        told = self._installed
        return told.exists() and told.read_text() == self.requirements.read_text()

    @property
    def _installed(self) -> Path:
        return self.folder / "installed.txt"

    def install(self) -> bool:
        """Make it; tell whether anything had to be done.

        Raises:
            subprocess.CalledProcessError: pip could not; it has said why.
        """
        if self.is_installed:
            return False
        # What an older file asked for would stay otherwise.
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", self.folder], check=True)
        command = [
            *(str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--requirement", str(self.requirements)),
        ]
        subprocess.run(command, check=True, timeout=_INSTALL_SECONDS)
        self._installed.write_text(self.requirements.read_text())
        return True

    def version_of(self, package: str) -> str:
        """Say which version of a package it holds."""
        program = f"import importlib.metadata as m; print(m.version({package!r}))"
        return subprocess.check_output([self.python, "-c", program], text=True).strip()
