"""What runs on GitHub: valid by its published schemas, and the same that developers run."""

import re
import tomllib
from typing import Any

import yaml
from packaging.specifiers import SpecifierSet

from tests.containers.dockerfile import DOCKERFILES
from tests.schemas import wrongs_by_schema
from tests.stack import ROOT

WORKFLOW = ROOT / ".github/workflows/ci.yml"
DEPENDABOT = ROOT / ".github/dependabot.yml"
JOBS: dict[str, dict[str, Any]] = yaml.safe_load(WORKFLOW.read_text())["jobs"]
SCRIPT = (ROOT / ".ci/run").read_text()


def commands(job: str) -> list[str]:
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def test_github_knows_every_word() -> None:
    assert wrongs_by_schema("github-workflows", WORKFLOW) == []
    assert wrongs_by_schema("dependabot", DEPENDABOT) == []


def test_it_runs_what_developers_run() -> None:
    targets = re.search(r"set -- (.+)$", SCRIPT, re.MULTILINE)
    assert targets is not None
    assert targets[1].split() == ["lint", "test"]
    assert commands("lint") == ["make lint"]
    assert commands("test") == [".ci/run test"]


def test_the_tests_have_every_client() -> None:
    """A step that fails ends the script, whereas a test whose client is missing is skipped."""
    assert "set -euo pipefail" in SCRIPT
    assert SCRIPT.index("make clients") < SCRIPT.index('make "$@"')


def test_it_tests_every_python_that_may_be_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    allowed = SpecifierSet(project["requires-python"])
    minors = [f"3.{minor}" for minor in range(30) if allowed.contains(f"3.{minor}")]

    assert JOBS["test"]["strategy"]["matrix"]["python"] == minors
    assert [
        name.removeprefix("Programming Language :: Python :: ")
        for name in project["classifiers"]
        if re.search(r"Python :: 3\.", name)
    ] == minors


def test_it_builds_every_image_and_pushes_none() -> None:
    built = JOBS["images"]["strategy"]["matrix"]["dockerfile"]

    assert built == [path.relative_to(ROOT).as_posix() for path in DOCKERFILES]
    assert commands("images") == ["docker build --file ${{ matrix.dockerfile }} ."]


def test_dependencies_of_every_kind_are_updated_weekly() -> None:
    updates = yaml.safe_load(DEPENDABOT.read_text())["updates"]
    folders = {each["package-ecosystem"]: each for each in updates}

    assert folders.keys() == {"pip", "github-actions", "docker"}
    assert {each["schedule"]["interval"] for each in updates} == {"weekly"}
    assert folders["docker"]["directories"] == [
        f"/{path.parent.relative_to(ROOT).as_posix()}" for path in DOCKERFILES
    ]


def test_programs_that_tests_need_are_installed_first() -> None:
    tests = [path.read_text() for path in (ROOT / "tests").rglob("*.py")]
    needed = {
        f"{program}:{package}"
        for text in tests
        for program, packages in re.findall(r'needs\("([\w-]+)", package="([\w -]+)"\)', text)
        for package in packages.split()
    }
    listed = re.search(r"programs=\((.*?)\)", SCRIPT, re.DOTALL)
    assert listed is not None
    # Make is what runs the tests; a report of a training draws with dot, if it is there.
    others = {"make:make", "dot:graphviz"}
    # Each comes with the server that it belongs to.
    tools = {"promtool:prometheus", "amtool:prometheus-alertmanager"}

    assert set(listed[1].split()) - others == needed - tools
    libraries = {
        f"{library}:{package}"
        for text in tests
        for library, package in re.findall(r'needs_library\("([\w-]+)", package="([\w-]+)"\)', text)
    }
    listed_libraries = re.search(r"libraries=\((.*?)\)", SCRIPT)
    assert listed_libraries is not None
    assert set(listed_libraries[1].split()) == libraries
    looked_for = {name for text in tests for name in re.findall(r'path_of\("([\w-]+)"\)', text)}
    assert looked_for <= {each.partition(":")[0] for each in listed[1].split()}
