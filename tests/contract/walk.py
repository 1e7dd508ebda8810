"""The lines that docs/architecture.md names, as they stand now, and how it is told of them."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
STEP = re.compile(r"\[`([\w/.]+):\d+`\]\(\.\./([\w/.]+)#L\d+\) `([\w.]+)`")


def with_lines(page: str) -> str:
    """Return the page with each step at the line on which its function is defined today."""

    def step(found: re.Match[str]) -> str:
        shown, path, name = found.groups()
        line = _first_line(path, name)
        return f"[`{shown}:{line}`](../{path}#L{line}) `{name}`"

    return STEP.sub(step, page)


def _first_line(path: str, qualified_name: str) -> int:
    body: list[ast.stmt] = ast.parse((ROOT / path).read_text()).body
    for name in qualified_name.split("."):
        [found] = [each for each in body if getattr(each, "name", None) == name]
        assert isinstance(found, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        body = found.body
    return found.lineno


if __name__ == "__main__":
    PAGE.write_text(with_lines(PAGE.read_text()))
