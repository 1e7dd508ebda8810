"""One gateway over every foreign model, the numbers that are right, and where clients find it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from serving.contract import Tensors
from tests import stack
from tests.foreign.gateway import Addresses, Gateway, connected, gateway_over
from tests.foreign.models import FOREIGN_MODELS, answers, publish

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
def addresses(
    foreign_repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Addresses]:
    """A gateway over them, for clients of any make."""
    scratch = tmp_path_factory.mktemp("scratch")
    with (
        stack.model_server(foreign_repository, scratch) as model_server,
        gateway_over(model_server) as addresses,
    ):
        yield addresses


@pytest.fixture(scope="session")
def foreign_gateway(addresses: Addresses) -> Iterator[Gateway]:
    """Connections to it."""
    with connected(addresses) as gateway:
        yield gateway
