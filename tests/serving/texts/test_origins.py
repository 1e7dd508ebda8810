"""Each character of a cleaned text is traced to where it stands in the text that was sent."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from serving.models.sentiment import clean
from serving.texts.origins import trace


def origins(text: str) -> list[tuple[str, str]]:
    """Give each character of the cleaned text but spaces, with what was sent for it."""
    found = trace(text)
    rows = zip(found.characters, found.starts, found.ends, strict=True)
    return [(character, text[start:end]) for character, start, end in rows if character != " "]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a  b", [("a", "a"), ("b", "b")]),
        ("é\u0301", [("é", "é"), ("\u0301", "\u0301")]),
        ("e\u0301x", [("é", "e\u0301"), ("x", "x")]),
        ("\u1112\u1161\u11ab", [("한", "\u1112\u1161\u11ab")]),
        ("ﬁn", [("f", "ﬁ"), ("i", "ﬁ"), ("n", "n")]),
        ("x&amp;y", [("x", "x"), ("&", "&amp;"), ("y", "y")]),
        ("&notit;", [("¬", "&not"), ("i", "i"), ("t", "t"), (";", ";")]),
        ("a\xadb’", [("a", "a"), ("b", "b"), ("'", "’")]),
        ("<b>a</b>&lt;c", [("a", "a"), ("<", "&lt;"), ("c", "c")]),
        ("a<br>b<x", [("a", "a"), ("b", "b"), ("<", "<"), ("x", "x")]),
        ("<p>\r\n\r\n😀a\rb", [("😀", "😀"), ("a", "a"), ("b", "b")]),
        ("<script>good</script>good", [(each, each) for each in "good"]),
    ],
)
def test_a_character_comes_from_what_was_sent_for_it(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert origins(text) == expected


def test_what_is_not_shown_is_passed_over() -> None:
    assert trace("<script>good</script>good").starts == [21, 22, 23, 24]


TAGS = (
    "<b>",
    "</b>",
    "<p>",
    "<p hidden>",
    "</p>",
    "<br/>",
    "<textarea>",
    "<script>",
    "</script>",
    "<!--",
    "-->",
)
ENTITIES = ("&amp;", "&lt;", "&notit;", "&#146;", "&#0;", "&#x110000;", "&eacute", "&", "&#", ";")
CHARACTERS = (
    "ae \u0301\u0323\u200d\xad’`ﬁ…ｗ½\x91\x00\u1ec7\u1112\u1161\u11ab\r\n\t<>=\"'😀İ\u0f73\u0f71"
)
pieces = st.sampled_from((*TAGS, *ENTITIES, *CHARACTERS, "word", "<x", "9"))
texts = st.one_of(st.lists(pieces).map("".join), st.text())


@given(texts)
@example("<p>a\u0301" + "\u0301" * 40 + "\u0323b")
@example("\u0f73" * 40)
@example("\ud55c\u11ab&#4520;")
@example("<b>&#4352;</b>&#4449;")
def test_it_is_cleaned_as_everywhere_and_every_place_is_in_the_text(text: str) -> None:
    found = trace(text)

    assert found.text == clean(text)
    places = list(zip(found.starts, found.ends, strict=True))
    assert len(places) == len(found.text)
    assert all(
        0 <= start <= end <= len(text)
        for (start, end), character in zip(places, found.text, strict=True)
    )
    visible = [place for place, each in zip(places, found.text, strict=True) if each != " "]
    assert all(start < end for start, end in visible)


@given(texts)
@example("--><p>\u0f73")
def test_words_come_from_places_in_their_order_and_mean_the_same_alone(text: str) -> None:
    found = trace(text)
    end = 0
    for word, first, last in words(found.text):
        start, stop = found.starts[first], found.ends[last - 1]
        assert end <= start
        end = stop
        # Alone, what stands in HTML may be none.
        assert clean(text[start:stop]) == word or "<" in text


def words(text: str) -> list[tuple[str, int, int]]:
    found, place = [], 0
    for word in text.split():
        place = text.index(word, place)
        found.append((word, place, place + len(word)))
        place += len(word)
    return found
