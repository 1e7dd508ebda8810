"""One plain form of characters: what looks the same is the same, and what shows nothing is gone."""

import unicodedata
from itertools import groupby
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.texts import characters
from serving.texts.characters import plain


@pytest.mark.parametrize("apostrophe", "'’‘‛ʼ´`′＇｀ꞌʹˈ՚׳ߴ❛❜\x91\x92\u1fef\u1ffd")
def test_an_apostrophe_is_one_whoever_writes_it(apostrophe: str) -> None:
    assert plain(f"It doesn{apostrophe}t work") == "It doesn't work"


INVISIBLE = {
    "soft hyphen": "\xad",
    "combining grapheme joiner": "\u034f",
    "Arabic letter mark": "\u061c",
    "Hangul fillers": "\u115f\u1160\u3164\uffa0",
    "Khmer inherent vowels": "\u17b4\u17b5",
    "Mongolian selectors and separator": "\u180b\u180c\u180d\u180e\u180f",
    "zero-width space": "\u200b",
    "joiners": "\u200c\u200d",
    "marks of direction": "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    "word joiner": "\u2060",
    "invisible operators": "\u2061\u2062\u2063\u2064",
    "deprecated formats": "\u206a\u206b\u206c\u206d\u206e\u206f",
    "variation selectors": "\ufe00\ufe0f\U000e0100\U000e01ef",
    "byte order mark": "\ufeff",
    "annotations": "\ufff9\ufffa\ufffb",
    "shorthand formats": "\U0001bca0\U0001bca3",
    "musical formats": "\U0001d173\U0001d17a",
    "tags": "\U000e0001\U000e0020\U000e0041\U000e007f",
    "joiners of hieroglyphs": "\U00013430\U0001343f",
    "no characters": "\ufdd0\ufdef\ufffe\uffff\U0001fffe\U0010ffff",
}


@pytest.mark.parametrize("invisible", INVISIBLE.values(), ids=INVISIBLE)
def test_what_shows_nothing_splits_no_word_and_is_no_text(invisible: str) -> None:
    assert plain(f"a{invisible}wful") == "awful"
    assert plain(f"un{invisible.join('funny')}") == "unfunny"
    assert plain(invisible) == ""


@pytest.mark.parametrize("blank", [" ", "\t\n", "\xa0", "\u2003", "\u3000", "\u2028", "\x85"])
@pytest.mark.parametrize("other", ["", "\x00", "\x1b", "\u2800", "\ufffc", "\U0001d159"])
def test_what_is_blank_separates_and_is_no_text(blank: str, other: str) -> None:
    assert plain(f"good{other}{blank}film") == "good film"
    assert plain(other + blank) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cafe\u0301", "café"),
        ("cafe\u200d\u0301", "café"),
        ("\u1112\u1161\u11ab", "한"),
        # Styled letters are letters.
        ("a ﬁne, diﬃcult ﬂight", "a fine, difficult flight"),
        ("ｔｅｒｒｉｂｌｅ！", "terrible!"),
        ("𝗴𝗿𝗲𝗮𝘁 𝒻𝒾𝓁𝓂 ⓦⓞⓦ 🅠", "great film wow 🅠"),
        ("Rocky Ⅱ, ſtrange", "Rocky II, strange"),
        ("wait… what⁉ No‼", "wait... what!? No!!"),
        # What NFKC would run into what stands beside it, or take apart, stays.
        ("4½ of 5, 4² = 16, film™", "4½ of 5, 4² = 16, film™"),
        ("ㅋㅋㅋ ㅠㅠ", "ㅋㅋㅋ ㅠㅠ"),
        ("“good” — «très bon» – „gut“", "“good” — «très bon» – „gut“"),
        # Emoji keep what is seen of them.
        ("loved it ❤\ufe0f 😀", "loved it ❤ 😀"),
        ("می\u200cخواهم", "میخواهم"),
        ("a" + "\u0323" * 10_000, "\u1ea1" + "\u0323" * 29),
    ],
)
def test_what_looks_the_same_is_the_same(text: str, expected: str) -> None:
    assert plain(text) == expected


odd = st.text(st.sampled_from("ae \u0301\u0323\u200d\xad’´｀\u1fefﬁ…ｗ\u1100\u1161½\x91\x00\u1ec7"))


@given(st.one_of(st.text(), odd))
def test_a_plain_text_has_single_spaces_and_one_form(text: str) -> None:
    once = plain(text)

    assert plain(once) == once
    assert once == " ".join(once.split())
    assert unicodedata.is_normalized("NFC", once)
    assert not any(unicodedata.category(character) == "Cc" for character in once)
    once.encode()


class Unicode:
    """Counts the steps of normalisation, which sorts a run of marks at the square of its length."""

    is_normalized = staticmethod(unicodedata.is_normalized)

    def __init__(self) -> None:
        self.num_steps = 0

    def normalize(self, form: Literal["NFC"], text: str) -> str:
        apart = unicodedata.normalize("NFD", text)
        for is_mark, run in groupby(apart, key=lambda each: unicodedata.combining(each) > 0):
            length = len(list(run))
            self.num_steps += length**2 if is_mark else length
        return unicodedata.normalize(form, text)


@pytest.mark.parametrize(
    "text",
    [
        "a" + "\u0301\u0323" * 5_000,
        "a" + "\u0301" * 5_000 + "\u0323" * 5_000,
        "a" + "\u200d\u0301\u0323" * 3_000,
        "\u1ec7\u0301\u0323" * 3_000,
        "\u0f71\u0f72\u0f74" * 3_000,
    ],
)
def test_sorting_marks_takes_time_by_the_length(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unicode = Unicode()
    monkeypatch.setattr(characters, "unicodedata", unicode)
    plain(text)

    assert 0 < unicode.num_steps <= 40 * len(text)
