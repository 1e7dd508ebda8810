"""Published schemas of file formats, as check-jsonschema brings them: no network is asked."""

import subprocess
import sys
from pathlib import Path


def wrongs_by_schema(schema: str, *files: Path) -> list[str]:
    """Return what is wrong with files by one of the vendored schemas, a line each."""
    finished = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", f"--builtin-schema=vendor.{schema}", *files],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    # A schema that there isn't is said on the other stream.
    return (finished.stdout + finished.stderr).splitlines() if finished.returncode else []
