"""What every image must be: small, pinned, without root, stoppable, and built from what is here."""

import re
import tomllib
from pathlib import Path

import pytest

from serving.gateway.settings import Settings
from tests.containers.context import is_in_context
from tests.containers.dockerfile import DOCKERFILES, Stage, read
from tests.stack import ROOT

GATEWAY = ROOT / "serving" / "gateway" / "Dockerfile"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

each_dockerfile = pytest.mark.parametrize(
    "path", DOCKERFILES, ids=[str(path.parent.relative_to(ROOT)) for path in DOCKERFILES]
)


def final(path: Path) -> Stage:
    return read(path)[-1]


def test_there_is_one_for_each_image() -> None:
    folders = {path.parent.relative_to(ROOT).as_posix() for path in DOCKERFILES}

    assert folders == {"serving/gateway", "tfgate/loadtest", "training"}


def test_all_stages_have_one_base_whose_version_is_exact() -> None:
    (base,) = {stage.base for path in DOCKERFILES for stage in read(path)}

    assert re.fullmatch(r"python:3\.11\.\d+-slim-[a-z]+", base)
    assert PROJECT["requires-python"] == ">=3.11,<3.12"


@each_dockerfile
def test_it_runs_as_a_user_whose_number_is_not_roots(path: Path) -> None:
    user, group = final(path).only("USER").text.split(":")

    assert int(user) > 0
    assert int(group) > 0


@each_dockerfile
def test_signals_reach_the_program(path: Path) -> None:
    stage = final(path)

    assert stage.only("ENTRYPOINT").is_exec_form
    assert all(each.is_exec_form for each in stage.all("CMD") + stage.all("HEALTHCHECK"))


@each_dockerfile
def test_what_builds_stays_out_of_the_image(path: Path) -> None:
    build, image = read(path)

    assert all("pip" not in each.text for each in image.all("RUN"))
    assert [each.options["from"] for each in image.all("COPY") if each.options] == [build.name]


@each_dockerfile
def test_every_package_has_the_version_that_was_tested(path: Path) -> None:
    commands = [
        command
        for stage in read(path)
        for run in stage.all("RUN")
        for command in run.text.split("&&")
    ]
    installs = [command for command in commands if " install " in command and "pip" in command]

    assert installs
    assert all("--constraint constraints.txt" in command for command in installs)


@each_dockerfile
def test_what_it_copies_is_here_and_in_the_context(path: Path) -> None:
    copies = [copy for stage in read(path) for copy in stage.all("COPY") if not copy.options]
    sources = [source for copy in copies for source in copy.words[:-1]]

    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [source for source in sources if not is_in_context(source)] == []


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".git/config",
            ".venv/bin/python",
            ".env",
            "keys.jsonl",
            "build/soak.log",
            "data/imdb.npz",
        ),
        *("serving/models/__pycache__/image.cpython-311.pyc", "tests/stack.py"),
        "tests/tfgate/loadtest/test_locustfile.py",
    ],
)
def test_nothing_else_is_in_the_context(path: str) -> None:
    assert not is_in_context(path)


def test_the_gateways_variables_are_settings() -> None:
    names = [name for name in final(GATEWAY).environment if name.startswith("TFGATE_")]

    assert {name.removeprefix("TFGATE_").lower() for name in names} <= set(Settings.model_fields)


def test_the_gateway_exposes_what_it_listens_on() -> None:
    stage = final(GATEWAY)
    settings = {name: stage.environment[name] for name in ("TFGATE_PORT", "TFGATE_METRICS_PORT")}

    assert stage.only("EXPOSE").words == list(settings.values())
    assert settings["TFGATE_PORT"] == str(Settings.model_fields["port"].default)


def test_training_installs_an_extra_that_exists() -> None:
    (install,) = [
        run
        for stage in read(ROOT / "training" / "Dockerfile")
        for run in stage.all("RUN")
        if "pip" in run.text
    ]
    (extra,) = re.findall(r"wheels/\*\.whl\)\[(\w+)\]", install.text)

    assert extra in PROJECT["optional-dependencies"]
