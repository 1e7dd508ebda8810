"""The command `tfgate inspect`: which versions it looks at, and what it ends with."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from tfgate.inspection.places import NotASavedModel, Place, find
from tfgate.inspection.saved_model import read
from tfgate.inspection.show import document, show_version
from tfgate.inspection.verdict import can_be_served, judge


class CannotServe(Exception):
    """A version was found that tfgate cannot serve; what stands in the way has been shown."""


def inspect(path: Path, console: Console, *, as_json: bool) -> None:
    """Show the version at a path, the newest of a model, or those of a repository.

    Raises:
        NotASavedModel: there is none, or the only one cannot be read.
        CannotServe: one of them cannot be served.
    """
    places, unfit = find(path), []
    documents: list[dict[str, Any]] = []
    for place in places:
        try:
            served = _inspect(place, console, documents, as_json=as_json)
        except NotASavedModel as error:
            if len(places) == 1:
                raise
            served = False
            documents.append({"model": place.model, "can_be_served": False, "error": str(error)})
            if not as_json:
                console.print(Text(f"\n{place}\n{error}"))
        if not served:
            unfit.append(str(place))
    if as_json:
        console.print_json(data=documents[0] if len(places) == 1 else documents)
    if unfit:
        message = f"cannot be served: {', '.join(unfit)}"
        raise CannotServe(message)


def _inspect(
    place: Place, console: Console, documents: list[dict[str, Any]], *, as_json: bool
) -> bool:
    version = read(place)
    findings = judge(version)
    documents.append(document(version, findings))
    if not as_json:
        show_version(console, version, findings)
    return can_be_served(findings)
