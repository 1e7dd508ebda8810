"""What a build sees: the repository's files, less what .dockerignore names."""

import re
from functools import cache

from tests.stack import ROOT


def is_in_context(path: str) -> bool:
    """Tell whether a file or folder, relative to the repository, reaches a build.

    As in Docker, the last pattern that matches the path or a folder above it decides.
    """
    parts = path.split("/")
    ancestors = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    decision = True
    for pattern, includes in _patterns():
        if any(pattern.fullmatch(ancestor) for ancestor in ancestors):
            decision = includes
    return decision


@cache
def _patterns() -> list[tuple[re.Pattern[str], bool]]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    return [(_regex(line.removeprefix("!")), line.startswith("!")) for line in patterns]


def _regex(pattern: str) -> re.Pattern[str]:
    text = re.escape(pattern).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
    return re.compile(text)
