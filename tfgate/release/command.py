"""What each `tfgate release` command does, in its order: plan, ask, write, tell, wait."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from tfgate.announcements import tell
from tfgate.ask import CannotAsk, Gateway, NoGateway
from tfgate.release import edits, history
from tfgate.release.change import Change, Edit, NotWritten, release_of, work_out, write
from tfgate.release.edits import CannotRelease, Part, Start
from tfgate.release.following import (
    Description,
    check_version,
    describe,
    stable_now,
    wait_until_followed,
)
from tfgate.release.place import Place

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@dataclass(frozen=True)
class Asked:
    """What every command is told: where the file and the gateway are, and how careful to be."""

    file: Path
    gateway: Gateway
    console: Console
    offline: bool = False
    printed: bool = False  # instead of written

    @property
    def place(self) -> Place:
        return Place(self.file)


def start(asked: Asked, model: str, wanted: Start, stable: int | None) -> None:
    """Give a version a share of the traffic.

    Raises:
        CannotRelease: it does not go with the file, or the version cannot take it.
        CannotAsk: there is no gateway to ask whether it can.
    """
    described = _describe(asked, model)
    begun = _begin(asked, model, wanted.version, stable, described)
    _check(asked, described, wanted.version)
    _change(asked, model, "start", lambda part: edits.start(model, part or begun, wanted))


def shadow(
    asked: Asked, model: str, version: int, percent: float | None, stable: int | None
) -> None:
    """Ask a version copies of requests.

    Raises:
        CannotRelease: it does not go with the file, or the version cannot take it.
        CannotAsk: there is no gateway to ask whether it can.
    """
    described = _describe(asked, model)
    begun = _begin(asked, model, version, stable, described)
    _check(asked, described, version)
    _change(asked, model, "shadow", lambda part: edits.shadow(model, part or begun, version, percent))


def stop_shadow(asked: Asked, model: str) -> None:
    """Ask no copies any more.

    Raises:
        CannotRelease: there is no shadow.
    """
    _change(asked, model, "shadow", lambda part: edits.stop_shadow(model, _known(asked, model, part)))


def promote(asked: Asked, model: str) -> None:
    """Let the candidate answer everything.

    Raises:
        CannotRelease: there is none, it cannot answer, or the guard has taken it back.
        CannotAsk: there is no gateway to ask whether it can.
    """

    def edit(part: Part | None) -> Part:
        return edits.promote(model, _known(asked, model, part))

    planned = work_out(asked.place, model, edit)
    described = _describe(asked, model)
    if described is not None:
        refuse_taken_back(described)
    _check(asked, described, planned.release.stable)
    _change(asked, model, "promote", edit)


def roll_back(asked: Asked, model: str) -> None:
    """Go back to the stable version, or to the one before it; asks no gateway whether it may.

    Raises:
        CannotRelease: there is nothing to go back to.
    """
    _change(asked, model, "rollback", lambda part: edits.roll_back(model, _known(asked, model, part)))


def _describe(asked: Asked, model: str) -> Description | None:
    return None if asked.offline else describe(asked.gateway, model)


def _begin(
    asked: Asked, model: str, version: int, stable: int | None, described: Description | None
) -> Part:
    """Return what the file says of a model, or is to say of one that it does not name yet.

    Raises:
        CannotRelease: nobody knows the stable version, or the file has another one.
        WrongReleases: the file is wrong.
    """
    release = release_of(asked.place, model)
    if release is not None:
        if stable not in {None, release.stable}:
            message = f"{asked.file} says that version {release.stable} of {model} is stable. "
            raise CannotRelease(message + "Leave --stable out; promote and rollback change it.")
        return {}
    if stable is not None:
        return {"stable": stable}
    if described is None:
        message = f"{asked.file} does not name {model} yet: say which version answers now, with "
        raise CannotRelease(f"{message}--stable.")
    return {"stable": stable_now(described, version)}


def _check(asked: Asked, described: Description | None, version: int) -> None:
    if described is not None and (said := check_version(described, version)) is not None:
        tell(asked.console, said)


def _known(asked: Asked, model: str, part: Part | None) -> Part:
    if part is None:
        message = f"{asked.file} says nothing of {model}. Name another file with --file."
        raise CannotRelease(message)
    return part


def _change(asked: Asked, model: str, command: str, edit: Edit) -> None:
    """Write, and say so; or print what would be written.

    Raises:
        CannotRelease: the edit does not go with what the file says.
        NotWritten: the file cannot be written.
        NotFollowed: the gateway does something else.
    """
    planned = work_out(asked.place, model, edit)
    if asked.printed:
        typer.echo(planned.after, nl=False)
        return
    change = write(asked.place, planned, edit, command)
    tell(asked.console, f"{model}: {change.told}")
    show_diff(asked.console, change.diff)
    _follow(asked, change)


def _follow(asked: Asked, change: Change) -> None:
    if asked.offline:
        return
    try:
        with asked.console.status("waiting for the gateway"):
            standing = wait_until_followed(asked.gateway, change.model, change.release)
    except CannotAsk as error:
        # It is written, and every gateway that reads it follows by itself.
        tell(asked.console, f"written; whether a gateway follows it is not known: {error}")
        return
    tell(asked.console, f"the gateway at {asked.gateway.url} follows: {standing.told}")


def show_diff(console: Console, diff: str) -> None:
    """Print a diff, coloured on a terminal."""
    for line in diff.splitlines():
        console.print(Text(line, _COLOURS.get(line[:1], "")), soft_wrap=True)
