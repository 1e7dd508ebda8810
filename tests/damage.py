"""What may have happened to the files of a version; a damage is a function of its folder."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

GRAPH = "saved_model.pb"
GRAPH_AS_TEXT = "saved_model.pbtxt"
VARIABLES_INDEX = "variables/variables.index"
VARIABLES_DATA = "variables/variables.data-00000-of-00001"
WARMUP = "assets.extra/tf_serving_warmup_requests"

Damage = Callable[[Path], None]


def remove(name: str) -> Damage:
    """Lose a file."""
    return lambda version: (version / name).unlink()


def cut(name: str, share: float = 0.5) -> Damage:
    """Keep only the first part of a file."""

    def damage(version: Path) -> None:
        os.truncate(version / name, int(share * (version / name).stat().st_size))

    return damage


def write(name: str, content: bytes) -> Damage:
    """Find something else in a file, or a file that should not be there."""

    def damage(version: Path) -> None:
        (version / name).parent.mkdir(exist_ok=True)
        (version / name).write_bytes(content)

    return damage


def flip(name: str, place: int) -> Damage:
    """Change one byte of a file, a negative place counting from its end."""

    def damage(version: Path) -> None:
        content = bytearray((version / name).read_bytes())
        content[place] ^= 0xFF
        (version / name).write_bytes(content)

    return damage


def make_folder(name: str) -> Damage:
    """Find a folder in place of a file."""

    def damage(version: Path) -> None:
        (version / name).unlink(missing_ok=True)
        (version / name).mkdir(parents=True)

    return damage


def link(name: str, to: str) -> Damage:
    """Find a symbolic link in place of a file."""

    def damage(version: Path) -> None:
        (version / name).parent.mkdir(exist_ok=True)
        (version / name).unlink(missing_ok=True)
        (version / name).symlink_to(to)

    return damage


def both(first: Damage, second: Damage) -> Damage:
    """Suffer one damage after the other."""

    def damage(version: Path) -> None:
        first(version)
        second(version)

    return damage


def remove_variables(version: Path) -> None:
    """Lose the whole folder of variables."""
    shutil.rmtree(version / "variables")
