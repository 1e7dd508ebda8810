"""`tfgate up`: a model server and a gateway over one model repository, until Ctrl-C."""

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import httpx
from rich.console import Console

from serving.gateway.server.listener import listen
from serving.gateway.settings import Settings
from serving.tf_serving.follower import Follower
from tfgate.address import url_of
from tfgate.announcements import found, tell, tell_changes, welcome
from tfgate.children import Child, ChildDied, running, stoppable, watch
from tfgate.given_config import GivenConfig
from tfgate.given_folder import repository_of, saved_models_without_version, without_version

T = TypeVar("T")
START_SECONDS = 120  # TensorFlow's import and three models take about 10; a busy machine more
REAL_SERVER = "tensorflow_model_server"
POLL_SECONDS = 0.1
CONFIG = "models.config"
SOCKET = "model-server"
# How a gateway says of a model that it is to come, and that it is not.
LOADING = re.compile(r"is (?:START|LOADING)\b|knows of none")
ENDED = "is END"
MAX_SOCKET_BYTES = 103  # of a socket's path: Linux takes 107, macOS 103


class WrongOption(Exception):
    """An option has a value with which nothing can be started."""


class CannotStart(Exception):
    """Something that must be there before anything is started is not."""


@dataclass(frozen=True)
class OtherPorts:
    """Ports besides the gateway's own, for clients that speak gRPC; none if not asked for."""

    grpc: int | None = None
    model_server: int | None = None

    def check(self, host: str) -> None:
        """See that they can be had, and that of the model server on this machine only.

        Raises:
            WrongOption: the real server would open its port to the whole network.
            CannotListen: one is taken.
        """
        if self.grpc is not None:
            free_port(host, self.grpc, option="--grpc-port")
        if self.model_server is None:
            return
        if shutil.which(REAL_SERVER) is not None:
            message = (
                f"--model-server-port is for the embedded server: {REAL_SERVER}, which is on the "
                "PATH, would open the port to the whole network. Leave it out; the gateway needs "
                "none."
            )
            raise WrongOption(message)
        free_port("127.0.0.1", self.model_server, option="--model-server-port")


def up(given: Path | GivenConfig, settings: Settings, ports: OtherPorts, console: Console) -> None:
    """Serve a repository, or what a models.config lists, until Ctrl-C, SIGTERM or a program's end.

    Raises:
        WrongFolder: there is no version of any model in the repository.
        WrongOption: a port would be open to all.
        CannotStart: TensorFlow is missing, there is no room, or something took too long.
        CannotListen: a port is taken.
        ChildDied: the model server or the gateway ended by itself.
    """
    with stoppable(), private_folder() as folder:
        models = given if isinstance(given, GivenConfig) else repository_of(given, folder)
        # Found out before anything is started, and let go of for the programs themselves.
        port = free_port(settings.host, settings.port)
        ports.check(settings.host)
        config, listed = _listed(models, folder, settings.releases)
        socket = folder / SOCKET
        # Nobody but this user comes near the socket, whereas whoever reaches a port may ask, and
        # even load other models.
        where = [f"--grpc_socket_path={quote(str(socket))}", f"--port={ports.model_server or 0}"]
        poll = "--model_config_file_poll_wait_seconds=1"
        model_server = model_server_command(config, *where, poll)
        gateway = [sys.executable, "-m", "serving.gateway"]
        tell(console, found(config, given if isinstance(given, Path) else config))
        for stray in saved_models_without_version(models) if isinstance(models, Path) else ():
            tell(console, f"not served: {without_version(stray)}")
        with started(model_server, listed, socket, console) as first:
            tell(console, "starting the gateway")
            environment = gateway_environment(settings, port, ports.grpc, socket, config)
            with running("the gateway", gateway, environment) as second:
                url = url_of(settings.host, port)
                missing = wait_until_ready(url, first, second)
                for model, reason in missing.items():
                    tell(console, f"{model} cannot be asked: {reason}")
                ready = sorted(listed.models.keys() - missing.keys())
                tell(console, welcome(url, ports.grpc, ready, settings.keys_file))
                watch([first, second], lambda: tell_changes(listed, console))


def _listed(
    models: Path | GivenConfig, folder: Path, releases: Path | None
) -> tuple[Path, Follower | GivenConfig]:
    """Return the models.config that the model server reads, and what follows its models.

    Of a repository it is made here, and keeps the versions that releases need.

    Raises:
        CannotStart: there is no room.
    """
    if isinstance(models, GivenConfig):
        return models.file, models
    config = folder / CONFIG
    return config, write(lambda: Follower(models, config, releases=releases))


def free_port(host: str, port: int, *, option: str = "--port") -> int:
    """See that a port can be had; return it, or any free one for 0.

    Raises:
        CannotListen: it is taken, or the address is not this machine's.
    """
    with listen(host, port, option=option) as listener:
        found: int = listener.getsockname()[1]
        return found


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that only this user may enter; take it away again, with what is in it.

    Raises:
        CannotStart: there is no room, or the folder's path is too long for that of a socket.
    """
    with ExitStack() as cleanup:
        made = write(
            lambda: tempfile.TemporaryDirectory(prefix="tfgate-", ignore_cleanup_errors=True)
        )
        folder = Path(cleanup.enter_context(made))
        if len(os.fsencode(folder / SOCKET)) > MAX_SOCKET_BYTES:
            message = f"{folder} is too long for a socket's path: name a shorter one in TMPDIR."
            raise CannotStart(message)
        yield folder


def write(what: Callable[[], T]) -> T:
    """Write a file of ours.

    Raises:
        CannotStart: there is no room.
    """
    try:
        return what()
    except OSError as error:
        reason = error.strerror or error
        message = f"cannot write a temporary file: {reason}. Name a folder with room in TMPDIR."
        raise CannotStart(message) from error


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
        # A label of a models.config of the user's own may name a version that is still loading.
        "--allow_version_labels_for_unavailable_models=true",
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


@contextmanager
def started(
    command: list[str], listed: Follower | GivenConfig, socket: Path, console: Console
) -> Iterator[Child]:
    """Run the model server; it listens once its models are loaded.

    One that cannot be loaded ends a server that starts, and later only costs itself: the server is
    then started without any, and told of all of them afterwards, unless the list is not ours.

    Raises:
        ChildDied: the server has ended before it listens.
        CannotStart: it took too long.
    """
    environment = model_server_environment()

    def missing() -> str | None:
        return None if socket.exists() else "models are still loading"

    with ExitStack() as running_server:
        child = running_server.enter_context(running("the model server", command, environment))
        try:
            wait_until(missing, child)
        except ChildDied:
            if isinstance(listed, GivenConfig) or len(listed.models) == 1:
                raise
            tell(console, "trying those that can be loaded")
            with listed.withheld():
                child = running_server.enter_context(
                    running("the model server", command, environment)
                )
                wait_until(missing, child)
        yield child


def model_server_environment() -> dict[str, str]:
    """Keep the real server's notices of every step to itself; the embedded one sees to its own."""
    return {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ}


def gateway_environment(
    settings: Settings, port: int, grpc_port: int | None, socket: Path, config: Path
) -> dict[str, str]:
    """Say in the gateway's own variables where it is to listen, and whom to ask for what."""
    ours = {
        "TFGATE_HOST": settings.host,
        "TFGATE_PORT": str(port),
        "TFGATE_MODEL_SERVER": f"unix:{quote(str(socket))}",
        "TFGATE_MODELS_CONFIG": str(config),
        # No balancer has to notice that we stop, and nobody likes to wait.
        "TFGATE_DRAIN_SECONDS": "0",
    }
    if settings.models_path is not None:
        ours["TFGATE_MODELS_PATH"] = str(settings.models_path.absolute())
    if settings.releases is not None:
        ours["TFGATE_RELEASES"] = str(settings.releases.absolute())
    if grpc_port is not None:
        ours["TFGATE_GRPC_PORT"] = str(grpc_port)
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
        CannotStart: no model can be loaded, or it took too long; the message says what was missing.
    """
    others: dict[str, str] = {}
    # No proxy of the environment's stands between us and our own child.
    with httpx.Client(transport=httpx.HTTPTransport(), timeout=5) as client:

        def missing() -> str | None:
            try:
                answer = client.get(f"{url}/readyz")
            except httpx.TransportError:
                return "the gateway does not answer"
            document = answer.json()
            if not answer.is_success:
                reasons = [str(field["message"]) for field in document["errors"]]
                if reasons and all(ENDED in reason for reason in reasons):
                    raise CannotStart(document["detail"])
                return str(document["detail"])
            others.clear()
            others.update(document["missing"])
            loading = [name for name, reason in others.items() if LOADING.search(reason)]
            return f"still loading: {', '.join(loading)}" if loading else None

        wait_until(missing, *children)
    return others
