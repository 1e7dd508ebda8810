from pathlib import Path
from typing import Any

import pytest
from tensorflow_serving.config import model_server_config_pb2 as config_pb2

from serving.embedded import config_rules
from serving.embedded.statuses import StatusError

Model = config_pb2.ModelConfig


@pytest.mark.parametrize(
    ("models", "text"),
    [
        ([Model(name="a", base_path="/x")] * 2, "Illegal to list model a multiple times"),
        ([Model(name="a", base_path="x")], "Expected model a to have an absolute path or URI"),
        ([Model(name="a")], "got base_path()="),
    ],
)
def test_lists_that_are_refused(models: list[Any], text: str) -> None:
    with pytest.raises(StatusError) as refusal:
        config_rules.check_list(models)
    assert text in refusal.value.message


def test_uris_are_absolute() -> None:
    config_rules.check_list([Model(name="a", base_path="gs://bucket/a")])


def test_platform_may_come_from_the_deprecated_type() -> None:
    assert config_rules.platform_of(Model(model_type=config_pb2.TENSORFLOW)) == "tensorflow"


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (Model(name="a"), "Illegal setting neither"),
        (
            Model(model_type=config_pb2.TENSORFLOW, model_platform="tensorflow"),
            "Illegal setting both",
        ),
        (Model(model_type=config_pb2.OTHER), "choice 2 not supported"),
    ],
)
def test_platforms_that_are_refused(model: Any, text: str) -> None:
    with pytest.raises(StatusError) as refusal:
        config_rules.platform_of(model)
    assert text in refusal.value.message


def test_a_model_keeps_its_platform() -> None:
    before = [Model(name="a", model_platform="tensorflow")]
    config_rules.check_transition(before, [Model(name="b", model_platform="caffe")])
    with pytest.raises(StatusError, match="platform was tensorflow and new platform"):
        config_rules.check_transition(before, [Model(name="a", model_platform="caffe")])


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (None, "NOT_FOUND: {path}; No such file or directory"),
        ("", "INVALID_ARGUMENT: {path}; Invalid argument"),
        (
            "no configuration",
            "INVALID_ARGUMENT: Invalid protobuf file: '{path}', line 1, column 1",
        ),
        (
            'model_config_list {\n  config {\n    bsae_path: "/models" } }',
            "INVALID_ARGUMENT: Invalid protobuf file: '{path}', line 3, column 5",
        ),
    ],
)
def test_files_that_are_refused(tmp_path: Path, text: str | None, refusal: str) -> None:
    path = tmp_path / "models.config"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StatusError) as error:
        config_rules.read_config_file(str(path))
    assert str(error.value) == refusal.format(path=path)
