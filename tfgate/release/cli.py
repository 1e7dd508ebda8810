"""The commands `tfgate release …`: their options, and what they exit with."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from tfgate.address import DEFAULT_URL
from tfgate.exits import reported

if TYPE_CHECKING:
    from tfgate.release.command import Asked

release = typer.Typer(
    help="Try a version on a share of the traffic, and go forward or back.", no_args_is_help=True
)
console = Console()

Model = Annotated[str, typer.Argument(help="its name, such as sentiment")]
Version = Annotated[int, typer.Argument(min=1, help="the version, such as 4")]
File = Annotated[
    Path,
    typer.Option(
        envvar="TFGATE_RELEASES",
        help="file of releases, or a folder with one for each model, that gateways follow",
    ),
]
Url = Annotated[str, typer.Option(help="where a gateway listens that follows the file")]
ApiKey = Annotated[
    str | None, typer.Option(envvar="TFGATE_API_KEY", help="key, if the gateway wants one")
]
Offline = Annotated[
    bool, typer.Option("--offline", help="ask no gateway whether the version is there and ready")
]
Print = Annotated[
    bool, typer.Option("--print", help="print what the file would hold, and write nothing")
]
Stable = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="version that goes on answering the others, of a model that the file does not name "
        "yet; what the gateway answers with now, if left out",
    ),
]
By = Literal["release-key", "api-key", "request-id"]
DEFAULT_RELEASES = Path("releases.toml")


@release.command()
def status(
    file: File = DEFAULT_RELEASES,
    url: Url = DEFAULT_URL,
    key: ApiKey = None,
    offline: Offline = False,
) -> None:
    """Show all releases of the file, and what a gateway makes of them now."""
    from tfgate.release import command

    with _asked(file, url, key, offline=offline) as asked:
        command.status(asked)


@release.command()
def start(  # noqa: PLR0913, PLR0917  # a command's options
    model: Model,
    version: Version,
    percent: Annotated[
        float | None, typer.Option(min=0, max=100, help="its share of the callers")
    ] = None,
    steps: Annotated[
        str | None,
        typer.Option(help="a share that grows by itself, as 1%/10m,10%/30m,50%/1h"),
    ] = None,
    by: Annotated[
        By | None,
        typer.Option(help="what decides who gets it: release-key is the header X-Release-Key"),
    ] = None,
    cohort: Annotated[
        list[str] | None,
        typer.Option(help="a cohort of the file that gets it besides; may be repeated"),
    ] = None,
    compare: Annotated[
        float | None,
        typer.Option(
            min=0, max=100, help="percent of its requests that the stable version is asked as well"
        ),
    ] = None,
    guard: Annotated[
        bool | None,
        typer.Option(
            "--guard/--no-guard",
            show_default="guard",
            help="take the share back when, over 5 minutes and at least 100 requests, 1 % more "
            "fail than of the stable version, p99 is 1.5 times as long, or answers drift by 0.25 "
            "(PSI); a guard that the file has stays as it is",
        ),
    ] = None,
    stable: Stable = None,
    file: File = DEFAULT_RELEASES,
    url: Url = DEFAULT_URL,
    key: ApiKey = None,
    offline: Offline = False,
    print_: Print = False,
) -> None:
    """Give a version a share of the traffic, from now on.

    Again with the same version, it changes what is given and keeps the rest; its steps and what the
    guard has seen begin anew.
    """
    from tfgate.release import command
    from tfgate.release.edits import Start, now, split_steps

    with _asked(file, url, key, offline=offline, print_=print_) as asked:
        wanted = Start(version, now(), percent, split_steps(steps), by, cohort, compare, guard)
        command.start(asked, model, wanted, stable)


@release.command()
def shadow(  # noqa: PLR0913, PLR0917  # a command's options
    model: Model,
    version: Annotated[int | None, typer.Argument(min=1, help="the version, such as 5")] = None,
    percent: Annotated[
        float | None, typer.Option(min=0, max=100, help="of the requests, of which it gets copies")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="send no copies any more")] = False,
    stable: Stable = None,
    file: File = DEFAULT_RELEASES,
    url: Url = DEFAULT_URL,
    key: ApiKey = None,
    offline: Offline = False,
    print_: Print = False,
) -> None:
    """Ask a version copies of requests; its answers are compared, and never sent."""
    from tfgate.release import command
    from tfgate.release.edits import CannotRelease

    with _asked(file, url, key, offline=offline, print_=print_) as asked:
        if stop == (version is not None):
            message = "name the version that gets copies, or --stop, and not both."
            raise CannotRelease(message)
        if version is None:
            command.stop_shadow(asked, model)
        else:
            command.shadow(asked, model, version, percent, stable)


@release.command()
def promote(
    model: Model,
    file: File = DEFAULT_RELEASES,
    url: Url = DEFAULT_URL,
    key: ApiKey = None,
    offline: Offline = False,
    print_: Print = False,
) -> None:
    """Let the candidate answer everything, and remember the version before it."""
    from tfgate.release import command

    with _asked(file, url, key, offline=offline, print_=print_) as asked:
        command.promote(asked, model)


@release.command()
def rollback(
    model: Model,
    file: File = DEFAULT_RELEASES,
    url: Url = DEFAULT_URL,
    key: ApiKey = None,
    offline: Offline = False,
    print_: Print = False,
) -> None:
    """Take the candidate's share away; after a promotion, let the version before it answer."""
    from tfgate.release import command

    with _asked(file, url, key, offline=offline, print_=print_) as asked:
        command.roll_back(asked, model)


@release.command()
def history(
    model: Annotated[str | None, typer.Argument(help="only of this one")] = None,
    diff: Annotated[
        int | None, typer.Option(min=1, help="show what the change with this number did")
    ] = None,
    file: File = DEFAULT_RELEASES,
) -> None:
    """Show what was changed with these commands, the newest first."""
    from tfgate.release import command

    with _asked(file) as asked:
        command.show_history(asked, model, diff)


@contextmanager
def _asked(
    file: Path,
    url: str = DEFAULT_URL,
    key: str | None = None,
    *,
    offline: bool = False,
    print_: bool = False,
) -> Iterator["Asked"]:
    """Give a command what all are told.

    It ends with 2 for what goes with neither file nor versions, with 1 for other failures.
    """
    from serving.gateway.releases.release_file import WrongReleases
    from tfgate.ask import CannotAsk, Gateway, WrongGateway
    from tfgate.release.change import NotWritten
    from tfgate.release.command import Asked
    from tfgate.release.edits import CannotRelease
    from tfgate.release.following import NotFollowed

    with (
        reported(CannotRelease, WrongReleases, WrongGateway, exit_code=2),
        reported(CannotAsk, NotFollowed, NotWritten),
    ):
        yield Asked(file, Gateway(url, key), console, offline, print_)
