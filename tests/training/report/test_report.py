"""A report of every tiny recipe: that it stands alone, and that it says what the card says."""

import base64
import io
import re
import subprocess
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from serving.card import ModelCard, Variant
from tests.programs import needs
from tests.tiny_recipes import Trained
from training.recipe import Training
from training.report.architecture import architecture
from training.report.comparisons import comparisons
from training.report.number import number
from training.report.page import Section, Table, render

VOID = {"img", "meta"}
PREFIX = "data:image/png;base64,"
PHONE = """<iframe src="report.html" style="width: 400px; height: 1000px"></iframe><script>
document.querySelector("iframe").onload = ({target}) => {
  const scrolls = (element) => element.scrollWidth > element.clientWidth;
  const page = target.contentDocument;
  document.body.append("the page scrolls: " + scrolls(page.documentElement)
    + ", the table scrolls: " + scrolls(page.querySelector(".table")));
};
</script>"""
OF_CLASSIFIERS = {"confusion-matrix", "reliability"}
OF_REGRESSORS = {"predicted-against-actual", "residuals", "interval-coverage", "error-map"}


class Page(HTMLParser):
    """The pictures, tables and words of a page whose elements are all closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.figures: list[str | None] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.words = ""
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.addresses += [attributes[name] or "" for name in ("src", "href") if name in attributes]
        if tag == "img":
            self.images.append(attributes)
        elif tag == "figure":
            self.figures.append(attributes["id"])
        elif tag == "caption":
            self._rows: list[list[str]] = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data
        if "caption" in self.open:
            self.tables[data] = self._rows
        elif self.open and self.open[-1] in ("td", "th"):
            self._rows[-1][-1] += data


@dataclass(frozen=True)
class Reported:
    training: Training
    card: ModelCard
    folder: Path
    page: Page = field(repr=False)

    @property
    def test_answers(self) -> dict[str, Any]:
        test = self.training.data.test
        return dict(self.training.graph.answer_all(test.inputs, len(test)))


@pytest.fixture(scope="module")
def reported(trained: Trained) -> Reported:
    assert trained.options.reports is not None
    folder = trained.options.reports / trained.card.name / "1"
    page = Page((folder / "report.html").read_text())
    return Reported(trained.training, trained.card, folder, page)


def test_the_page_stands_alone(reported: Reported) -> None:
    page = reported.page
    assert page.open == []
    assert all(each.startswith(("#", PREFIX)) for each in page.addresses)
    assert len(page.images) == len(page.figures)
    for image, name in zip(page.images, page.figures, strict=True):
        assert len(image["alt"] or "") > 20
        png = base64.b64decode((image["src"] or "").removeprefix(PREFIX), validate=True)
        assert (reported.folder / f"{name}.png").read_bytes() == png
        with Image.open(io.BytesIO(png)) as picture:
            assert picture.format == "PNG"
            picture.load()


def test_a_report_is_small_enough_to_be_kept(reported: Reported) -> None:
    assert sum(path.stat().st_size for path in reported.folder.iterdir()) < 700_000


def test_the_figures_are_those_that_the_answers_call_for(reported: Reported) -> None:
    figures = set(reported.page.figures)
    assert "learning-curves" in figures
    is_classifier = reported.training.recipe.outputs.has_classes
    assert figures >= (OF_CLASSIFIERS if is_classifier else OF_REGRESSORS)
    assert not figures & (OF_REGRESSORS if is_classifier else OF_CLASSIFIERS)


def test_the_page_says_what_the_card_says(reported: Reported) -> None:
    card, page = reported.card, reported.page
    rows = {row[0]: row[1:] for row in page.tables["Figures"]}
    for metric in card.metrics:
        assert rows[metric.name.replace("_", " ")][2] == number(metric.value)
    assert card.command is not None
    for text in (card.command, card.data_set.sha256, card.data_set.split_method):
        assert text in page.words
    found = page.tables["What the checks of the data found"][1:]
    assert [row[1:3] for row in found] == [[e.name, e.message] for e in card.data_set.findings]
    layers = page.tables["Layers"]
    assert card.numbers is not None
    of_network = card.numbers.trained + card.numbers.frozen + card.numbers.statistics
    assert layers[-1][-1] == f"{of_network:,}"
    held = {row[0]: row[2] for row in page.tables["Numbers that the version holds"][1:]}
    assert held == {name: f"{count:,}" for name, count in card.numbers.model_dump().items()}
    assert f"{card.parameters:,} trained weights" in page.words
    settings = dict(page.tables["Hyper-parameters"][1:])
    assert settings == {name: str(value) for name, value in card.hyper_parameters.items()}
    for name, seen in card.input_statistics.items():
        assert seen.missing == 0 or f"{name} {seen.missing} (" in page.words


def test_the_gap_is_read_out(reported: Reported) -> None:
    verdicts = "High bias|High variance|Fine|Too few to tell"
    assert re.search(rf"({verdicts})\. The error is [\d.,]+", reported.page.words)
    errors = {row[0]: row[1] for row in reported.page.tables["Error by part"]}
    metrics = {each.name: each.value for each in reported.card.metrics}
    accuracy = metrics.get("accuracy")
    test = metrics["root_mean_squared_error"] if accuracy is None else 1 - accuracy
    assert errors["test"] == number(test)
    floor = errors["best baseline, test"]
    assert (floor == "none") == ("There is no baseline" in reported.page.words)
    assert (floor == "none") == (not reported.card.baselines)


def test_the_errors_shown_are_errors(reported: Reported) -> None:
    judgement = reported.training.recipe.outputs.judge(
        reported.test_answers, reported.training.data.test.targets
    )
    if not judgement.badness.any():
        assert "Every answer to the test part is right." in reported.page.words
        return
    worst = reported.page.tables.get("Worst answers of the test part")
    if worst is None:
        pictures = next(i for i in reported.page.images if "pictures, each with" in str(i["alt"]))
        rows = re.findall(r"(\w+): (\w+): [\d.]+", str(pictures["alt"]))
        assert rows
        assert all(truth != answer for truth, answer in rows)
        return
    truths, answers = ([row[column] for row in worst[1:]] for column in (0, 1))
    assert all(truth != answer for truth, answer in zip(truths, answers, strict=True))
    if reported.card.confusion_matrix is None:
        residuals = np.abs(reported.test_answers["price"] - reported.training.data.test.targets)
        shown = float(worst[1][2].replace(",", ""))
        assert abs(shown) == pytest.approx(residuals.max(), abs=1)


def test_without_graphviz_the_layers_are_listed(
    reported: Reported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    section = architecture(reported.training.fit.network, reported.card.numbers)
    assert section.figures == []
    assert "needs Graphviz" in section.paragraphs[0]
    assert len(section.tables[0].rows) == len(reported.training.fit.network.layers) + 1


def test_a_report_compares_what_the_card_compares(reported: Reported) -> None:
    figures = {each.name: each.value for each in reported.card.metrics}
    variant = Variant(name="something simpler", metrics=figures)
    changes = {"baselines": [variant], "ablations": [], "seeds": [variant, variant]}
    section = comparisons(reported.card.model_copy(update=changes))
    tables = {table.caption: table for table in section.tables}
    name, value = next(iter(figures.items()))
    baselines = tables["Baselines, on the test part"]
    assert baselines.head[1] == name.replace("_", " ")
    assert [row[0] for row in baselines.rows] == ["this version", "something simpler"]
    assert baselines.rows[1][1] == number(value)
    seeds = tables["Seeds, on the test part"]
    assert [row[0] for row in seeds.rows[2:]] == ["mean", "standard deviation"]
    assert seeds.rows[3][1] == number(0.0)
    assert "Perturbed inputs, on the test part" in tables
    assert section.paragraphs == ["Not measured in this training: ablations."]


@needs("chromium", package="chromium")
def test_on_a_phone_tables_scroll_and_the_page_does_not(tmp_path: Path) -> None:
    words, numbers = f"of the file {'0' * 64}", ["1,234,567.89"] * 12
    wide = Table("Wide", ["what", *numbers], [[words, *numbers]])
    (tmp_path / "report.html").write_text(render("Wide", [Section("Wide", [words], tables=[wide])]))
    (tmp_path / "phone.html").write_text(PHONE)
    command = [
        *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"),
        *(f"--user-data-dir={tmp_path / 'profile'}", "--allow-file-access-from-files"),
        *("--virtual-time-budget=10000", (tmp_path / "phone.html").as_uri()),
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "the page scrolls: false, the table scrolls: true" in shown
