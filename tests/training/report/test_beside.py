"""What a report shows beside the answers, of cards that say all, some and none of it."""

import numpy as np
import pytest

from serving.card import (
    ClassSet,
    ExplanationQuality,
    FaithfulnessCurve,
    Familiarity,
    ModelCard,
    Strangers,
)
from serving.histograms import learn
from tests.fake_models import card
from training.report.beside import beside
from training.report.page import Section, render

CURVE = FaithfulnessCurve(
    name="score as words go", shares=[0, 0.5, 1], explained=[1, 0, 0], random=[1, 0.5, 0]
)
ALL = {
    "class_sets": [ClassSet(coverage=0.9, measured=0.912, mean_size=1.25)],
    "familiarity": Familiarity(
        method="distance",
        threshold=0.05,
        false_alarms=0.048,
        strangers=[
            Strangers(name="code", count=200, noticed=0.97, auroc=0.991, auroc_of_confidence=0.734),
            Strangers(name="poems", count=30, noticed=0.2, auroc=0.653),
        ],
    ),
    "explanation": ExplanationQuality(
        method="leaving out", completeness=0.0004, unit="logit", curves=[CURVE]
    ),
    "histograms": [
        learn("words", np.arange(200.0)),
        learn("label", np.array([b"good"] * 30 + [b"bad"] * 10 + [None] * 10, object)),
        learn("flag", np.array([0.0, 1.0, np.nan, 1.0])),
        learn("constant", np.zeros(9)),
        learn("missing", np.full(3, np.nan)),
    ],
}


def made(**changes: object) -> Section:
    section = beside(saying(**changes))
    assert section is not None
    return section


def saying(**changes: object) -> ModelCard:
    return card("sentiment", 1).model_copy(update=changes)


def test_all_that_the_card_says_is_shown() -> None:
    section = made(**ALL)
    page = render("A report", [section])
    assert [each.name for each in section.figures] == ["strangers", "faithfulness", "quantities"]
    sets, strangers = section.tables
    assert sets.rows == [["90%", "91.2%", "1.25"]]
    assert strangers.rows == [
        ["code", "200", "97.0%", "0.991", "0.734"],
        ["poems", "30", "20.0%", "0.653", ""],
    ]
    assert "as 4.8% of the test part are" in page
    assert "leaving out. They add up to the answer to within 0.0004 logit." in page


def test_who_cannot_see_the_figures_is_told_what_they_show() -> None:
    strangers, faithfulness, quantities = made(**ALL).figures
    assert "code 0.991, by the confidence 0.734; poems 0.653." in strangers.description
    # The means of the lines: of 1, 0, 0 and of 1, 0.5, 0.
    assert "on average 0.2500 as explained, 0.5000 at random" in faithfulness.description
    assert "words: from 20 to 180;" in quantities.description
    assert "label: mostly good (60%), 20.0% missing;" in quantities.description
    assert "flag: mostly from 1 (50%), 25.0% missing;" in quantities.description
    assert "constant: mostly any (100%);" in quantities.description
    assert "missing: mostly (missing) (100%)" in quantities.description


@pytest.mark.parametrize("name", ALL)
def test_each_part_is_shown_without_the_others(name: str) -> None:
    section = made(**{name: ALL[name]})
    assert len(section.figures) + len(section.tables) == (2 if name == "familiarity" else 1)


def test_a_version_that_answers_and_says_no_more_has_no_such_section() -> None:
    assert beside(saying()) is None


def test_familiarity_is_said_where_no_stranger_was_tried() -> None:
    told = Familiarity(method="distance", threshold=0.05, false_alarms=0.05)
    section = made(familiarity=told)
    assert section.paragraphs == [
        "How familiar an input is: distance. Below 0.05 it is called unfamiliar, as 5.0% of the "
        "test part are."
    ]
    assert not section.figures


def test_every_number_of_quantities_is_drawn() -> None:
    for count in (1, 4, 5):
        histograms = [learn(str(number), np.arange(50.0)) for number in range(count)]
        (figure,) = made(histograms=histograms).figures
        assert figure.png.startswith(b"\x89PNG")


def test_a_quantity_of_many_names_is_drawn() -> None:
    names = np.array([f"a rather long name {number}" for number in range(60)], object)
    (figure,) = made(histograms=[learn("names", names)]).figures
    assert "mostly" in figure.description
