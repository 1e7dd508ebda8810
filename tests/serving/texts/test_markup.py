"""What a browser shows of HTML, and what a reader sees of a text that is none."""

import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
import turbohtml
from hypothesis import given
from hypothesis import strategies as st

from serving.texts import markup
from serving.texts.markup import shown


def words(text: str) -> str:
    return " ".join(shown(text).split())


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        # Marks of text within a word, and what stands apart.
        ("un<b>believ</b>able", "unbelievable"),
        ("un<em>funny</em>, <B CLASS=x>t</B>errible", "unfunny, terrible"),
        ("un<span style='color:red'>believ</span><wbr>able", "unbelievable"),
        ('pain<a href="/x" title="5 > 4">ful</a>ly', "painfully"),
        ('pain<a href="/x">fully', "painfully"),
        ("aw<!-- hidden > words -->ful", "awful"),
        ("a <custom-mark>ma</custom-mark>ster<o:p></o:p>piece<br>", "a masterpiece"),
        ("ma<o:p></o:p>ster<st1:City w:st='on'>pie</st1:City>ce", "masterpiece"),
        ("<math><mi>x</mi></math>", "x"),
        ("Good.<br /><br/>Really<BR>good.", "Good. Really good."),
        ("<p>Good</p><p>film</p>", "Good film"),
        ("<div>Good<div>film", "Good film"),
        ("<ul><li>Good<li>film</ul>end", "Good film end"),
        ("<table><tr><td>Good</td><td>film</td></tr></table>", "Good film"),
        ("<select><option>Good<option>Bad</select>", "Good Bad"),
        ("<h1>Good</h1>film<hr>end", "Good film end"),
        ("Good<img src=x alt='not seen'>film", "Good film"),
        ("a good film</p>worth seeing", "a good film worth seeing"),
        # Not shown.
        ("<script>let x = '<p>' < 2;</script>Good", "Good"),
        ("<STYLE>p { color: red }</STYLE>Good", "Good"),
        ("<html><head><title>Shop</title></head><body>Good", "Good"),
        ("<template><p>no</p><template>no</template>no</template>Good", "Good"),
        ("<noscript>Turn it on</noscript>Good", "Good"),
        ("<video controls>Your browser cannot.</video>Good", "Good"),
        ("<!DOCTYPE html><p>Good", "Good"),
        ("<!doctype html>Good", "Good"),
        ("<![CDATA[no]]>Good", "Good"),
        ("<![if !supportLists]>1. <![endif]>Good", "1. Good"),
        ("<?xml version='1.0'?>Good", "Good"),
        ("<?php echo 5 ?>Good", "Good"),
        ("<p hidden>no</p><p>Good", "Good"),
        ("<p hidden>no<p>Good", "Good"),
        ("<p hidden>no<div>Good</div>film", "Good film"),
        ("<p hidden>no<span>no</span><img><br>no<ul><li>Good</ul>", "Good"),
        ("<ul><li hidden>no<li>Good</ul>", "Good"),
        ("<dl><dt hidden>no<dt>Good<dd hidden>no<dd>film</dl>", "Good film"),
        ("<table><tr><th hidden>no<th>Good<tr hidden><td>no<tr><td>film</table>", "Good film"),
        ("<table><tr><td hidden>no<td>Good</table>", "Good"),
        ("<select><option hidden>no<option>Good</select>", "Good"),
        ("<select><optgroup hidden><option>no<optgroup><option>Good</select>", "Good"),
        ("<div hidden>no<div>no</div>no</div>Good", "Good"),
        ('<span style="font-size: 0; Display : None">no</span><b>Good</b>', "Good"),
        ("<p style='VISIBILITY:hidden'>no</p><i style=mso-hide:all>no</i>Good", "Good"),
        ("<input hidden><br hidden>Good", "Good"),
        ("<script></script><div>Good", "Good"),
        ("Good<!-- never closed", "Good"),
        ("<p>Good<script>never closed", "Good"),
        # Shown as it stands.
        ("<textarea>a <b>bold</b> word</textarea>", "a <b>bold</b> word"),
        ("<p>Tom &amp; Jerry &lt;3</p>", "Tom & Jerry <3"),
        ("<p>&lt;great&gt;</p>", "<great>"),
        ("<p>I <3 it, 5 < 6 > 4</p>", "I <3 it, 5 < 6 > 4"),
        ("x<y, I loved it.<br>Really", "x<y, I loved it. Really"),
        ("Really good.<br>And x<y", "Really good. And x<y"),
        ("Really good.<br><b", "Really good. <b"),
        ('Good.<br><a title="x <b> y">Really</a>', "Good. Really"),
    ],
)
def test_of_html_is_seen_what_a_browser_shows(text: str, seen: str) -> None:
    assert words(text) == seen


@pytest.mark.parametrize(
    "text",
    [
        "I <3 this",
        "5 < 6 > 4",
        "a<b and b>c",
        "if p <q or r> s",
        "x<y",
        "x <b",
        "x <br",
        "a <small-town film",
        "<em-dash>",
        "<rant>this film is bad</rant>",
        "Dear <name>, a film.<terrible, boring, the worst waste of time>",
        "see <https://example.com/a>, <mailto:ann@example.com> and <ann@example.com>",
        "List<String>",
        "<<<",
        "->",
        "<-",
        ">:( and <_<",
        "</3",
        "<!",
        "<?",
        "AT&T and R&B",
        "fish & chips; Q&A",
    ],
)
def test_of_plain_text_nothing_is_lost(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Q&amp;A", "Q&A"),
        ("A film.&lt;terrible, boring&gt;", "A film.<terrible, boring>"),
        ("&lt;b&gt;bold&lt;/b&gt;", "<b>bold</b>"),
        ("&amp;lt;b&amp;gt;", "&lt;b&gt;"),
        ("caf&eacute; &#233;&#xE9; &copy &notit;", "café éé © ¬it;"),
        ("don&#146;t &#x80;", "don’t €"),
        ("&#0;&#xD800;&#x110000;", "\ufffd\ufffd\ufffd"),
        ("&#; &#x; &; &", "&#; &#x; &; &"),
        ("good &#" + "9" * 4_301 + "; film", "good \ufffd film"),
        ("good &#" + "9" * 15_000, "good \ufffd"),
        ("good &#x" + "f" * 15_000 + ";", "good \ufffd"),
        ("good <b>&#" + "9" * 4_301 + ";</b> film", "good \ufffd film"),
        ("&#" + "0" * 5_000 + "65;", "A"),
    ],
)
def test_entities_are_decoded_once(text: str, seen: str) -> None:
    assert shown(text) == seen


TAGS = ("<b>", "</b>", "<p>", "<p hidden>", "</p>", "<div>", "</div>", "<script>", "</script>")
PIECES = (*TAGS, "<!--", "-->", "<x", "<br>", "&lt;", "&#", "9", "word", " ", "<", ">", "=", '"')


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_whatever_is_sent_has_an_answer(text: str) -> None:
    assert len(shown(text)) <= len(text)


HOSTILE = {
    "deep": lambda size: "<b>" * size,
    "formatting that is opened again": lambda size: (
        ("".join(f"<b {n}>" for n in range(size)) + "".join(f"<i {n}>" for n in range(size)))
        + "x</b>" * size
    ),
    "tables": lambda size: "<table><a>x" * size,
    "hidden": lambda size: "<template>" * size,
    "attributes": lambda size: "<p " + " ".join(f"a{n}=1" for n in range(size)) + ">",
    "tags that never end": lambda size: "<br>" + "<a " * size,
    "comments that never end": lambda size: "<!--" * size,
    "angle brackets": lambda size: "<br>" + "<" * size,
    "unknown tags": lambda size: "<zz>" * size,
    "entities": lambda size: "<br>" + "&CounterClockwiseContourIntegra" * size,
    "scripts that never end": lambda size: "<script>" + "</scrip" * size,
}


def work(text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int, int]:
    """Count what `shown` does: lines run, characters given to the tokeniser, tokens taken."""
    num_lines = num_characters = num_tokens = 0

    def count_lines(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal num_lines
        num_lines += event == "line" and frame.f_code.co_filename == markup.__file__
        return count_lines

    def count_tokens(html: str) -> Iterator[turbohtml.Token]:
        nonlocal num_characters, num_tokens
        num_characters += len(html)
        for token in turbohtml.tokenize(html):
            num_tokens += 1
            yield token

    before = sys.gettrace()
    with monkeypatch.context() as patch:
        patch.setattr(markup, "tokenize", count_tokens)
        sys.settrace(count_lines)
        try:
            shown(text)
        finally:
            sys.settrace(before)
    return num_lines, num_characters, num_tokens


@pytest.mark.parametrize("shape", HOSTILE.values(), ids=HOSTILE)
def test_twice_the_text_is_twice_the_work(
    shape: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    once, twice = (work(shape(size), monkeypatch) for size in (500, 1_000))

    assert once > (0, 0, 0)
    # Numbers have one digit more in the larger text.
    assert all(large <= 2.1 * small + 10 for small, large in zip(once, twice, strict=True))
