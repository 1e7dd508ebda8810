"""The recorded starts that fail, wait, or go on in spite of an odd command line."""

import logging
from pathlib import Path

import pytest

from serving.embedded.__main__ import main
from tests.contract.tf_serving import recorded
from tests.contract.tf_serving.recorded import Case
from tests.contract.tf_serving.servers import (
    connects,
    main_until_sigterm,
    signals_and_collector_restored,
)
from tests.stack import free_port, wait_until

pytestmark = pytest.mark.usefixtures("own_flags_only")

CASES = recorded.read("startup")
FAILING = [case for case in CASES if case["exit"] == 255]
RUNNING = {case["id"]: case for case in CASES if case["exit"] != 255}

CONFIGS = {
    "bad.cfg": "this is no configuration",
    "batch.txt": "max_batch_size { value: 4 }",
    "badb.txt": "max_batch_size { value: 8 } allowed_batch_sizes: 4",
    "lab.cfg": 'model_config_list { config { name: "hp2v" model_platform: "tensorflow" '
    'base_path: "${MODELS}/saved_model_half_plus_two_2_versions" '
    'version_labels { key: "stable" value: 123 } } }',
    "rel.cfg": 'model_config_list { config { name: "rel" model_platform: "tensorflow" '
    'base_path: "models/multi" } }',
}


@pytest.fixture
def configs(models: Path, tmp_path: Path) -> Path:
    for name, text in CONFIGS.items():
        (tmp_path / name).write_text(text.replace("${MODELS}", str(models)), encoding="utf-8")
    return tmp_path


def flags_of(case: Case, models: Path, configs: Path, port: int) -> list[str]:
    return [
        flag.replace("${MODELS}", str(models)).replace("${CONFIG}", str(configs))
        if not flag.startswith("--port=185")
        else f"--port={port}"
        for flag in case["flags"]
    ]


@pytest.mark.parametrize("case", FAILING, ids=lambda case: case["id"])
def test_start_fails_as_recorded(
    case: Case, models: Path, configs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), signals_and_collector_restored():
        assert main(flags_of(case, models, configs, free_port())) == 255
    for line in case["lines"]:
        assert line.replace("${CONFIG}", str(configs)) in caplog.text


def test_unknown_flag_is_named_and_passed_over(
    models: Path, configs: Path, caplog: pytest.LogCaptureFixture
) -> None:
    case, port = RUNNING["unknown_flag"], free_port()

    def is_served() -> bool:
        wait_until(lambda: "Running gRPC ModelServer" in caplog.text, "serving")
        return connects(port)

    with caplog.at_level(logging.INFO):
        flags = flags_of(case, models, configs, port)
        assert main_until_sigterm(flags, is_served) == (0, True)
    assert case["lines"][0] in caplog.text


@pytest.mark.parametrize("name", ["missing_base_path", "empty_base_path"])
def test_start_waits_for_a_first_version(
    models: Path, configs: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    (models / "empty_base").mkdir(exist_ok=True)
    port = free_port()
    flags = flags_of(RUNNING[name], models, configs, port)
    base_path = flags[-1].removeprefix("--model_base_path=")

    def is_served() -> bool:
        wait_until(lambda: base_path in caplog.text, "the complaint")
        return connects(port)

    assert main_until_sigterm(flags, is_served) == (0, False)
