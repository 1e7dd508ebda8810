"""Single examples as rows of a table and as pictures."""

import io

import numpy as np
from PIL import Image

from training.data.examples import Examples
from training.outputs.classification import judge
from training.report.examples import LONGEST_TEXT, shorten, show_pictures, table

SCORES = {
    "classes": np.array([[b"no", b"yes"]] * 2, dtype=object),
    "scores": np.array([[0.9, 0.1], [0.2, 0.8]], dtype=np.float32),
}


def test_texts_and_numbers_stand_beside_truth_and_answer() -> None:
    texts = np.array(["déjà vu".encode(), b"it goes on " * 100], dtype=object)
    sizes = np.array([1_234.5, np.nan], dtype=np.float32)
    examples = Examples({"text": texts, "size": sizes}, np.array([1, 1]))
    shown = table(examples, judge(SCORES, examples.targets), title="some")
    assert list(shown.head) == ["truth", "answer", "its score", "text", "size"]
    assert list(shown.rows[0]) == ["yes", "no", "0.900", "déjà vu", "1,234.5"]
    assert shown.rows[1][3].startswith("it goes on")
    assert shown.rows[1][4] == "missing"


def test_a_long_text_keeps_both_ends() -> None:
    text = "begin " + "x" * 1_000 + " end"
    short = shorten(text)
    assert short.startswith("begin")
    assert short.endswith("end")
    assert len(short) < LONGEST_TEXT + 10


def test_pictures_are_enlarged_and_described() -> None:
    pictures = np.zeros((2, 8, 8, 3), dtype=np.uint8)
    shown = show_pictures(pictures, judge(SCORES, np.array([1, 1])), name="some", title="Some")
    assert "yes: no: 0.900" in shown.description
    with Image.open(io.BytesIO(shown.png)) as drawn:
        assert min(drawn.size) > 100
