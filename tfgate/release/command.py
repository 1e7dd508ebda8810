"""What each `tfgate release` command does, in its order: plan, ask, write, tell, wait."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from tfgate.announcements import tell
from tfgate.ask import CannotAsk, Gateway, NoGateway
from tfgate.release import edits, history
from tfgate.release.change import Change, Edit, NotWritten, releases_of, work_out, write
from tfgate.release.edits import CannotRelease, Part, Start
from tfgate.release.following import (
    Description,
    check_version,
    describe,
    stable_now,
    standing_of,
    wait_until_followed,
)
from tfgate.release.place import Place
from tfgate.release.status import status_table
from tfgate.tables import show

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


def status(asked: Asked) -> None:
    """Show the releases of the file, and beside them how a gateway says that they stand.

    Raises:
        WrongReleases: the file is wrong.
    """
    releases = releases_of(asked.place).models
    if not releases:
        tell(asked.console, f"there are no releases in {asked.file}")
        return
    described: dict[str, Description] = {}
    try:
        for model in releases if not asked.offline else ():
            described[model] = describe(asked.gateway, model)
    except CannotAsk as error:
        tell(asked.console, f"as the file has it alone: {error}")
    show(asked.console, status_table(releases, described))


def start(asked: Asked, model: str, wanted: Start, stable: int | None) -> None:
    """Give a version a share of the traffic.

    Raises:
        CannotRelease: it does not go with the file, or the version cannot take it.
        CannotAsk: there is no gateway to ask whether it can.
    """
    described = _describe(asked, model)
    begun = _begin(asked, model, wanted.version, stable, described)
    _check(asked, described, wanted.version, stable)

    def edit(part: Part | None) -> Part:
        return edits.start(model, part or begun, wanted)

    _change(asked, model, "start", edit)


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
    _check(asked, described, version, stable)

    def edit(part: Part | None) -> Part:
        return edits.shadow(model, part or begun, version, percent)

    _change(asked, model, "shadow", edit)


def stop_shadow(asked: Asked, model: str) -> None:
    """Ask no copies any more.

    Raises:
        CannotRelease: there is no shadow.
    """
    releases_of(asked.place)
    _change(asked, model, "shadow", _of_named(asked, model, edits.stop_shadow))


def promote(asked: Asked, model: str) -> None:
    """Let the candidate answer everything.

    Raises:
        CannotRelease: there is none, it cannot answer, or the guard has taken it back.
        CannotAsk: there is no gateway to ask whether it can.
    """
    releases_of(asked.place)
    edit = _of_named(asked, model, edits.promote)
    planned = work_out(asked.place, model, edit)
    described = _describe(asked, model)
    if described is not None and (standing := standing_of(described)) is not None:
        standing.refuse_taken_back(model)
    _check(asked, described, planned.release.stable)
    _change(asked, model, "promote", edit)


def roll_back(asked: Asked, model: str) -> None:
    """Go back to the stable version, or to the one before it; asks no gateway whether it may.

    A candidate that makes the file wrong goes like any other.

    Raises:
        CannotRelease: there is nothing to go back to.
    """
    try:
        _change(asked, model, "rollback", _of_named(asked, model, edits.roll_back))
    except CannotRelease:
        releases_of(asked.place)  # if the file is wrong, that comes first
        raise


def show_history(asked: Asked, model: str | None, number: int | None) -> None:
    """List the changes, or show one of them line by line.

    Raises:
        CannotRelease: there is none of that number.
    """
    found = [
        entry
        for entry in history.entries(asked.place.histories)
        if number in {None, entry.number} and model in {None, entry.model}
    ]
    if not found:
        which = "nothing was changed yet" if number is None else f"there is no change {number}"
        message = f"{which} of {model or asked.file} with tfgate release."
        raise CannotRelease(message)
    if number is None:
        show(asked.console, history.table(found))
        tell(asked.console, f"what was before each is in {found[0].path.parent}")
        return
    for entry in found:
        tell(asked.console, f"{entry.model}: {entry.told}; before it, {entry.backup}")
        show_diff(asked.console, entry.diff)


def _describe(asked: Asked, model: str) -> Description | None:
    if asked.offline:
        return None
    try:
        return describe(asked.gateway, model)
    except NoGateway as error:
        message = f"{error} Or write the file without asking one, with --offline."
        raise CannotAsk(message) from error


def _begin(
    asked: Asked, model: str, version: int, stable: int | None, described: Description | None
) -> Part:
    """Return what the file says of a model, or is to say of one that it does not name yet.

    Raises:
        CannotRelease: nobody knows the stable version, or the file has another one.
        WrongReleases: the file is wrong.
    """
    release = releases_of(asked.place).models.get(model)
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


def _check(asked: Asked, described: Description | None, *versions: int | None) -> None:
    """See that versions are there; say of one that is still loading what that means."""
    for version in versions:
        if described is not None and version is not None:
            for said in check_version(described, version):
                tell(asked.console, said)


def _of_named(asked: Asked, model: str, edit: Callable[[str, Part], Part]) -> Edit:
    """Let an edit have only what the file says already."""

    def apply(part: Part | None) -> Part:
        if part is None:
            lacks = f"says nothing of {model}" if asked.file.exists() else "does not exist"
            message = f"{asked.file} {lacks}. Name another file with --file, or as TFGATE_RELEASES."
            raise CannotRelease(message)
        return edit(model, part)

    return apply


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
    if planned.after == planned.before:
        tell(asked.console, f"{asked.file} says so already")
        return
    try:
        change = write(asked.place, planned, edit, command)
    except NotWritten:
        typer.echo(planned.after, nl=False)
        raise
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
