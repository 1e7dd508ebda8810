"""`tfgate predict --explain`: an answer, and below it what it comes from, for people to read.

Which kind of explanation it is, its fields tell: a model of somebody else's may give any of them,
and what is none of them stays JSON.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError
from rich.bar import Bar
from rich.console import Console, RenderableType
from rich.table import Column, Table
from rich.text import Text
from typing_extensions import TypedDict

from serving.models.housing import Contribution, HousingExplanation, Neighbour
from serving.models.image import ImageExplanation
from tfgate.question import JSON, Question
from tfgate.tables import show as show_table
from training.report.number import number

_BAR = 24  # columns of a terminal
_STRONGEST = 10  # words, or parts of a picture, that are listed
_LONGEST_TEXT = 2_000  # characters that are shown as a whole
_FOR, _AGAINST, _WHOLE = "green", "red", "default"


class _Word(TypedDict):
    """What a word adds; its place is in the text as it was sent."""

    start: int
    end: int
    contribution: float


class _Words(TypedDict):
    base: float
    words: list[_Word]


def show(console: Console, document: Mapping[str, Any], question: Question) -> None:
    """Print a gateway's answer to a question, and what it comes from in words and bars."""
    answer: Any = document.get("prediction")
    why: Any = answer.get("explanation") if isinstance(answer, dict) else None
    draw = _drawing(why)
    if draw is None:
        console.print_json(data=document)
        return
    plain = {name: value for name, value in answer.items() if name != "explanation"}
    console.print_json(data={**document, "prediction": plain})
    for part in draw(why, question):
        console.print()
        if isinstance(part, Table):
            show_table(console, part)
        else:
            console.print(part)
    if isinstance(method := why.get("method"), str):
        console.print(Text(f"\n{method}", style="dim"))


def _drawing(why: Any) -> Callable[[Any, Question], list[RenderableType]] | None:
    """Find what draws such an explanation; None if nothing does."""
    kinds: list[tuple[Any, Callable[[Any, Question], list[RenderableType]]]] = [
        (HousingExplanation, _dollars),
        (_Words, _words),
        (ImageExplanation, _pictures),
    ]
    return next((draw for kind, draw in kinds if _is(kind, why)), None)


def _is(kind: Any, why: Any) -> bool:
    try:
        TypeAdapter(kind).validate_python(why)
    except ValidationError:
        return False
    return True


def _dollars(why: HousingExplanation, _question: Question) -> list[RenderableType]:
    """Draw a waterfall from what the price is compared with to the price; and the neighbours."""
    base = why["base_usd"]
    steps = [(_feature(each), each["usd"]) for each in why["contributions"]]
    levels = [base]
    for _, usd in steps:
        levels.append(levels[-1] + usd)
    low, high = min(0.0, *levels), max(0.0, *levels)

    def bar(begin: float, end: float, color: str) -> Bar:
        begin, end = sorted((begin, end))
        return Bar(high - low, begin - low, end - low, width=_BAR, color=color)

    table = _table("what the price comes from", "US dollars")
    table.add_row("what it is compared with costs", f"{base:,.0f}", bar(0, base, _WHOLE))
    for (name, usd), before, after in zip(steps, levels, levels[1:], strict=False):
        table.add_row(Text(name), f"{usd:+,.0f}", bar(before, after, _FOR if usd > 0 else _AGAINST))
    table.add_row("price", f"{levels[-1]:,.0f}", bar(0, levels[-1], _WHOLE))
    return [table, *_neighbours(why["neighbours"])]


def _feature(contribution: Contribution) -> str:
    values = ", ".join(
        f"{value:g}" if isinstance(value, float) else str(value)
        for value in contribution["values"].values()
        if value is not None
    )
    name = contribution["feature"].replace("_", " ")
    return f"{name} ({values})" if values else name


def _neighbours(found: Sequence[Neighbour]) -> list[RenderableType]:
    if not found:
        return []
    headers = ("known near by", "kilometres", "US dollars", "weight")
    table = Table(*(Column(each, justify="right", no_wrap=True) for each in headers), box=None)
    for each in found:
        place = f"{each['longitude']:g}, {each['latitude']:g}"
        figures = f"{each['kilometres']:,.1f}", f"{each['price_usd']:,.0f}", f"{each['weight']:.0%}"
        table.add_row(place, *figures)
    return [table]


def _words(why: _Words, question: Question) -> list[RenderableType]:
    """Show the text with the words that weigh most, and list these with what they add."""
    text = _text_of(question)
    words = sorted(why["words"], key=lambda each: -abs(each["contribution"]))[:_STRONGEST]
    shown: list[RenderableType] = []
    if text is not None and len(text) <= _LONGEST_TEXT:
        marked = Text(text)
        for word in words:
            style = f"bold {_FOR}" if word["contribution"] > 0 else f"bold underline {_AGAINST}"
            marked.stylize(style, word["start"], word["end"])
        shown.append(marked)
    rows = [(_word(text, each), each["contribution"]) for each in words]
    together = why["base"] + sum(each["contribution"] for each in why["words"])
    return [*shown, _added("the words that weigh most", why["base"], rows, together)]


def _word(text: str | None, word: _Word) -> str:
    place = f"characters {word['start']} to {word['end']}"
    return place if text is None else text[word["start"] : word["end"]]


def _text_of(question: Question) -> str | None:
    """Return the text that was sent, if that is all that was; without what a terminal obeys."""
    sent = json.loads(question.content) if question.media_type == JSON else None
    texts = [each for each in sent.values() if isinstance(each, str)] if sent else []
    if len(texts) != 1:
        return None
    return "".join(each if each.isprintable() or each == "\n" else " " for each in texts[0])


def _pictures(why: ImageExplanation, _question: Question) -> list[RenderableType]:
    """List, for each class, the parts of the picture that weigh most, by their pixels."""
    crop = why["crop"]

    def place(row: int, column: int, per_side: int) -> str:
        size = crop["side"] / per_side
        x, y = crop["left"] + column * size, crop["top"] + row * size
        return f"x {x:.0f} to {x + size:.0f}, y {y:.0f} to {y + size:.0f}"

    tables: list[RenderableType] = []
    for each in why["maps"]:
        values = each["values"]
        cells = [
            (place(row, column, len(values)), value)
            for row, line in enumerate(values)
            for column, value in enumerate(line)
        ]
        rows = sorted(cells, key=lambda cell: -abs(cell[1]))[:_STRONGEST]
        tables.append(_added(f"pixels, for {each['label']}", each["base"], rows, each["logit"]))
    return tables


def _added(
    title: str, base: float, rows: Sequence[tuple[str, float]], together: float
) -> RenderableType:
    """Draw what each thing adds, to the right of a middle or to the left of it."""
    table = _table(title, "adds")
    most = max([abs(value) for _, value in rows], default=0.0) or 1.0
    table.add_row("with nothing there", number(base), "")
    for name, value in rows:
        begin, end = sorted((most, most + value))
        color = _FOR if value > 0 else _AGAINST
        sign = "-" if value < 0 else "+"
        bar = Bar(2 * most, begin, end, width=_BAR, color=color)
        table.add_row(Text(name), f"{sign}{number(abs(value))}", bar)
    table.add_row("with all that is there", number(together), "")
    return table


def _table(title: str, figures: str) -> Table:
    columns = (
        Column(Text(title)),
        Column(figures, justify="right", no_wrap=True),
        Column(width=_BAR),
    )
    return Table(*columns, box=None, header_style="bold", pad_edge=False)
