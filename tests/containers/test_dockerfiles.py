"""What every image must be: small, pinned, without root, stoppable, and built from what is here."""

import re
import tomllib
from pathlib import Path

from packaging.specifiers import SpecifierSet

from serving.gateway.settings import Settings
from tests.containers.context import is_in_context
from tests.containers.dockerfile import DOCKERFILES, Stage, read
from tests.stack import ROOT

GATEWAY = ROOT / "serving" / "gateway" / "Dockerfile"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def final(path: Path) -> Stage:
    return read(path)[-1]


def test_there_is_one_for_each_image() -> None:
    folders = {path.parent.relative_to(ROOT).as_posix() for path in DOCKERFILES}

    assert folders == {"serving/gateway", "tfgate/loadtest", "training"}


def test_all_stages_have_one_base_whose_version_is_exact() -> None:
    (base,) = {stage.base for path in DOCKERFILES for stage in read(path)}

    assert re.fullmatch(r"python:3\.11\.\d+-slim-[a-z]+", base)
    assert SpecifierSet(PROJECT["requires-python"]).contains(base.split(":")[1].split("-")[0])


def test_images_run_as_a_user_whose_number_is_not_roots() -> None:
    for path in DOCKERFILES:
        user, group = final(path).only("USER").text.split(":")

        assert int(user) > 0, path
        assert int(group) > 0, path


def test_signals_reach_the_program() -> None:
    for path in DOCKERFILES:
        stage = final(path)

        assert stage.only("ENTRYPOINT").is_exec_form, path
        assert all(each.is_exec_form for each in stage.all("CMD") + stage.all("HEALTHCHECK")), path


def test_what_builds_stays_out_of_the_image() -> None:
    for path in DOCKERFILES:
        build, image = read(path)
        copied_from = [each.options["from"] for each in image.all("COPY") if each.options]

        assert all("pip" not in each.text for each in image.all("RUN")), path
        assert copied_from == [build.name], path


def test_every_package_has_the_version_that_was_tested() -> None:
    for path in DOCKERFILES:
        commands = [
            command
            for stage in read(path)
            for run in stage.all("RUN")
            for command in run.text.split("&&")
        ]
        installs = [command for command in commands if " install " in command and "pip" in command]

        assert installs, path
        assert all("--constraint constraints.txt" in command for command in installs), path


def test_what_images_copy_is_here_and_in_the_context() -> None:
    for path in DOCKERFILES:
        copies = [copy for stage in read(path) for copy in stage.all("COPY") if not copy.options]
        sources = [source for copy in copies for source in copy.words[:-1]]

        assert sources, path
        assert [source for source in sources if not (ROOT / source).exists()] == [], path
        assert [source for source in sources if not is_in_context(source)] == [], path


def test_nothing_else_is_in_the_context() -> None:
    others = [
        *(".git/config", ".venv/bin/python", ".env", "keys.jsonl", "build/soak.log"),
        *("data/imdb.npz", "serving/models/__pycache__/image.cpython-311.pyc", "tests/stack.py"),
        "tests/tfgate/loadtest/test_locustfile.py",
    ]
    assert [path for path in others if is_in_context(path)] == []


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
