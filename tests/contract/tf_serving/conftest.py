"""The models of the recordings, and servers to ask: the embedded one, or --model-server's."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import grpc
import pytest

from tests.contract.tf_serving import saved_models
from tests.contract.tf_serving.labels import load_recorded
from tests.contract.tf_serving.servers import (
    channel_to,
    embedded_address,
    embedded_server,
    write_config,
)
from tests.given_server import GivenServer
from tests.in_process import Gateway, gateway_to

Serve = Callable[..., AbstractContextManager[grpc.Channel]]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded_models")
    saved_models.build_all(folder)
    return folder


@pytest.fixture(scope="session")
def serve(
    given_server: GivenServer | None, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Serve:
    """Start a server of half_plus_two, or bring the one given to that state, and back."""

    @contextmanager
    def start(folder: Path = models) -> Iterator[grpc.Channel]:
        config = tmp_path_factory.mktemp("config") / "models.config"
        write_config(config, {"half_plus_two": folder / "saved_model_half_plus_two_cpu"})
        if given_server:
            with given_server.serving(config), channel_to(given_server.address) as channel:
                yield channel
        else:
            flags = [f"--model_config_file={config}", "--max_num_load_retries=0"]
            with embedded_server(*flags) as channel:
                yield channel

    return start


@pytest.fixture(scope="session")
def recorded_gateway(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway before the embedded server with all models of the recordings."""
    config = tmp_path_factory.mktemp("config") / "models.config"
    write_config(config, {"half_plus_two": models / "saved_model_half_plus_two_cpu"})
    with embedded_address(f"--model_config_file={config}") as address:
        with channel_to(address) as channel:
            load_recorded(channel, models)
        with gateway_to(address) as started:
            yield started


@pytest.fixture
def own_flags_only(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--model-server"):
        pytest.skip("needs a server started with flags of its own; --model-server was given")
