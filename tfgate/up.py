"""`tfgate up`: a model server and a gateway over one model repository, until Ctrl-C."""

import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import httpx
from rich.console import Console

from serving.gateway.server.listener import listen
from serving.gateway.settings import Settings
from serving.models import MODELS
from serving.tf_serving.model_config import model_config
from tfgate.address import DEFAULT_URL, url_of
from tfgate.children import Child, running, stoppable, watch

START_SECONDS = 120  # TensorFlow's import and three models take about 10; a busy machine more
REAL_SERVER = "tensorflow_model_server"
POLL_SECONDS = 0.1
CONFIG = "models.config"
SOCKET = "model-server"
MAX_SOCKET_BYTES = 103  # of a socket's path: Linux takes 107, macOS 103


class WrongOption(Exception):
    """An option has a value with which nothing can be started."""


class CannotStart(Exception):
    """Something that must be there before anything is started is not."""


def up(
    repository: Path, settings: Settings, model_server_port: int | None, console: Console
) -> None:
    """Serve a model repository until Ctrl-C, SIGTERM, or a program's end.

    Raises:
        WrongOption: the repository is none, or lacks a model, or the port would be open to all.
        CannotStart: TensorFlow is missing, there is no room, or something took too long.
        CannotListen: a port is taken.
        ChildDied: the model server or the gateway ended by itself.
    """
    check_repository(repository)
    # Found out before anything is started, and let go of for the programs themselves.
    port = free_port(settings.host, settings.port)
    if model_server_port is not None:
        check_model_server_port(model_server_port)
    with stoppable(), configuration(repository) as config:
        socket = config.with_name(SOCKET)
        # Nobody but this user comes near the socket, whereas whoever reaches a port may ask, and
        # even load other models.
        where = [f"--grpc_socket_path={quote(str(socket))}", f"--port={model_server_port or 0}"]
        model_server = model_server_command(config, *where)
        gateway = [sys.executable, "-m", "serving.gateway"]
        tell(console, f"loading {len(MODELS)} models from {repository}")
        with running("the model server", model_server, model_server_environment()) as first:
            # Either server listens once its models are loaded, and not before.
            wait_until(lambda: None if socket.exists() else "models are still loading", first)
            tell(console, "starting the gateway")
            environment = gateway_environment(settings, port, socket)
            with running("the gateway", gateway, environment) as second:
                url = url_of(settings.host, port)
                for model, reason in wait_until_ready(url, first, second).items():
                    tell(console, f"{model} cannot be asked: {reason}")
                tell(console, welcome(url, settings.keys_file))
                watch([first, second])


def check_repository(repository: Path) -> None:
    """See that every model has a version to serve.

    Raises:
        WrongOption: it has not.
    """
    remedy = "Train the models with 'tfgate train all', or name another with --repository."
    if not repository.is_dir():
        message = f"there is no model repository at {repository}. {remedy}"
        raise WrongOption(message)
    if not os.access(repository, os.R_OK | os.X_OK):
        message = f"the model repository {repository} may not be read by this user."
        raise WrongOption(message)
    for model in MODELS:
        versions = [path for path in (repository / model).glob("*") if path.name.isdecimal()]
        if not any((version / "saved_model.pb").is_file() for version in versions):
            message = f"the model repository {repository} holds no version of {model}."
            remedy = f"Train one with 'tfgate train {model}', or name another with --repository."
            raise WrongOption(f"{message} {remedy}")


def free_port(host: str, port: int, *, option: str = "--port") -> int:
    """See that a port can be had; return it, or any free one for 0.

    Raises:
        CannotListen: it is taken, or the address is not this machine's.
    """
    with listen(host, port, option=option) as listener:
        found: int = listener.getsockname()[1]
        return found


def check_model_server_port(port: int) -> None:
    """See that other clients can have a port of the model server, and only on this machine.

    Raises:
        WrongOption: the real server would open it to the whole network.
        CannotListen: it is taken.
    """
    if shutil.which(REAL_SERVER) is not None:
        message = (
            f"--model-server-port is for the embedded server: {REAL_SERVER}, which is on the PATH, "
            "would open the port to the whole network. Leave it out; the gateway needs none."
        )
        raise WrongOption(message)
    free_port("127.0.0.1", port, option="--model-server-port")


@contextmanager
def configuration(repository: Path) -> Iterator[Path]:
    """Write models.config in a folder that only this user may enter; take both away again.

    Raises:
        CannotStart: there is no room, or the folder's path is too long for that of a socket.
    """
    with ExitStack() as cleanup:
        try:
            folder = tempfile.TemporaryDirectory(prefix="tfgate-", ignore_cleanup_errors=True)
            config = Path(cleanup.enter_context(folder)) / CONFIG
            config.write_text(model_config(repository))
        except OSError as error:
            reason = error.strerror or error
            message = f"cannot write a temporary file: {reason}. Name a folder with room in TMPDIR."
            raise CannotStart(message) from error
        if len(os.fsencode(config.with_name(SOCKET))) > MAX_SOCKET_BYTES:
            message = (
                f"{folder.name} is too long for a socket's path: name a shorter one in TMPDIR."
            )
            raise CannotStart(message)
        yield config


def model_server_command(config: Path, *where: str) -> list[str]:
    """Say how to run TensorFlow Serving: the real one if it is here, else the embedded one.

    `where` are the flags that say where it is to listen.

    Raises:
        CannotStart: neither is installed.
    """
    flags = [
        *where,
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


def model_server_environment() -> dict[str, str]:
    """Keep the real server's notices of every step to itself; the embedded one sees to its own."""
    return {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ}


def gateway_environment(settings: Settings, port: int, socket: Path) -> dict[str, str]:
    """Say in the gateway's own variables where it is to listen and whom to ask."""
    ours = {
        "TFGATE_HOST": settings.host,
        "TFGATE_PORT": str(port),
        "TFGATE_MODEL_SERVER": f"unix:{quote(str(socket))}",
        # No balancer has to notice that we stop, and nobody likes to wait.
        "TFGATE_DRAIN_SECONDS": "0",
    }
    if settings.models_path is not None:
        ours["TFGATE_MODELS_PATH"] = str(settings.models_path.absolute())
    # Those of another model server, with its certificates, are not for ours.
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("TFGATE_MODEL_SERVER") and name.upper() not in ours
    }
    return {**others, **ours}


def wait_until(missing: Callable[[], str | None], *children: Child) -> None:
    """Wait until nothing is missing.

    Raises:
        ChildDied: a child ended before.
        CannotStart: it took too long; the message says what was missing.
    """
    deadline = time.monotonic() + START_SECONDS
    while (still := missing()) is not None:
        for child in children:
            child.check()
        if time.monotonic() > deadline:
            message = f"not ready after {START_SECONDS} seconds: {still}"
            raise CannotStart(message)
        time.sleep(POLL_SECONDS)


def wait_until_ready(url: str, *children: Child) -> dict[str, str]:
    """Wait until models can be asked; return those that cannot all the same, with the reasons.

    Raises:
        ChildDied: a child ended before.
        CannotStart: it took too long; the message says what was missing.
    """
    others: dict[str, str] = {}
    # No proxy of the environment's stands between us and our own child.
    with httpx.Client(transport=httpx.HTTPTransport(), timeout=5) as client:

        def missing() -> str | None:
            try:
                answer = client.get(f"{url}/readyz")
            except httpx.TransportError:
                return "the gateway does not answer"
            if not answer.is_success:
                return str(answer.json()["detail"])
            others.update(answer.json()["missing"])
            return None

        wait_until(missing, *children)
    return others


def tell(console: Console, text: str) -> None:
    """Print a text as it is, also in a terminal that is narrower than its lines."""
    console.print(text, soft_wrap=True, markup=False, highlight=False, emoji=False)


def welcome(url: str, keys_file: Path | None) -> str:
    """Say where everything is, and how to ask from another terminal."""
    options = "" if url == DEFAULT_URL else f" --url {shlex.quote(url)}"
    lines = [
        f"ready  {url}",
        f"docs   {url}/docs",
        f"try    {this_program()} predict sentiment 'What a waste of a good cast.'{options}",
        "stop   Ctrl-C",
    ]
    if keys_file is not None:
        lines.insert(3, f"key    whoever asks needs one of {keys_file}: add --key KEY")
    return "\n".join(lines)


def this_program() -> str:
    """Say how to run tfgate in another terminal, where no environment need be activated."""
    script = Path(sys.argv[0]).absolute()
    is_module = script.name == "__main__.py"
    program = Path(sys.executable) if is_module else script
    if program.is_relative_to(Path.cwd()) and program.parent != Path.cwd():
        program = program.relative_to(Path.cwd())
    return shlex.quote(str(program)) + (" -m tfgate" if is_module else "")
