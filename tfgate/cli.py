"""The command `tfgate`: one program that composes the gateway, the model server and training."""

import io
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from tfgate.address import DEFAULT_URL
from tfgate.exits import interruptible, needing, reported
from tfgate.release.cli import DEFAULT_RELEASES, release
from tfgate.train import TAKES_HYPER_PARAMETERS, ModelsPath, train, tune

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()
# What a terminal has no letter for is to become a question mark there, and not a traceback.
for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")

Repository = Annotated[Path, typer.Option(help="folder of models, each a folder of versions")]
Url = Annotated[str, typer.Option(help="where the gateway listens")]
ApiKey = Annotated[
    str | None, typer.Option(envvar="TFGATE_API_KEY", help="key, if the gateway wants one")
]
KeysFile = Annotated[
    Path, typer.Option(envvar="TFGATE_KEYS_FILE", help="file of the keys' digests")
]
LoadShape = Literal["steady", "ramp", "spike", "soak"]  # the names in loadtest/users/shapes.py
DEFAULT_KEYS = Path("keys.jsonl")
DEFAULT_REPOSITORY = Path("models")
DEFAULT_MODELS_PATH = Path("typed")


def print_version(wanted: bool) -> None:  # typer calls it so
    """Show the version and end, if that is wanted."""
    if wanted:
        typer.echo(f"tfgate {version('tfgate')}")
        raise typer.Exit


def given(**options: Any) -> dict[str, Any]:
    """Keep the options that are not left out."""
    return {name: value for name, value in options.items() if value is not None}


@app.callback()
def main(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=print_version, help="show the version"),
    ] = False,
) -> None:
    """Train models, serve them, ask them."""


@app.command(rich_help_panel="Serve and ask")
def up(  # noqa: PLR0913, PLR0917  # a command's options
    repository: Annotated[
        Path | None,
        typer.Option(
            help="folder of models, each a folder of versions; or one model's folder, or a "
            "SavedModel",
            show_default=str(DEFAULT_REPOSITORY),
        ),
    ] = None,
    host: Annotated[str | None, typer.Option(help="address of the gateway")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="port of the gateway; 0 takes a free one")
    ] = None,
    grpc_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="port of the gateway for clients that speak gRPC"),
    ] = None,
    model_server_port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="port for other clients of the embedded model server"),
    ] = None,
    models_path: ModelsPath = None,
    releases: Annotated[
        Path,
        typer.Option(
            envvar="TFGATE_RELEASES",
            help="file of releases, or a folder of them, which tfgate release writes; it may come "
            "later",
        ),
    ] = DEFAULT_RELEASES,
    models_config: Annotated[
        Path | None,
        typer.Option(
            help="a models.config of your own in the place of --repository: TensorFlow Serving's "
            "form, with a policy of versions and labels for each model"
        ),
    ] = None,
) -> None:
    """Serve the models of a folder: a model server and a gateway, until Ctrl-C."""
    from serving.gateway.releases.release_file import WrongReleases
    from serving.gateway.server.listener import CannotListen
    from serving.gateway.settings import WrongSettings, read_settings
    from serving.typed_models import WrongModels, load_models
    from tfgate.children import ChildDied
    from tfgate.given_config import GivenConfig, WrongConfig
    from tfgate.given_folder import WrongFolder
    from tfgate.release.change import releases_of
    from tfgate.release.place import Place
    from tfgate.up import CannotStart, OtherPorts, WrongOption
    from tfgate.up import up as serve

    with (
        reported(WrongConfig, WrongFolder, WrongModels, exit_code=2),
        reported(WrongOption, WrongReleases, WrongSettings, exit_code=2),
        reported(CannotStart, CannotListen, ChildDied),
    ):
        try:
            if models_config is not None and repository is not None:
                message = (
                    "either --repository or --models-config, not both: the latter names folders"
                )
                raise WrongOption(message)
            options = given(host=host, port=port, models_path=models_path, releases=releases)
            settings = read_settings(**options)
            load_models(settings.models_path)  # what is wrong with them is told before any start
            releases_of(Place(releases))
            served = GivenConfig(models_config) if models_config else repository
            ports = OtherPorts(grpc_port, model_server_port)
            serve(served or DEFAULT_REPOSITORY, settings, ports, console)
        except KeyboardInterrupt:
            console.print("stopped")


@app.command(rich_help_panel="Serve and ask")
def predict(  # noqa: PLR0913, PLR0917  # a command's options
    model: Annotated[str, typer.Argument(help="its name, such as sentiment")],
    question: Annotated[
        str | None,
        typer.Argument(
            help="a file's path, - for standard input, or a text or JSON itself; "
            "what is piped in, or else the model's example, if left out"
        ),
    ] = None,
    version: Annotated[int | None, typer.Option(min=0, help="ask this version")] = None,
    label: Annotated[str | None, typer.Option(help="ask the version with this label")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="show what the answer comes from as well")
    ] = False,
    url: Url = DEFAULT_URL,
    key: ApiKey = None,
) -> None:
    """Ask a running gateway for one prediction."""
    from tfgate import ask, explained
    from tfgate.question import WrongQuestion, read_question
    from tfgate.takes import takes

    with reported(ask.WrongGateway, WrongQuestion, exit_code=2), reported(ask.CannotAsk):
        gateway = ask.Gateway(url, key)
        choice = given(version=version, label=label)
        taken = takes(gateway, model, choice, explain=explain)
        body = read_question(taken, question)
        answer = ask.predict(gateway, taken.path, body)
        if explain:
            explained.show(console, answer, body)
        else:
            console.print_json(data=answer)


@app.command(rich_help_panel="Serve and ask")
def score(  # noqa: PLR0913, PLR0917  # a command's options
    source: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT", help="a .csv, .jsonl or .parquet file, or a folder of pictures"
        ),
    ],
    output: Annotated[
        Path, typer.Argument(help="where predictions are written: .csv, .jsonl or .parquet")
    ],
    model: Annotated[str, typer.Option(help="its name, such as sentiment")],
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=COLUMN", help="the column that holds a field; may be repeated"),
    ] = None,
    version: Annotated[int | None, typer.Option(min=0, help="ask this version")] = None,
    label: Annotated[str | None, typer.Option(help="ask the version with this label")] = None,
    parallel: Annotated[int, typer.Option(min=1, help="requests that are out at once")] = 4,
    url: Url = DEFAULT_URL,
    key: ApiKey = None,
) -> None:
    """Have every row of a table predicted; exit code 1 if some have an error."""
    from tfgate import ask
    from tfgate.score.command import CannotWrite, Scoring, SomeFailed
    from tfgate.score.command import score as run
    from tfgate.score.fields import columns_of
    from tfgate.score.journal import AnotherInput
    from tfgate.score.results import WrongOutput
    from tfgate.score.sources import WrongTable

    with (
        needing("parquet", exit_code=2),
        reported(ask.WrongGateway, WrongTable, WrongOutput, AnotherInput, exit_code=2),
        reported(ask.CannotAsk, CannotWrite, SomeFailed),
        interruptible("the same command goes on after the rows that are scored"),
    ):
        columns = columns_of(column or ())
        scoring = Scoring(source, output, model, columns, version, label, parallel)
        run(ask.Gateway(url, key), scoring, console)


@app.command(rich_help_panel="Serve and ask")
def models(url: Url = DEFAULT_URL, key: ApiKey = None) -> None:
    """Show the versions that a running gateway serves, with their test figures."""
    from tfgate import ask
    from tfgate.tables import show

    with reported(ask.WrongGateway, exit_code=2), reported(ask.CannotAsk):
        show(console, ask.model_table(ask.Gateway(url, key)))


@app.command(rich_help_panel="Serve and ask")
def loadtest(  # noqa: PLR0913, PLR0917  # a command's options
    users: Annotated[int, typer.Option(min=1, help="how many ask, each about once a second")] = 200,
    duration: Annotated[str, typer.Option(help="such as 60s, 10m or 1h30m")] = "60s",
    objective: Annotated[
        str, typer.Option(help="for each model: 'p99<250ms,max<2s,failures<0.1%,requests>50/s'")
    ] = "failures<0.1%",
    shape: Annotated[LoadShape, typer.Option(help="how the number of users changes")] = "steady",
    model: Annotated[str | None, typer.Option(help="ask this model alone")] = None,
    html: Annotated[Path, typer.Option(help="where the report with charts is written")] = Path(
        "build/loadtest.html"
    ),
    url: Url = DEFAULT_URL,
    key: ApiKey = None,
) -> None:
    """Let many users ask a running gateway; exit code 1 if an objective is missed."""
    from tfgate.ask import CannotAsk, Gateway, WrongGateway
    from tfgate.loadtest.command import loadtest as run
    from tfgate.loadtest.errors import LocustFailed, ObjectivesMissed, Stopped, WrongOptions
    from tfgate.loadtest.load_test import LoadTest, check_locust, parse_duration
    from tfgate.loadtest.objectives import parse

    with (
        needing("load", exit_code=2),
        reported(WrongOptions, WrongGateway, exit_code=2),
        reported(Stopped, exit_code=130),
        reported(CannotAsk, LocustFailed, ObjectivesMissed),
    ):
        check_locust()
        seconds, objectives = parse_duration(duration), parse(objective)
        run(LoadTest(Gateway(url, key), users, seconds, shape, model, html), objectives, console)


keys = typer.Typer(help="Make and take away the keys that a gateway wants.", no_args_is_help=True)
app.add_typer(keys, name="keys", rich_help_panel="Serve and ask")


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="who asks with it")],
    file: KeysFile = DEFAULT_KEYS,
    rate: Annotated[
        list[str] | None,
        typer.Option(
            help="most requests, as 50/second, or rows, as 1000rows/minute; may be repeated"
        ),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--models",
            "--model",
            help="the only models it may ask, typed or generic, as a,b; may be repeated",
        ),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(help="how long it is good, as 90d, 12h or 2w, or the last day, as 2027-01-31"),
    ] = None,
) -> None:
    """Make a key and print it: this once, for the file holds only its digest."""
    from serving.gateway.middleware.keys import WrongKeys
    from tfgate.keys import CannotChange, create

    with reported(CannotChange, WrongKeys, exit_code=2):
        typer.echo(create(file, name, rates=rate or (), models=models or (), expires=expires))


@keys.command("list")
def list_keys(file: KeysFile = DEFAULT_KEYS) -> None:
    """Show who has a key, and what for."""
    from serving.gateway.middleware.keys import WrongKeys
    from tfgate.keys import table
    from tfgate.tables import show

    with reported(WrongKeys, exit_code=2):
        show(console, table(file))


@keys.command("revoke")
def revoke_key(
    name: Annotated[str, typer.Argument(help="whose key it is")], file: KeysFile = DEFAULT_KEYS
) -> None:
    """Take a key away; a running gateway refuses it within a second or two."""
    from serving.gateway.middleware.keys import WrongKeys
    from tfgate.keys import CannotChange, revoke

    with reported(CannotChange, WrongKeys, exit_code=2):
        revoke(file, name)


app.add_typer(release, name="release", rich_help_panel="Serve and ask")

for command in (train, tune):
    app.command(rich_help_panel="Train", context_settings=TAKES_HYPER_PARAMETERS)(command)


@app.command(rich_help_panel="Models of your own")
def inspect(
    path: Annotated[
        Path, typer.Argument(help="folder of a version, of a model, or of a repository")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="print it for programs")] = False,
) -> None:
    """Show what a SavedModel holds, and whether tfgate can serve it: exit code 1 if not."""
    from tfgate.inspection.command import CannotServe, inspect
    from tfgate.inspection.places import NotASavedModel

    with reported(NotASavedModel, exit_code=2), reported(CannotServe):
        inspect(path, console, as_json=as_json)


@app.command("new-model", rich_help_panel="Models of your own")
def new_model(
    name: Annotated[str, typer.Argument(help="what it is to be called, such as churn")],
    source: Annotated[
        Path, typer.Option("--from", help="the SavedModel: folder of a version, or of a model")
    ],
    models_path: Annotated[
        Path, typer.Option(envvar="TFGATE_MODELS_PATH", help="folder where its file is written")
    ] = DEFAULT_MODELS_PATH,
    recipe: Annotated[
        bool, typer.Option("--recipe", help="also write how it is trained on a table")
    ] = False,
) -> None:
    """Write the typed file of a model: fields with names and bounds, in the place of tensors."""
    from tfgate.inspection.places import NotASavedModel
    from tfgate.new_model.command import CannotWrite, new_model
    from tfgate.new_model.typed_file import NotTyped

    with reported(NotASavedModel, NotTyped, CannotWrite, exit_code=2):
        for path in new_model(name, source, models_path, recipe=recipe):
            typer.echo(f"wrote {path}")


@app.command(rich_help_panel="One program alone")
def gateway(
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on")] = None,
    model_server: Annotated[
        str | None, typer.Option(help="gRPC target of TensorFlow Serving, as HOST:PORT")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="number of processes that serve")] = None,
    models_path: ModelsPath = None,
) -> None:
    """Run the gateway alone; what is not given here is read from TFGATE_… variables."""
    from serving.gateway.middleware.keys import WrongKeys
    from serving.gateway.server.listener import CannotListen, WrongHost
    from serving.gateway.server.metrics_folder import NoMetricsFolder
    from serving.gateway.server.run import run
    from serving.gateway.server.supervisor import WorkersDie
    from serving.gateway.settings import WrongSettings, read_settings
    from serving.typed_models import WrongModels

    options = given(
        host=host, port=port, model_server=model_server, workers=workers, models_path=models_path
    )
    with (
        reported(CannotListen, WorkersDie),
        reported(NoMetricsFolder, WrongHost, WrongKeys, WrongModels, WrongSettings, exit_code=2),
    ):
        run(read_settings(**options))


@app.command(
    rich_help_panel="One program alone",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    add_help_option=False,
)
def model_server(context: typer.Context) -> None:
    """Run the embedded model server alone; takes TensorFlow Serving's flags."""
    from serving.embedded.__main__ import main

    with needing("local"):
        sys.exit(main(context.args))
