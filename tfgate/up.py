"""`tfgate up`: a model server and a gateway over one model repository, until Ctrl-C."""

import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx
from rich.console import Console

from serving.gateway.server.listener import listen
from serving.gateway.settings import read_settings
from serving.models import MODELS
from serving.tf_serving.model_config import model_config
from tfgate.children import Child, running, stoppable, watch

START_SECONDS = 120  # TensorFlow's import and three models take about 10; a busy machine more
REAL_SERVER = "tensorflow_model_server"


class CannotStart(Exception):
    """Something that must be there before anything is started is not."""


@dataclass(frozen=True)
class Addresses:
    """Where the two programs listen."""

    host: str
    port: int
    model_server_port: int

    @property
    def url(self) -> str:
        """Where people find the gateway."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def up(repository: Path, addresses: Addresses, console: Console) -> None:
    """Serve a model repository until Ctrl-C, SIGTERM, or a program's end.

    Raises:
        WrongSettings: the gateway would refuse to start, on a public address without keys say.
        CannotStart: the repository or TensorFlow is missing.
        CannotListen: a port is taken.
        ChildDied: the model server or the gateway ended by itself.
    """
    read_settings(host=addresses.host, port=addresses.port)
    check_repository(repository)
    # Found out before anything is started, and let go of for the programs themselves.
    listen(addresses.host, addresses.port).close()
    listen("127.0.0.1", addresses.model_server_port, option="--model-server-port").close()
    with tempfile.TemporaryDirectory(prefix="tfgate-") as folder, stoppable():
        config = Path(folder) / "models.config"
        config.write_text(model_config(repository))
        model_server = model_server_command(config, addresses.model_server_port)
        gateway = [sys.executable, "-m", "serving.gateway"]
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "2"}
        with (
            running("the model server", model_server, quiet) as model_server_child,
            running("the gateway", gateway, gateway_settings(addresses)) as gateway_child,
        ):
            children = [model_server_child, gateway_child]
            with console.status("loading the models …"):
                wait_until_ready(addresses.url, children)
            console.print(_welcome(addresses))
            watch(children)


def check_repository(repository: Path) -> None:
    """See that every model has a version to serve.

    Raises:
        CannotStart: it has not.
    """
    if not repository.is_dir():
        message = f"there is no model repository at {repository}."
        remedy = "Train the models with 'tfgate train all', or name another with --repository."
        raise CannotStart(f"{message} {remedy}")
    for model in MODELS:
        versions = [path for path in (repository / model).glob("*") if path.name.isdecimal()]
        if not any((version / "saved_model.pb").is_file() for version in versions):
            message = f"the model repository {repository} holds no version of {model}."
            raise CannotStart(f"{message} Train one with 'tfgate train {model}'.")


def model_server_command(config: Path, port: int) -> list[str]:
    """Say how to run TensorFlow Serving: the real one if it is here, else the embedded one.

    Raises:
        CannotStart: neither is installed.
    """
    flags = [
        f"--port={port}",
        f"--model_config_file={config}",
        # The default, four per processor, refuses what a busy gateway sends at once.
        "--grpc_max_threads=64",
        # A version that fails to load is tried again while the old one goes on serving.
        "--max_num_load_retries=3",
        "--load_retry_interval_micros=500000",
    ]
    real = shutil.which(REAL_SERVER)
    if real is not None:
        return [real, *flags]
    if find_spec("tensorflow") is None:
        message = f"neither {REAL_SERVER} nor TensorFlow is installed."
        raise CannotStart(
            f"{message} Install the embedded server with pip install 'tfgate[local]'."
        )
    return [sys.executable, "-m", "serving.embedded", *flags]


def gateway_settings(addresses: Addresses) -> dict[str, str]:
    """Say in the gateway's own variables where it is to listen and whom to ask."""
    return {
        "TFGATE_HOST": addresses.host,
        "TFGATE_PORT": str(addresses.port),
        "TFGATE_MODEL_SERVER": f"127.0.0.1:{addresses.model_server_port}",
        # No balancer has to notice that we stop, and nobody likes to wait.
        "TFGATE_DRAIN_SECONDS": "0",
    }


def wait_until_ready(url: str, children: list[Child]) -> None:
    """Wait until every model can be asked.

    Raises:
        ChildDied: a child ended before.
        CannotStart: it took too long; the message says what was missing.
    """
    missing = "the gateway did not answer"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for child in children:
            child.check()
        try:
            answer = httpx.get(f"{url}/readyz", timeout=5)
        except httpx.TransportError:
            time.sleep(0.1)
            continue
        if answer.is_success:
            return
        missing = answer.json()["detail"]
        time.sleep(0.1)
    message = f"not ready after {START_SECONDS} seconds: {missing}"
    raise CannotStart(message)


def _welcome(addresses: Addresses) -> str:
    return (
        f"[bold green]ready[/]  {addresses.url}\n"
        f"docs   {addresses.url}/docs\n"
        "try    tfgate predict sentiment 'What a waste of a good cast.'\n"
        "stop   Ctrl-C"
    )
