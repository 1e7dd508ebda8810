"""What `tfgate up` says: the models that it found, where everything is, what comes and goes."""

import shlex
import sys
from collections.abc import Collection
from pathlib import Path

from rich.console import Console

from proto.management_pb2 import ModelConfig
from serving.gateway.inference.models_config import content_of, kept, labels, models_in
from serving.models import MODELS
from serving.tf_serving.follower import Follower
from serving.tf_serving.repository import find_versions
from tfgate.address import DEFAULT_URL
from tfgate.given_config import GivenConfig


def tell(console: Console, text: str) -> None:
    """Print a text as it is, also in a terminal that is narrower than its lines."""
    console.print(text, soft_wrap=True, markup=False, highlight=False, emoji=False)


def found(config: Path, source: Path) -> str:
    """Say which models and versions are loaded, and which have a page and a schema of their own."""
    models = models_in(config, content_of(config))
    plural = "model" if len(models) == 1 else "models"
    width = max(len(name) for name in models)
    lines = [
        f"  {name:{width}}  {_kind(name):7}  {_versions(models[name])}" for name in sorted(models)
    ]
    return "\n".join([f"loading {len(models)} {plural} from {source}", *lines])


def tell_changes(listed: Follower | GivenConfig, console: Console) -> None:
    """Look what is to be served by now, and say which models have come and gone."""
    before = listed.models.keys()
    listed.look()
    for name in sorted(listed.models.keys() - before):
        # Fields of its own, a gateway has only for those that it has met at its start.
        kind = "generic until the next start" if name in MODELS else "generic"
        numbers = ", ".join(str(each) for each in sorted(find_versions(listed.models[name])))
        tell(console, f"loading {name}, {kind}: version {numbers}")
    for name in sorted(before - listed.models.keys()):
        tell(console, f"unloading {name}: it has gone")


def welcome(
    url: str, grpc_port: int | None, models: Collection[str], keys_file: Path | None
) -> str:
    """Say where everything is, and how to ask one of the models from another terminal."""
    options = "" if url == DEFAULT_URL else f" --url {shlex.quote(url)}"
    lines = [
        f"ready  {url}",
        f"docs   {url}/docs",
        f"try    {this_program()} predict {_example(models)}{options}",
        "stop   Ctrl-C",
    ]
    if keys_file is not None:
        lines.insert(3, f"key    whoever asks needs one of {keys_file}: add --key KEY")
    if grpc_port is not None:
        lines.insert(1, f"grpc   port {grpc_port}")
    return "\n".join(lines)


def this_program() -> str:
    """Say how to run tfgate in another terminal, where no environment need be activated."""
    script = Path(sys.argv[0]).absolute()
    is_module = script.name == "__main__.py"
    program = Path(sys.executable) if is_module else script
    if program.is_relative_to(Path.cwd()) and program.parent != Path.cwd():
        program = program.relative_to(Path.cwd())
    return shlex.quote(str(program)) + (" -m tfgate" if is_module else "")


def _kind(name: str) -> str:
    return "typed" if name in MODELS else "generic"


def _versions(config: ModelConfig) -> str:
    """Say which versions the model server keeps of those that are there, and their labels."""
    named = {version: label for label, version in labels(config).items()}
    numbers = ", ".join(
        f"{version} ({named[version]})" if version in named else str(version)
        for version in sorted(kept(config, find_versions(Path(config.base_path))))
    )
    return f"version {numbers}"


def _example(models: Collection[str]) -> str:
    """Return a question that can be asked as it stands; without one, the model's own example is."""
    if "sentiment" in models:
        return "sentiment 'What a waste of a good cast.'"
    return shlex.quote(
        min(models, key=lambda name: (name.startswith("-"), name not in MODELS, name))
    )
