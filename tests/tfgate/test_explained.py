"""`tfgate predict --explain`: an answer, and in words and bars what it comes from."""

import io
import json
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from serving.models import MODELS
from serving.models.housing import explain as explain_houses
from serving.models.image import explain as explain_pictures
from tests.example_bodies import HOUSE
from tests.fake_models import explain_house, explain_image
from tfgate.cli import app
from tfgate.explained import show
from tfgate.question import Question

TEXT = "A warm film.\nNo waste\x1b[31m of time!"
HOUSING = Question(json.dumps(HOUSE).encode())


def shown(why: Any, question: Question = HOUSING, width: int = 80) -> str:
    """Return what a terminal without colours has of an answer: its explanation alone."""
    output = io.StringIO()
    console = Console(file=output, width=width)
    document = {"model": "any", "prediction": {"answer": 1, "explanation": why}}
    show(console, document, question)
    return output.getvalue()


def row(told: str, name: str) -> str:
    [line] = [line for line in told.splitlines() if line.startswith(name)]
    return line


def words(**contributions: float) -> dict[str, Any]:
    found = []
    for word, contribution in contributions.items():
        start = TEXT.index(word)
        found.append({"start": start, "end": start + len(word), "contribution": contribution})
    return {"base": 0.25, "words": found}


def test_a_price_is_a_waterfall_of_dollars() -> None:
    model = MODELS["housing"]
    inputs = model.preprocess([model.example])
    [why] = explain_houses([model.example], inputs, explain_house(inputs))
    told = shown(why)

    answer, _, drawn = told.partition("what the price comes from")
    assert json.loads(answer) == {"model": "any", "prediction": {"answer": 1}}
    assert "1,000" in row(drawn, "what it is compared with costs")
    price = float(model.postprocess(inputs, explain_house(inputs), None)[0]["price_usd"])
    assert f"{price:,.0f}" in row(drawn, "price")
    income = row(drawn, f"median income ({HOUSE['median_income']:g})")
    assert f"+{40_000 * HOUSE['median_income']:,.0f}" in income
    assert "█" in income
    [neighbour] = [line for line in drawn.splitlines() if "100%" in line]
    assert neighbour.split() == ["1,", "1", "1.0", "1", "100%"]
    assert all(len(line) <= 80 for line in told.splitlines())


def test_what_takes_from_a_price_is_drawn_from_where_the_last_step_ended() -> None:
    contributions = [
        {"feature": "a", "values": {"a": 1.0}, "usd": 100.0},
        {"feature": "b_c", "values": {"b_c": None}, "usd": -50.0},
    ]
    why = {"base_usd": 100.0, "contributions": contributions, "neighbours": [], "method": "m"}
    told = shown(why)

    bars = [row(told, name).rstrip().rpartition("  ")[2] for name in ("what it is", "a (1)", "b c")]
    assert [len(bar) for bar in bars] == [12, 12, 6]
    ends = [len(row(told, name).rstrip()) for name in ("what it is", "a (1)", "b c", "price")]
    assert ends[0] == ends[1] - 12
    assert ends[1] == ends[2]
    assert ends[3] == ends[0] + 6
    assert "-50" in row(told, "b c")
    assert "150" in row(told, "price")


def test_words_are_listed_the_strongest_first() -> None:
    question = Question(json.dumps({"text": TEXT}).encode())
    told = shown(words(warm=1.5, waste=-2.0, film=0.5), question)

    drawn = told.partition("}\n}\n")[2]
    assert drawn.lstrip().startswith("A warm film.\nNo waste [31m of time!")
    listed = [line.split()[:2] for line in drawn.splitlines() if line.startswith(("wa", "film"))]
    assert listed == [["waste", "-2"], ["warm", "+1.5"], ["film", "+0.5000"]]
    assert "0.2500" in row(drawn, "with nothing there")
    assert "0.2500" in row(drawn, "with all that is there")
    left, right = row(drawn, "waste"), row(drawn, "warm")
    assert left.index("█") < right.rindex("█") - 12


def test_nothing_of_a_text_is_obeyed() -> None:
    question = Question(json.dumps({"text": "\x1b[2J [bold]x[/bold]"}).encode())
    why = {"base": 0.0, "words": [{"start": 5, "end": 18, "contribution": 1.0}]}
    told = shown(why, question)

    assert "\x1b" not in told
    assert "[bold]x[/bold" in row(told, "[bold]")


def test_words_of_what_is_no_text_alone_are_told_by_their_places() -> None:
    question = Question(b'{"title": "A", "text": "warm"}')
    assert "characters 2 to 6" in shown(words(warm=1.0), question)


def test_of_a_long_text_the_words_alone_are_shown() -> None:
    text = TEXT + " and more" * 300
    told = shown(words(warm=1.0), Question(json.dumps({"text": text}).encode()))
    assert "and more" not in told
    assert row(told, "warm")


def test_of_a_picture_the_strongest_parts_are_told_by_their_pixels() -> None:
    model = MODELS["image"]
    inputs = model.preprocess([model.example])
    [why] = explain_pictures([model.example], inputs, explain_image(inputs))
    why["crop"] = {"left": 10, "top": 20, "side": 320, "width": 340, "height": 360}
    why["maps"][0]["values"][5][7] = -3.0
    told = shown(why, Question(b"\x89PNG", "image/*"))

    first, second = told.partition("pixels, for ")[2].split("pixels, for ")
    assert first.startswith(why["maps"][0]["label"])
    assert second.startswith(why["maps"][1]["label"])
    strongest = first.splitlines()[2]
    assert strongest.startswith("x 80 to 90, y 70 to 80")
    assert "-3" in strongest
    assert sum(line.startswith("x ") for line in first.splitlines()) == 10
    assert "data:image" not in told
    assert why["method"][:40] in told


@pytest.mark.parametrize(
    "why", [{"words": ["a"], "base": 1}, {"maps": None}, {"contributions": []}, [1, 2], None]
)
def test_what_is_of_no_known_kind_stays_json(why: Any) -> None:
    assert json.loads(shown(why))["prediction"]["explanation"] == why


def test_a_running_gateway_is_asked_why(gateway: str) -> None:
    asked = ["predict", "housing", "--explain", f"--url={gateway}"]
    finished = CliRunner().invoke(app, asked, env={"COLUMNS": "80"})
    assert finished.exit_code == 0, finished.stderr
    assert "█" in finished.stdout
    assert "what the price comes from" in finished.stdout
