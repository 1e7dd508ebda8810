"""The compose files as data, and what else in the repository they must agree with."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.containers.dockerfile import Stage, read
from tests.stack import ROOT

CPU = ["docker-compose.yml"]
GPU = ["docker-compose.yml", "docker-compose.gpu.yml"]
PROFILES = ("train", "load", "store")

Service = dict[str, Any]

_UNITS = {"s": 1, "m": 60}


def services() -> dict[str, Service]:
    """Return every service of docker-compose.yml, those of profiles included."""
    content = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    found: dict[str, Service] = content["services"]
    return found


def config(files: list[str], *profiles: str) -> dict[str, Any]:
    """Have docker-compose check and merge files; returns what it would run.

    Raises:
        subprocess.CalledProcessError: they are not what the Compose specification says.
    """
    options = [f"--file={file}" for file in files] + [f"--profile={name}" for name in profiles]
    finished = subprocess.run(
        ["docker-compose", *options, "config"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},  # not what this shell happens to say of TRAINING_USER
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    merged: dict[str, Any] = yaml.safe_load(finished.stdout)
    return merged


def image_of(service: Service) -> Stage | None:
    """Return the last stage of the image that a service builds, or None if it builds none."""
    build = service.get("build")
    return None if build is None else read(ROOT / build["context"] / build["dockerfile"])[-1]


def mounts(service: Service) -> dict[str, Path]:
    """Return what a service mounts of this repository, by where it finds it."""
    parts = [volume.split(":") for volume in service.get("volumes", [])]
    return {target: ROOT / source for source, target, *_ in parts if source.startswith(".")}


def seconds(duration: str) -> int:
    """Read a duration of compose."""
    number, unit = re.fullmatch(r"(\d+)([sm])", duration).groups()  # type: ignore[union-attr]
    return int(number) * _UNITS[unit]
