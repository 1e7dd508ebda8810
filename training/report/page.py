"""Renders sections as one HTML page that needs no other file; knows nothing that stands in them."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined

from training.report.figure import Figure


@dataclass(frozen=True)
class Table:
    """Rows of cells under a head; columns are numbers, right-aligned, from `num_texts` on."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    num_texts: int = 1


@dataclass(frozen=True)
class Section:
    """A part of a report: what it says, shows and lists, in this order."""

    title: str
    paragraphs: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    commands: Sequence[str] = field(default=())


def render(title: str, sections: Sequence[Section]) -> str:
    """Give the page; pictures stand in it as data URIs."""
    environment = Environment(
        loader=PackageLoader("training.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = _data_uri
    return environment.get_template("page.html.jinja").render(title=title, sections=sections)


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{b64encode(png).decode()}"
