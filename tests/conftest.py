"""The options of the whole run, and one real stack for all tests that do not break it."""

import subprocess
from collections.abc import Callable, Iterator

import httpx
import hypothesis
import keras
import pytest

from tests import stack

# Folders whose tests start servers, browsers and installations.
LONG = {"containers", "e2e", "k8s", "monitoring"}

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("tfgate", deadline=None)
hypothesis.settings.load_profile("tfgate")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--model-server",
        metavar="HOST:PORT",
        help="ask this running TensorFlow Serving (it must see this machine's files) "
        "instead of starting the embedded server",
    )
    parser.addoption(
        "--quick",
        action="store_true",
        help="skip each test at the moment at which it starts a process or trains a network",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of what takes longest first, lest one worker ends long after the other."""
    items.sort(key=lambda item: LONG.isdisjoint(item.path.parts))


def pytest_collection_finish(session: pytest.Session) -> None:
    """From here on tests run: no list need say which of them take long."""
    if session.config.getoption("--quick"):
        patch = pytest.MonkeyPatch()
        patch.setattr(subprocess.Popen, "__init__", skip("it starts a process"))
        patch.setattr(keras.Model, "fit", skip("it trains a network"))
        session.config.add_cleanup(patch.undo)


def skip(reason: str) -> Callable[..., None]:
    """Make what skips the test that calls it."""

    def instead(*_: object, **__: object) -> None:
        pytest.skip(reason)

    return instead


@pytest.fixture(scope="session")
def model_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a server that serves the shipped models."""
    running: str | None = request.config.getoption("--model-server")
    if running is not None:
        yield running
        return
    scratch = tmp_path_factory.mktemp("model-server")
    with stack.model_server(stack.shipped_models(scratch / "models"), scratch) as address:
        yield address


@pytest.fixture(scope="session")
def gateway(model_server: str) -> Iterator[str]:
    """The URL of a gateway that is ready."""
    with stack.gateway(model_server, **stack.PATIENT) as url:
        stack.wait_until_ready(url)
        yield url


@pytest.fixture(scope="session")
def http(gateway: str) -> Iterator[httpx.Client]:
    """A client of that gateway."""
    with httpx.Client(base_url=gateway, timeout=30) as client:
        yield client
