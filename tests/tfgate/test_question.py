"""What `tfgate predict` sends for what it is given, in every way in which it can be given."""

import io
import json
import sys
from pathlib import Path

import pytest

from serving.models import MODELS
from tests.drawings import drawing, file_of
from tfgate.ask import Gateway
from tfgate.question import Question, WrongQuestion, read_question
from tfgate.takes import takes

PICTURE = file_of(drawing(1))
# Of what is typed here, no gateway is asked.
NOBODY = Gateway("http://127.0.0.1:9")
TAKES = {name: takes(NOBODY, name, {}) for name in MODELS}
HOUSE = MODELS["housing"].example.model_dump_json().encode()


class Input(io.TextIOWrapper):
    """A standard input with something in it, or a terminal that nobody types into."""

    def __init__(self, content: bytes, *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(content))
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def piped(content: bytes, monkeypatch: pytest.MonkeyPatch, *, terminal: bool = False) -> None:
    monkeypatch.setattr(sys, "stdin", Input(content, terminal=terminal))


def text_of(question: Question) -> str:
    assert question.media_type == "application/json"
    document = json.loads(question.content)
    assert document.keys() == {"text"}
    return str(document["text"])


@pytest.mark.parametrize("given", [None, "-"])
def test_what_is_piped_in_is_asked_byte_by_byte(
    given: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(PICTURE, monkeypatch)
    assert read_question(TAKES["image"], given) == Question(PICTURE, "image/*")

    piped("\ufeffSchön, but too long.\n".encode(), monkeypatch)
    assert text_of(read_question(TAKES["sentiment"], given)) == "Schön, but too long.\n"

    piped(HOUSE, monkeypatch)
    assert read_question(TAKES["housing"], given) == Question(HOUSE)

    piped(b' {"image": "..."}', monkeypatch)
    assert read_question(TAKES["image"], given).media_type == "application/json"


def test_what_is_given_goes_before_what_is_piped_in(monkeypatch: pytest.MonkeyPatch) -> None:
    piped(b"Awful.", monkeypatch)

    assert text_of(read_question(TAKES["sentiment"], "Lovely.")) == "Lovely."


@pytest.mark.parametrize("name", MODELS)
def test_in_a_terminal_the_models_example_is_asked(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example = Question(MODELS[name].example.model_dump_json().encode())
    piped(b"", monkeypatch, terminal=True)
    assert read_question(TAKES[name], None) == example
    assert capsys.readouterr().err == ""

    monkeypatch.setattr(sys, "stdin", None)
    assert read_question(TAKES[name], None) == example


def test_an_empty_pipe_is_told_of_lest_the_example_be_taken_for_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    piped(b"", monkeypatch)

    assert read_question(TAKES["housing"], None).content == HOUSE
    assert "nothing was piped in" in capsys.readouterr().err


def test_a_file_is_asked_for_what_it_holds(tmp_path: Path) -> None:
    review = tmp_path / "review.txt"
    review.write_text("Dull.")
    house = tmp_path / "house.json"
    house.write_bytes(HOUSE)
    picture = tmp_path / "without an ending"
    picture.write_bytes(PICTURE)

    assert text_of(read_question(TAKES["sentiment"], str(review))) == "Dull."
    assert read_question(TAKES["housing"], str(house)) == Question(HOUSE)
    assert read_question(TAKES["image"], str(picture)) == Question(PICTURE, "image/*")


@pytest.mark.parametrize("text", ["-5 of 10", "review.txt", "x" * 100_000, "a\nb", "/"])
def test_what_is_no_file_is_a_text(text: str) -> None:
    assert text_of(read_question(TAKES["sentiment"], text)) == text


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        ("image", "nowhere.png", "cannot read nowhere.png: No such file"),
        ("image", "/", "cannot read /: Is a directory"),
        ("housing", "a nice house", 'such as \'{"longitude"'),
        ("sentiment", "caf\udce9", "no text in UTF-8"),
    ],
)
def test_what_cannot_be_asked_is_told(model: str, given: str, message: str) -> None:
    with pytest.raises(WrongQuestion, match=message):
        read_question(TAKES[model], given)


def test_text_in_another_encoding_is_told_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    review = tmp_path / "review.txt"
    review.write_bytes("Schön".encode("latin-1"))
    with pytest.raises(WrongQuestion, match=r"review.txt .* byte 3 is 0xf6.*iconv"):
        read_question(TAKES["sentiment"], str(review))

    piped(PICTURE, monkeypatch)
    with pytest.raises(WrongQuestion, match="standard input is no text in UTF-8"):
        read_question(TAKES["sentiment"], "-")
