"""promtool, which checks rules and tries queries as Prometheus would."""

import subprocess
from pathlib import Path
from typing import Any

import yaml


def promtool(*arguments: str) -> None:
    """Run it, and see that it finds nothing wrong."""
    finished = subprocess.run(
        ["promtool", *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def try_queries(folder: Path, *tests: dict[str, Any]) -> None:
    """See that each test's queries give what it expects of its series."""
    file = folder / "test.yml"
    file.write_text(yaml.safe_dump({"tests": list(tests)}))
    promtool("test", "rules", str(file))
