import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from serving.errors import InvalidInput
from serving.models.sentiment import (
    MAX_CHARACTERS,
    SentimentRequest,
    clean,
    postprocess,
    preprocess,
    preprocess_seconds,
)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Good.<br /><br />Really good.", "Good. Really good."),
        ("  spaces \t and\nlines\r\n", "spaces and lines"),
        ("Tom &amp; Jerry &lt;3", "Tom & Jerry <3"),
        ("5 < 6 > 4, I <3 it", "5 < 6 > 4, I <3 it"),
        ("before<!-- a > comment --> after", "before after"),
        ("before<!-- never closed", "before"),
        ("<!--" * 5_000, ""),
        ("a" + "\u0323" * 10_000, "\u1ea1" + "\u0323" * 29),
        ('<a href="x">link</a> text', "link text"),
        ("un<b>funny</b>, ter&shy;rible, didn&rsquo;t laugh", "unfunny, terrible, didn't laugh"),
        ("cafe\u0301", "caf\u00e9"),
        ("nul\x00nel\x85esc\x1b[0m", "nul nel esc [0m"),
        ("no\u00a0break\u2003em", "no break em"),
        ("\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), "😀"),
    ],
)
def test_clean_leaves_what_a_reader_sees(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text())
def test_clean_text_has_single_spaces_and_one_form(text: str) -> None:
    cleaned = clean(text)

    assert cleaned == " ".join(cleaned.split())
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not any(unicodedata.category(character) == "Cc" for character in cleaned)
    cleaned.encode()


@pytest.mark.parametrize(
    "text",
    [
        *(
            " ",
            "\n\t",
            "<br /><br />",
            "&nbsp;",
            "\x00\x01",
            "<!-- -->",
            "\u200b\u2060",
            "&shy;&zwj;",
        ),
        *("\ufeff", "\u2800", "\u3164", "<script>f()</script>", "<p hidden>no</p>"),
    ],
)
def test_a_text_with_nothing_left_is_an_error(text: str) -> None:
    with pytest.raises(InvalidInput, match="no visible character") as caught:
        preprocess([SentimentRequest(text=text)])

    assert caught.value.fields[0].field == "text"


@pytest.mark.parametrize("text", ["", "x" * (MAX_CHARACTERS + 1)])
def test_the_length_is_bounded(text: str) -> None:
    with pytest.raises(ValidationError):
        SentimentRequest(text=text)


def test_the_longest_text_passes() -> None:
    tensors = preprocess([SentimentRequest(text="x" * MAX_CHARACTERS)])

    assert tensors["text"].tolist() == [b"x" * MAX_CHARACTERS]


@pytest.mark.parametrize(
    "piece", ["<b>", "e\u0323\u0301", "\U0001d160", "<a b=c d=e>", "&amp;", "\0"]
)
def test_only_what_takes_long_is_said_to_take_long(piece: str) -> None:
    typed = SentimentRequest(text="It isn\u2019t a bad film.<br />" * 50)
    worst = SentimentRequest(text=(piece * MAX_CHARACTERS)[:MAX_CHARACTERS])

    # From a millisecond on, a thread is worth its cost.
    assert preprocess_seconds([typed]) < 0.001 < preprocess_seconds([worst])
    assert preprocess_seconds([typed, worst]) > preprocess_seconds([worst])


def test_the_label_is_the_class_with_the_highest_score() -> None:
    outputs = {
        "classes": np.array([[b"negative", b"positive"]] * 2, dtype=object),
        "scores": np.array([[0.25, 0.75], [0.5, 0.5]], np.float32),
    }

    first, second = postprocess({}, outputs, None)

    assert first["label"] == "positive"
    assert first["confidence"] == 0.75
    assert first["probabilities"] == {"negative": 0.25, "positive": 0.75}
    assert second["confidence"] == 0.5
