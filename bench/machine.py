"""On what and with what was measured; names no host and no folder."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path

import psutil

from bench.environments import environment_of
from bench.results import Session
from bench.stack import ROOT
from bench.systems import System

_OURS = ("fastapi", "uvicorn", "uvloop", "pydantic", "grpcio", "protobuf", "numpy", "tensorflow")


def describe_session(systems: list[System]) -> Session:
    """Describe the machine, the code's revision, and the versions of all that is compared."""
    versions = {f"tfgate: {name}": importlib.metadata.version(name) for name in _OURS}
    for system in systems:
        for package in system.packages:
            versions[f"{system.title}: {package}"] = environment_of(system.name).version_of(package)
    return Session(revision=_revision(), machine=_machine(), versions=versions)


def _machine() -> dict[str, str]:
    memory = psutil.virtual_memory().total / 2**30
    return {
        "processor": _processor(),
        "cores": str(psutil.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.freedesktop_os_release()['PRETTY_NAME']}, Linux {platform.release()}",
        "Python": platform.python_version(),
        "load generator": _wrk(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _wrk() -> str:
    words = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False)
    return " ".join((words.stdout + words.stderr).split()[:2])


def _revision() -> str:
    """Name the commit, and say if files differ from it."""
    commit = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return (commit or "unknown") + (" with changes" if changed else "")


def _git(*arguments: str) -> str:
    """Ask git; nothing where there is no repository, as in an unpacked archive."""
    answer = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()
