"""The versions of images that several files name: each file format wants its own copy."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.stack import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
FOLDERS = ("docs", "k8s", "monitoring", "serving", "tests", "training")


def texts() -> Iterator[tuple[Path, str]]:
    """Yield every file that may name an image."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    for path in [*ROOT.glob("*"), *files]:
        if path.suffix in {".md", ".sh", ".yaml", ".yml"} or path.name == "Dockerfile":
            yield path.relative_to(ROOT), path.read_text()


def tags(image: str) -> dict[str, set[str]]:
    """Return the tags of an image, each with the files that name it."""
    found: dict[str, set[str]] = {}
    kustomized = rf"name: {image}\n\s+newTag: (\S+)"
    for path, text in texts():
        for tag in re.findall(rf"\b{image}:([\w.-]*\w)", text) + re.findall(kustomized, text):
            found.setdefault(tag, set()).add(str(path))
    return found


def test_everybody_runs_one_version_of_tensorflow_serving() -> None:
    found = tags("tensorflow/serving")
    (version,) = {tag.removesuffix("-gpu") for tag in found}

    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert set(found) == {version, f"{version}-gpu"}


def test_our_images_are_named_by_the_projects_version() -> None:
    for name in ("gateway", "training", "loadtest"):
        assert {tag.removesuffix("-gpu") for tag in tags(f"tfgate/{name}")} == {VERSION}
