"""Every page leads where it says it leads: each relative link to a file, and to a heading in it."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.stack import ROOT

PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    ROOT / "k8s/README.md",
]
CODE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINE = re.compile(
    r"L\d+"
)  # of source, as GitHub has it; those of the walk have a test of their own
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def links(page: Path) -> Iterator[str]:
    for target in LINK.findall(CODE.sub("", page.read_text())):
        if not target.startswith(("http://", "https://")):
            yield target


def anchors(page: Path) -> set[str]:
    """Give the headings as GitHub names them: lower case, hyphens for spaces, no punctuation."""
    headings = HEADING.findall(CODE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def test_links_lead_somewhere() -> None:
    broken = []
    for page in PAGES:
        for target in links(page):
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            if LINE.fullmatch(anchor) and file.exists():
                continue
            if not file.exists() or (anchor and anchor not in anchors(file)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")

    assert broken == []


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs/decisions"
    pages = {page.name for page in folder.glob("*.md")} - {"README.md"}

    assert set(links(folder / "README.md")) == pages


def test_the_readme_names_every_page() -> None:
    pages = {f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")}

    assert pages <= set(links(ROOT / "README.md"))
