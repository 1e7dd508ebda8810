"""The options of the whole run, and one real stack for all tests that do not break it."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import httpx
import hypothesis
import pytest

from serving.tf_serving.model_config import model_config
from serving.tf_serving.repository import find_models
from tests import given_server as given_servers
from tests import stack
from tests.given_server import FLAGS, GivenServer

# Folders whose tests start servers, browsers and installations.
LONG = {"containers", "e2e", "foreign", "k8s", "monitoring"}

MAX_SHOWN = 8  # bytes of a case, in its name

# How long an example takes says more of the machine than of the code.
hypothesis.settings.register_profile("tfgate", deadline=None)
hypothesis.settings.load_profile("tfgate")

# Tests ask servers on this machine, which no proxy knows; those of proxies name their own. Here
# and not in a fixture: gRPC reads the variables, and so do the servers that tests start.
for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[name]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--model-server",
        metavar="PROGRAM|HOST:PORT",
        help="ask TensorFlow Serving instead of the embedded server: a program, which is started "
        "as the tests need it, or one that is running, must see this machine's files, was started "
        f"with {' '.join(FLAGS)}, has no health service, and serves one test process (no -n)",
    )
    parser.addoption(
        "--quick",
        action="store_true",
        help="skip each test at the moment at which it starts a process or trains a network",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Tests that change what a server serves must be alone with it."""
    given = config.getoption("--model-server") or ""
    if ":" in given and config.getoption("numprocesses", None):
        message = f"--model-server={given} serves one test process: leave out -n"
        raise pytest.UsageError(message)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a case of many bytes by their number: a compressed file also holds when it was made."""
    return f"{len(val)} bytes" if isinstance(val, bytes) and len(val) > MAX_SHOWN else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of what takes longest first, lest one worker ends long after the other."""
    items.sort(key=lambda item: LONG.isdisjoint(item.path.parts))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Skip a test once it does what takes long: no list need say which do."""
    with pytest.MonkeyPatch.context() as patch:
        if item.config.getoption("--quick"):
            patch.setattr(subprocess.Popen, "__init__", skip("it starts a process"))
            patch.setattr("keras.Model.fit", skip("it trains a network"))
        return (yield)


def skip(reason: str) -> Callable[..., None]:
    """Make what skips the test that calls it."""

    def instead(*_: object, **__: object) -> None:
        pytest.skip(reason)

    return instead


@pytest.fixture(scope="session")
def given_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GivenServer | None]:
    """The server of --model-server, if there is one, which serves the shipped models."""
    given: str | None = request.config.getoption("--model-server")
    if given is None:
        yield None
        return
    scratch = tmp_path_factory.mktemp("given")
    config = scratch / "models.config"
    config.write_text(model_config(find_models(stack.shipped_models(scratch / "models"))))
    with nullcontext(given) if ":" in given else given_servers.running(given, config) as address:
        if objection := given_servers.objection(address):
            pytest.exit(f"--model-server: {objection}", returncode=pytest.ExitCode.USAGE_ERROR)
        yield GivenServer(address, config)


@pytest.fixture(scope="session")
def model_server(
    given_server: GivenServer | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a server that serves the shipped models."""
    if given_server:
        yield given_server.address
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
