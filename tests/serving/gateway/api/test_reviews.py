"""Reviews as they are pasted: those that read the same get the same answer."""

import html
import math
import unicodedata

import httpx
import pytest

from tests.fake_model_server import FakeModelServer

# What Word, Outlook, Google Docs, a web shop, a forum and an online editor put on the clipboard.
WORD = """<html xmlns:o="urn:schemas-microsoft-com:office:office"><head>
<meta name=Generator content="Microsoft Word 15"><!--[if gte mso 9]><xml><w:View>Normal</w:View>
</xml><![endif]--><style><!-- p.Mso {{margin:0}} --></style></head>
<body lang=EN-GB style='tab-interval:36.0pt'><!--StartFragment--><p class=MsoNormal><span
lang=EN-GB style='mso-ansi-language:EN-GB'>{}<o:p></o:p></span></p><![if !supportLineBreakNewLine]>
<![endif]><!--EndFragment--></body></html>"""
OUTLOOK = """<div class="WordSection1"><p class="MsoPlainText">{}<o:p>&nbsp;</o:p></p></div>
<!--[if mso]><table><tr><td>Outlook only</td></tr></table><![endif]-->"""
GOOGLE_DOCS = """<meta charset='utf-8'><b style="font-weight:normal;" id="docs-guid-4f1c"><p
dir="ltr" style="line-height:1.38;"><span style="white-space:pre-wrap;">{}</span></p></b><br
class="Apple-interchange-newline">"""
SHOP = """<div data-hook="review"><script>P.when('A').execute(function(A){{ if (A<1) A('bad'); }});
</script><i class="icon"></i><noscript>Turn on JavaScript, worst browser</noscript><span
data-hook="body" title="5.0 > 4.0"><span>{}</span></span><span hidden>boring</span></div>"""
FORUM = '<blockquote class="quote" style=\'quotes: ">" "<"\'>{}</blockquote><wbr>'
EDITOR = '<p>\ufeff<strong>{}</strong>\u200b<br data-mce-bogus="1"></p>'

SOURCES = {
    "Word": WORD,
    "Outlook": OUTLOOK,
    "Google Docs": GOOGLE_DOCS,
    "a shop": SHOP,
    "a forum": FORUM,
    "an editor": EDITOR,
}
REVIEWS = {
    "English": "A warm, funny film that isn't boring.",
    "French": "Un film délicieux, drôle et naïf; l'été à Besançon, c'est ça.",
    "German": "Größter Blödsinn, aber schön: süß & böse!",
    "Spanish": "¡Qué película! ¿Aburrida? Ni un minuto, señor.",
    "Polish": "Szkoda słów, żadnej fabuły, ale świetne zdjęcia.",
    "Vietnamese": "Một bộ phim tuyệt vời, diễn xuất rất tự nhiên.",
    "Greek": "Μια υπέροχη ταινία, γεμάτη γέλιο.",
    "Russian": "Чудесный фильм, ёжик и йод — всё смешно.",
    "Arabic": "فيلم رائع وممتع جداً",
    "Hindi": "बहुत अच्छी फ़िल्म है।",
    "Japanese": "とても面白い映画でした。ガラスが好き。",
    "Korean": "정말 재미있는 영화였어요 ㅋㅋㅋ",
}


def ask(http: httpx.Client, *texts: str) -> httpx.Response:
    instances = [{"text": text} for text in texts]
    return http.post("/predict/sentiment/batch", json={"instances": instances})


@pytest.mark.parametrize("review", REVIEWS.values(), ids=REVIEWS)
def test_a_pasted_review_is_read_as_if_it_were_typed(
    review: str, http: httpx.Client, server: FakeModelServer
) -> None:
    escaped = html.escape(review)
    pasted = [source.format(escaped) for source in SOURCES.values()]

    assert ask(http, review, unicodedata.normalize("NFD", review), *pasted).status_code == 200

    [call] = server.calls
    typed, *others = [text.decode() for text in call.column("text")]
    assert typed == unicodedata.normalize("NFC", review)
    assert others == [typed] * (1 + len(SOURCES))


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        (
            "It doesn\u2019t work and I won\u2019t watch it.",
            "It doesn't work and I won't watch it.",
        ),
        ("What a <b>w</b>aste, <em>un</em>funny.", "What a waste, unfunny."),
        ("What a w\xadaste, un\u200bfunny.", "What a waste, unfunny."),
        ("A film.&lt;terrible, a waste of time&gt;", "A film.<terrible, a waste of time>"),
        ('Good <a title="5 > 4">film</a>.', "Good film."),
        ("Good &#" + "9" * 4_301 + "; film.", "Good \ufffd film."),
    ],
)
def test_texts_that_read_the_same_get_the_same_answer(
    text: str, reads: str, http: httpx.Client
) -> None:
    answer = ask(http, text, reads)

    assert answer.status_code == 200, answer.text
    first, second = answer.json()["predictions"]
    assert first == second


@pytest.mark.parametrize(
    "text",
    ["\u200b\u2060\ufeff", "&shy;&zwnj;", "\u3164\u2800", "<style>p {}</style>", "<!-- good -->"],
)
def test_the_one_text_of_a_batch_that_shows_nothing_is_named(
    text: str, http: httpx.Client, server: FakeModelServer
) -> None:
    answer = ask(http, "Good.", text, "Bad.")

    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["field"] == "instances.1.text"
    assert "no visible character" in error["message"]
    assert server.calls == []


def test_each_word_is_found_in_the_text_as_it_was_sent(http: httpx.Client) -> None:
    sent = "<p>A  \r\nwa<b>rm</b>, caf&eacute; \U0001f600 film;&nbsp;isn&#146;t bad</p>"
    answer = http.post("/predict/sentiment?explain=true", json={"text": sent}).json()
    explanation, answered = answer["prediction"]["explanation"], answer["prediction"]
    found = [sent[word["start"] : word["end"]] for word in explanation["words"]]
    assert found == ["A", "wa<b>rm</b>,", "caf&eacute;", "\U0001f600", "film;", "isn&#146;t", "bad"]
    assert [word["text"] for word in explanation["words"]][-2:] == ["isn't", "bad"]
    chances = answered["probabilities"]
    added = explanation["base"] + sum(word["contribution"] for word in explanation["words"])
    assert explanation["label"] == "positive"
    assert added == pytest.approx(math.log(chances["positive"] / chances["negative"]), abs=1e-3)


def test_what_is_no_review_and_what_may_be_either_is_told(http: httpx.Client) -> None:
    first, second = ask(http, "A warm film.", "Größter Blödsinn.").json()["predictions"]
    assert first["familiarity"] == {"score": 0.5, "threshold": 0.05, "message": None}
    assert second["familiarity"]["message"]
    assert [each["coverage"] for each in first["class_sets"]] == [0.9, 0.95]
    assert first["class_sets"][0]["labels"][0] == first["label"]
