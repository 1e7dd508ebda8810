"""Where in a text, as it was sent, each character of the cleaned one comes from.

Each step of cleaning is taken here once more, with the origin of each character beside it; a test
holds the result against what cleaning gives. Only who asks for the places of words needs it.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import chain

from turbohtml import TokenType, tokenize, unescape

from serving.texts import characters, markup

# As HTML's standard has them; of a name, what is behind it comes along.
_REFERENCE = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)")
_NEW_LINE = re.compile(r"\r\n|\r|\n")
_SPACES = re.compile(r"\s+")
_STYLED = re.compile(r"[^\x00-\x5f\x61-\x7f]+")
_LAST_WITH_MARKS = 0x1FFFF  # in the planes behind it, no character joins another


@cache  # as it takes a while, and most texts need none
def _joined() -> re.Pattern[str]:
    """Find what may become one: marks, vowels and ends of Hangul, and what stands before them."""
    some = [chr(code) for code in chain(range(0x80, 0xD800), range(0xE000, _LAST_WITH_MARKS + 1))]
    apart = [unicodedata.normalize("NFD", each) for each in some]
    seconds = {part for parts in apart if len(parts) > 1 for part in parts[1:]}
    joining = [
        each
        for each, parts in zip(some, apart, strict=True)
        if parts[0] in seconds or unicodedata.combining(parts[0])
    ]
    return re.compile(f"\\S?[{''.join(joining)}]+")  # no mark becomes one with a space


@dataclass
class Traced:
    """The characters of a text, and of each where what it comes from starts and ends."""

    characters: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.characters)

    def copy(self, before: "Traced", part: slice) -> None:
        """Add a part of another text as it is."""
        self.characters += before.characters[part]
        self.starts += before.starts[part]
        self.ends += before.ends[part]

    def replace(self, before: "Traced", part: slice, text: str) -> None:
        """Add a text in the place of a part of another one: all of it comes from the whole part."""
        self.characters += text
        self.starts += [min(before.starts[part], default=0)] * len(text)
        self.ends += [max(before.ends[part], default=0)] * len(text)


def trace(text: str) -> Traced:
    """Give the cleaned text, and where each of its characters comes from."""
    sent = Traced(list(text), list(range(len(text))), list(range(1, len(text) + 1)))
    shown = _shown_of_html(sent) if markup.is_html(text) else _resolved(sent)
    return _single_spaces(_one_form(_plain(shown)))


def _shown_of_html(sent: Traced) -> Traced:
    """Do as `markup.shown` does with HTML."""
    html, shown = Traced(), Traced()
    for part, is_no_tag in _parts(markup.NEVER_ENDS, sent.text):
        if is_no_tag:
            html.replace(sent, part, markup.NO_TAG)
        else:
            html.copy(sent, part)
    lines = [0, *(found.end() for found in _NEW_LINE.finditer(html.text))]
    for token in markup.visible(tokenize(html.text, resolve_references=False, capture_source=True)):
        if token is None:
            shown.replace(html, slice(0), " ")
            continue
        start, data = lines[token.line - 1] + token.col, token.data or ""
        if token.type is TokenType.CHARACTER_REFERENCE:
            shown.replace(html, slice(start, start + len(token.source or "")), data)
        else:
            _copy_lines(html, start, data, shown)
    return shown


def _copy_lines(html: Traced, start: int, data: str, shown: Traced) -> None:
    """Add what HTML's tokeniser read from there on: it reads every end of a line as one "\n"."""
    for line in data.splitlines(keepends=True):
        text = line.rstrip("\n")
        shown.copy(html, slice(start, start + len(text)))
        # As it was read: in some elements, the tokeniser shows characters that are none.
        shown.characters[len(shown.characters) - len(text) :] = text
        start += len(text)
        if text != line:
            is_pair = html.characters[start : start + 2] == ["\r", "\n"]
            end = start + (2 if is_pair else 1)
            shown.replace(html, slice(start, end), "\n")
            start = end


def _resolved(sent: Traced) -> Traced:
    """Do as `unescape` does."""
    shown = Traced()
    for part, is_reference in _parts(_REFERENCE, sent.text):
        source = "".join(sent.characters[part])
        resolved = unescape(source) if is_reference else source
        # What the name does not reach is at the end of both.
        same = len(source) if resolved == source else 0
        while same < len(resolved) and source.endswith(resolved[-1 - same :]):
            same += 1
        behind = part.stop - same
        shown.replace(sent, slice(part.start, behind), resolved[: len(resolved) - same])
        shown.copy(sent, slice(behind, part.stop))
    return shown


def _plain(shown: Traced) -> Traced:
    """Give apostrophes, letters and what shows nothing as `characters.plain` does."""
    plain = Traced()
    for part, may_be_styled in _parts(_STYLED, shown.text):
        if not may_be_styled:
            plain.copy(shown, part)
            continue
        for place in range(part.start, part.stop):
            alone = characters.translated(shown.characters[place])
            plain.replace(shown, slice(place, place + 1), alone)
    return plain


def _one_form(text: Traced) -> Traced:
    """Do as Unicode's normal form does, which joins marks and what they stand on."""
    if unicodedata.is_normalized("NFC", text.text):
        return text
    joined = Traced()
    for part, may_join in _parts(_joined(), text.text):
        source = "".join(text.characters[part])
        normal = characters.normal(source) if may_join else unicodedata.normalize("NFC", source)
        if normal == source:
            joined.copy(text, part)
        elif may_join:
            joined.replace(text, part, normal)
        else:
            for place in range(part.start, part.stop):
                alone = unicodedata.normalize("NFC", text.characters[place])
                joined.replace(text, slice(place, place + 1), alone)
    return joined


def _single_spaces(text: Traced) -> Traced:
    """Leave one space of several, and none at the ends."""
    words = Traced()
    for part, are_spaces in _parts(_SPACES, characters.without_controls(text.text)):
        if not are_spaces:
            words.copy(text, part)
        elif words.characters and part.stop < len(text.characters):
            words.replace(text, part, " ")
    return words


def _parts(pattern: re.Pattern[str], text: str) -> Iterator[tuple[slice, bool]]:
    """Give the parts of a text in order, and of each whether it is one that the pattern finds."""
    end = 0
    for found in pattern.finditer(text):
        yield slice(end, found.start()), False
        yield slice(*found.span()), True
        end = found.end()
    yield slice(end, len(text)), False
