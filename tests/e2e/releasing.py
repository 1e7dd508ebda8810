"""Two gateways behind nginx that follow one file of releases, and the command that changes it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from google.protobuf import text_format

from bench.workloads import WORKLOADS
from proto.management_pb2 import ModelServerConfig, ServableVersionPolicy
from soak.model_server import ModelServer
from soak.questions import Question
from tests import nginx, stack

# So many that a few of a hundred are some.
HOUSES = [Question("housing", instances) for instances in WORKLOADS["house"].requests()]
_MODEL_SERVER_FLAGS = ("--model_config_file_poll_wait_seconds=1",)


@dataclass(frozen=True)
class Gateways:
    """Two gateways, and nginx in front of them, which asks them in turn: over HTTP, and over gRPC.

    `grpc` is where it takes calls.
    """

    url: str
    grpc: str
    each: tuple[str, str]
    releases: Path

    def release(self, *words: str, exit_code: int = 0) -> str:
        """Run `tfgate release …` against the file, and return what it prints."""
        options = ["--file", str(self.releases)]
        if words[0] != "history":
            options += ["--url", self.each[0]]
        finished = subprocess.run(
            [sys.executable, "-m", "tfgate", "release", *words, *options],
            capture_output=True,
            text=True,
            timeout=stack.START_SECONDS,
            check=False,
            cwd=stack.ROOT,
        )
        assert finished.returncode == exit_code, finished.stdout + finished.stderr
        return finished.stdout

    def told(self, number: int = 0) -> dict[str, Any] | None:
        """Return what one of the gateways says of the release of the housing model, if any runs.

        It cannot say it while the model server, which is asked for its versions, is held up, nor
        while it has too much to do.
        """
        answer = httpx.get(f"{self.each[number]}/models/housing", timeout=30)
        if answer.status_code in {429, 503, 504}:
            return None
        release: dict[str, Any] | None = answer.raise_for_status().json()["release"]
        return release

    def metric(self, name: str, **labels: str) -> float:
        """Add up what both gateways count."""
        return sum(_metric(url, name, labels) for url in self.each)


@contextmanager
def gateways(repository: Path, scratch: Path, **settings: str) -> Iterator[Gateways]:
    """Serve every version of a repository's models, and run nginx before two gateways."""
    releases = scratch / "releases.toml"
    with ExitStack() as running:
        server = running.enter_context(ModelServer(repository, scratch, *_MODEL_SERVER_FLAGS))
        keep_all(server.config)
        server.start()
        server.wait_until_it_answers()
        settings = {**stack.PATIENT, "releases": str(releases), **settings}
        grpc_ports = [str(stack.free_port()) for _ in range(2)]
        first, second = (
            running.enter_context(stack.gateway(server.address, **settings, grpc_port=port))
            for port in grpc_ports
        )
        listen, listen_grpc = (f"127.0.0.1:{stack.free_port()}" for _ in range(2))
        servers = " ".join(f"server {url.removeprefix('http://')};" for url in (first, second))
        grpc_servers = " ".join(f"server 127.0.0.1:{port};" for port in grpc_ports)
        nginx.configure(
            scratch,
            f"upstream gateways {{ {servers} keepalive 16; }}\n"
            f"upstream over_grpc {{ {grpc_servers} keepalive 16; }}\n"
            f"server {{ listen {listen}; location / {{ proxy_pass http://gateways;"
            ' proxy_http_version 1.1; proxy_set_header Connection ""; } }\n'
            f"server {{ listen {listen_grpc} http2; location / {{ grpc_pass over_grpc; }} }}",
        )
        running.enter_context(stack.process(nginx.command(scratch)))
        urls = (first, second, f"http://{listen}")
        stack.wait_until(
            lambda: all(stack.answers(f"{url}/readyz/housing") for url in urls), "the model"
        )
        yield Gateways(f"http://{listen}", listen_grpc, (first, second), releases)


def keep_all(file: Path) -> None:
    """Have the model server keep every version loaded."""
    config = text_format.Parse(file.read_text(), ModelServerConfig())
    for model in config.model_config_list.config:
        model.model_version_policy.CopyFrom(ServableVersionPolicy(all={}))
    # The server must see the file as a whole.
    draft = file.with_suffix(".draft")
    draft.write_text(text_format.MessageToString(config))
    draft.rename(file)


def _metric(url: str, name: str, labels: dict[str, str]) -> float:
    text = httpx.get(f"{url}/metrics", timeout=30).text
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    lines = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE)
    return sum(float(value) for named, value in lines if all(each in named for each in wanted))


def asked(questions: list[Question], query: str) -> list[Question]:
    """Ask the same, of what a query names."""
    return [Question(each.model, each.instances, each.batch, query) for each in questions]
