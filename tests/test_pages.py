"""Every page leads where it says it leads: each relative link to a file, and to a heading in it."""

import re
import shlex
import tomllib
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


INSTALLATION = re.compile(r"pip install\s+([^`#&\n]*(?:\n'[^`]*)?)")


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


def test_the_architecture_names_every_room() -> None:
    named = set(re.findall(r"`([\w.]+/?)`", (ROOT / "docs/architecture.md").read_text()))
    rooms = [
        path.name + "/" * path.is_dir()
        for folder in ("serving", "serving/gateway", "tfgate", "training")
        for path in (ROOT / folder).iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists() or path.name == "tf_serving"
    ]

    assert {room for room in rooms if not room.startswith("__")} - named == set()


def test_contributors_are_told_of_every_make_target() -> None:
    told = "".join((ROOT / page).read_text() for page in ("README.md", "CONTRIBUTING.md"))
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert {target for target in targets if f"make {target}" not in told} - {"train"} == set()
    assert "`make train`" in (ROOT / "docs/training.md").read_text()


def test_what_installs_this_tree_keeps_it_editable_and_the_versions_those_that_are_tested() -> None:
    """A copy in the environment would not see a model that is added to the tree."""
    lines = [
        shlex.split(line)
        for page in PAGES
        for line in INSTALLATION.findall(page.read_text())
        if re.search(r"(^|[\s'])\.(\[|\s|$)", line)
    ]
    assert len(lines) >= 3
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for words in lines:
        assert words[:3] == ["--constraint", "constraints.txt", "--editable"], words
        named = re.fullmatch(r"\.(?:\[(.*)\])?", words[3])
        assert named is not None, words
        assert set((named[1] or "local").split(",")) <= extras.keys(), words
