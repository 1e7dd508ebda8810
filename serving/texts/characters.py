"""One plain form of a text's characters; knows nothing of markup or of models."""

import re
import unicodedata
from collections.abc import Iterator

# What phones, word processors and keyboards of other languages write for an apostrophe: quotes of
# several shapes, accents, primes, letters; \x91 and \x92 are Windows' quotes, read as Latin-1.
_APOSTROPHES = "‘’‛＇´｀′‵ʹʻʼˈˊˋꞌ՚׳ߴ❛❜\u1fef\u1ffd\x91\x92"  # noqa: RUF001 (lookalikes are the point)
# Shows nothing, and takes no place: soft hyphens, joiners, marks of direction, selectors, fillers.
# Source: Default_Ignorable_Code_Point in Unicode's DerivedCoreProperties.txt; then the frames of
# annotations, the joiners of hieroglyphs, and numbers that are no characters.
_INVISIBLE = (
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5)),
    *((0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164)),
    *((0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB)),
    *((0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
    *((0x13430, 0x1343F), (0xFDD0, 0xFDEF)),
    *((plane + 0xFFFE, plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000)),
)
# Shows nothing, but takes its place: an empty Braille cell, a picture that was not pasted, a note
# without a head.
_BLANK = "\u2800\ufffc\U0001d159"
# Where Unicode keeps letters, digits and marks that stand for plain ones: ligatures, full width,
# mathematical and enclosed letters, Roman numerals.
_STYLED = ((0xA0, 0x33FF), (0xF900, 0xFFEF), (0x1D400, 0x1D7FF), (0x1F100, 0x1F1FF))

# Normalisation sorts runs of combining marks, at a cost of the square of their length; no language
# has runs above 30. Source: Stream-Safe Text Format, Unicode Standard Annex 15, section 13.
# Some Tibetan vowels are no marks themselves, and come apart into several.
_MARKS = "".join(
    mark
    for mark in map(chr, range(0x300, 0x1E950))
    if unicodedata.combining(unicodedata.normalize("NFD", mark)[0])
)
_LONG_RUN = re.compile(f"([{_MARKS}]{{30}})[{_MARKS}]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def _plain_forms() -> Iterator[tuple[int, str]]:
    """Give the characters that stand for ASCII, and what for.

    Without superscripts and subscripts, which would run into what they stand beside: "4²", "film™".
    """
    for first, last in _STYLED:
        for code in range(first, last + 1):
            kind = unicodedata.decomposition(chr(code)).partition(" ")[0]
            plain = unicodedata.normalize("NFKC", chr(code))
            if kind not in ("<super>", "<sub>") and plain.isascii() and plain != " ":
                yield code, plain


_PLAIN: dict[int, str | None] = {
    **dict(_plain_forms()),
    **{ord(mark): "'" for mark in _APOSTROPHES},
    **{ord(blank): " " for blank in _BLANK},
    **{code: None for first, last in _INVISIBLE for code in range(first, last + 1)},
}


def plain(text: str) -> str:
    """Return the text in Unicode NFC, with single spaces.

    Apostrophes are straight, letters are not styled, and what shows nothing is left out.
    """
    text = translated(text)
    if not text.isascii():
        # Last, since marks that an invisible character kept apart have met.
        text = normal(text)
    return " ".join(without_controls(text).split())


def translated(text: str) -> str:
    """Give plain characters in the place of each that stands for some, or for none."""
    text = text.replace("`", "'")
    return text if text.isascii() else text.translate(_PLAIN)


def normal(text: str) -> str:
    """Give the text in Unicode NFC, of long runs of marks their beginning."""
    if unicodedata.is_normalized("NFC", text):
        return text
    return unicodedata.normalize("NFC", _LONG_RUN.sub(r"\1", text))


def without_controls(text: str) -> str:
    """Give a space in the place of each control character."""
    return text if text.isprintable() else _CONTROL.sub(" ", text)
