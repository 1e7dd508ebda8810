"""One gateway over every foreign model, the numbers that are right, and where clients find it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from google.protobuf import text_format

from proto.management_pb2 import ModelServerConfig
from serving.contract import Tensors
from serving.tf_serving.model_config import model_config
from serving.tf_serving.repository import find_models
from tests import stack
from tests.foreign.dialects.asking import has_only_texts, no_small_floats
from tests.foreign.gateway import Addresses, Gateway, connected, gateway_over
from tests.foreign.models import FOREIGN_MODELS, Question, answers, publish
from tests.foreign.questions import Asked, write_questions

Answers = Mapping[str, list[Tensors]]


@pytest.fixture(scope="session")
def foreign_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every foreign model, in version 1."""
    repository = tmp_path_factory.mktemp("foreign")
    publish(repository, FOREIGN_MODELS)
    return repository


@pytest.fixture(scope="session")
def right(foreign_repository: Path) -> Answers:
    """What TensorFlow answers to each model's questions."""
    return {
        name: answers(foreign_repository / name / "1", model.questions)
        for name, model in FOREIGN_MODELS.items()
    }


@pytest.fixture(scope="session")
def every_question(right: Answers, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """All that can be asked with texts for strings, as a file for clients' scripts."""
    file = tmp_path_factory.mktemp("questions") / "every.json"
    return write_questions(file, list(questions(right)))


@pytest.fixture(scope="session")
def common_questions(right: Answers, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """Those of them that have no small floats."""
    file = tmp_path_factory.mktemp("questions") / "common.json"
    asked = [each for each in questions(right) if no_small_floats(*each[1:])]
    return write_questions(file, asked)


def questions(right: Answers) -> Iterator[tuple[str, Question, Tensors]]:
    """List each model's questions with their answers, but those whose strings are no texts."""
    for name, model in FOREIGN_MODELS.items():
        for question, answer in zip(model.questions, right[name], strict=True):
            if has_only_texts(question, answer):
                yield name, question, answer


@pytest.fixture(scope="session")
def addresses(
    foreign_repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    """A gateway over them, for clients of any make."""
    scratch = tmp_path_factory.mktemp("scratch")
    config = scratch / "models.config"
    config.write_text(labelled(model_config(find_models(foreign_repository))))
    port = stack.free_port()
    flags = (
        # Labels are given before anything is loaded.
        "--allow_version_labels_for_unavailable_models=true",
        # More than clients ask at once, however few cores there are.
        "--grpc_max_threads=32",
    )
    with (
        stack.model_server_process(config, *flags, port=port),
        gateway_over(f"127.0.0.1:{port}") as addresses,
    ):
        yield addresses


def labelled(config: str) -> str:
    """Call version 1 of every model stable."""
    parsed = text_format.Parse(config, ModelServerConfig())
    for each in parsed.model_config_list.config:
        each.version_labels["stable"] = 1
    return text_format.MessageToString(parsed)


@pytest.fixture(scope="session")
def foreign_gateway(addresses: Addresses) -> Iterator[Gateway]:
    """Connections to it."""
    with connected(addresses) as gateway:
        yield gateway
